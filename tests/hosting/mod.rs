//! What only the compiled filter in its host can get wrong: workers side by side, policies that come and go, bodies that
//! Envoy holds back, host calls that fail.

mod bodies;
mod counters;
mod faults;
mod policies;

use std::sync::Arc;

use crate::cases::{Request, world};
use crate::emulator::Host;
use crate::subjects::{Emulated, Subject};

/// A host that shows the filter bodies while it pauses.
fn host() -> Arc<Host> {
    Host::new(true, world::now())
}

/// A request that passes, with a key.
fn hello(key: &str) -> Request {
    Request::for_model("llama-3").key(key)
}

/// Whether the request passes.
fn passes(filter: &mut Emulated, request: &Request) -> bool {
    filter.exchange(&request.whole()).upstream.is_some()
}

/// The code of an answer of Tollgate's own.
fn code(answer: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(answer).expect("JSON");
    answer["error"]["code"].as_str().expect("an error").to_owned()
}
