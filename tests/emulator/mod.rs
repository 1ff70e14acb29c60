//! An emulated Envoy: a stateful proxy-wasm host (ABI 0.2.1) that runs the compiled filter.
//!
//! It does what Envoy 1.40 does for the calls that the filter makes:
//!
//! 1. A [`Host`] is the process: its clock, its log and the data that its workers share. A [`Worker`] is one worker
//!    thread with a VM of its own.
//! 2. The request's headers can be read and changed until the headers phase ends with Continue. Then the map is gone:
//!    reading it gives nothing, changing it is status 2.
//! 3. While the filter pauses, each body callback sees the whole body so far. Where trailers follow, no body callback
//!    is told of the end; the trailers callback is the end.
//! 4. Without `allow_on_headers_stop_iteration`, a Pause in the headers phase stops the body too: no callback comes.
//! 5. A local reply is sent when the call into the VM has returned, and passes through the filter as any answer does.
//! 6. A shared value is replaced only by whoever knows its number; number 0 always replaces it.
//! 7. A new configuration is a new root context in the same VM. The one before stays for its streams, and for good
//!    where the new one is refused.
//!
//! A call that the filter is not known to make traps and names itself. A trap is a failed test.

mod guest;
mod headers;
mod host;
mod imports;
mod module;
mod stream;
mod worker;

pub(crate) use headers::HeaderMap;
pub(crate) use host::Host;
pub(crate) use stream::Message;
pub(crate) use worker::Worker;
