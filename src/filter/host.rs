//! The calls to the proxy-wasm host (ABI 0.2.1) whose answer depends on what a client or an upstream did.
//!
//! The SDK's own functions panic on any status that they do not expect, and a panic traps the VM: the request gets 503,
//! and so does every other on that worker thread until the VM is made anew. A header map that is gone after the headers
//! phase has ended, filter state that another filter made read-only, a header's name that is not UTF-8: each is such a
//! status. So these calls are declared here, and give every status back as a value.
//!
//! This is the one file with `unsafe`. Two arguments make it sound, and hold for every use:
//!
//! - *Lent*: pointer and length are those of a slice or a string that lives until the call returns; the host only
//!   reads, within the length.
//! - *Given*: the host stores its answer in memory that it got from the SDK's `proxy_on_memory_allocate`, which makes a
//!   boxed slice of exactly the size asked for and gives it away; [`Given::take`] makes the same box of it again.

use std::ptr::{null, null_mut, slice_from_raw_parts_mut};

use crate::headers::{HeaderEdits, Headers};

/// A status of the host other than `Ok` (0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status(u32);

impl Status {
    const NOT_FOUND: Self = Self(1);
    const CAS_MISMATCH: Self = Self(8);
    /// An answer of the host that cannot be made sense of.
    pub(super) const UNEXPECTED: Self = Self(u32::MAX);
}

/// The header maps that the filter touches.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum Map {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
}

const REQUEST_BODY: u32 = 0;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, replaced: usize, data: *const u8, size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, cas: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

fn check(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

/// Where the host puts an answer of its own length.
struct Given {
    data: *mut u8,
    size: usize,
}

impl Given {
    const NOTHING: Self = Self { data: null_mut(), size: 0 };

    fn take(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: *Given*.
        unsafe { Box::from_raw(slice_from_raw_parts_mut(self.data, self.size)).into_vec() }
    }
}

/// All headers of a map.
pub(super) fn headers(map: Map) -> Result<Headers, Status> {
    let mut given = Given::NOTHING;
    // SAFETY: *Given*.
    check(unsafe { proxy_get_header_map_pairs(map as u32, &raw mut given.data, &raw mut given.size) })?;
    let pairs = read_pairs(&given.take()).ok_or(Status::UNEXPECTED)?;
    Ok(pairs.into_iter().collect())
}

/// Changes a header map: all that can be changed, and the first thing that could not.
pub(super) fn edit_headers(map: Map, edits: &HeaderEdits) -> Result<(), Status> {
    let removed = edits.remove.iter().map(|name| {
        // SAFETY: *Lent*.
        check(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
    });
    let set = edits.set.iter().map(|(name, value)| {
        // SAFETY: *Lent*.
        check(unsafe {
            proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    });
    // Collected first: every change is tried.
    let done: Vec<_> = removed.chain(set).collect();
    done.into_iter().collect()
}

/// The request's body as far as Envoy holds it.
pub(super) fn request_body() -> Result<Vec<u8>, Status> {
    let mut given = Given::NOTHING;
    // SAFETY: *Given*.
    let status =
        unsafe { proxy_get_buffer_bytes(REQUEST_BODY, 0, usize::MAX, &raw mut given.data, &raw mut given.size) };
    match check(status) {
        Ok(()) => Ok(given.take()),
        Err(Status::NOT_FOUND) => Ok(Vec::new()),
        Err(status) => Err(status),
    }
}

/// Puts `body` in the place of the request's body.
pub(super) fn set_request_body(body: &[u8]) -> Result<(), Status> {
    // SAFETY: *Lent*.
    check(unsafe { proxy_set_buffer_bytes(REQUEST_BODY, 0, usize::MAX, body.as_ptr(), body.len()) })
}

/// An attribute of the stream; `None` where it has none of this path.
pub(super) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    let mut given = Given::NOTHING;
    // SAFETY: *Lent* and *Given*.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut given.data, &raw mut given.size) };
    check(status).ok().map(|()| given.take())
}

/// Puts a value into the stream's filter state, as `wasm.NAME`.
pub(super) fn set_property(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: *Lent*.
    check(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// A value that all worker threads share, and the number to replace it by.
pub(super) fn shared(key: &str) -> Result<Option<(Vec<u8>, u32)>, Status> {
    let mut given = Given::NOTHING;
    let mut cas = 0;
    // SAFETY: *Lent* and *Given*.
    let status = unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), &raw mut given.data, &raw mut given.size, &raw mut cas)
    };
    match check(status) {
        Ok(()) => Ok(Some((given.take(), cas))),
        Err(Status::NOT_FOUND) => Ok(None),
        Err(status) => Err(status),
    }
}

/// Replaces a shared value unless it has another number by now (whether it did); always where `cas` is 0.
pub(super) fn set_shared(key: &str, value: &[u8], cas: u32) -> Result<bool, Status> {
    // SAFETY: *Lent*.
    let status = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) };
    match check(status) {
        Ok(()) => Ok(true),
        Err(Status::CAS_MISMATCH) => Ok(false),
        Err(status) => Err(status),
    }
}

/// Answers the request in place of the upstream. `details` is what Envoy's `%RESPONSE_CODE_DETAILS%` shows.
pub(super) fn answer(status: u16, details: &str, headers: &[(&str, String)], body: &[u8]) -> Result<(), Status> {
    let pairs = write_pairs(headers);
    // SAFETY: *Lent*.
    check(unsafe {
        proxy_send_local_response(
            u32::from(status),
            if details.is_empty() { null() } else { details.as_ptr() },
            details.len(),
            body.as_ptr(),
            body.len(),
            pairs.as_ptr(),
            pairs.len(),
            -1,
        )
    })
}

/// Reads a header map as the host writes it: the number of pairs, their lengths, then names and values, each with a zero
/// byte behind it. `None` where it is written otherwise: a header that is not read is one that is not taken away.
fn read_pairs(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let number = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let count = number(0)?;
    let mut at = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |length: usize| {
        let text = bytes.get(at..at.checked_add(length)?)?;
        at += length + 1;
        Some(text)
    };
    let pair = |index: usize| {
        let (name, value) = (number(4 + index * 8)?, number(8 + index * 8)?);
        Some((String::from_utf8(text(name)?.to_vec()).ok()?, text(value)?.to_vec()))
    };
    (0..count).map(pair).collect()
}

fn write_pairs(pairs: &[(&str, String)]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in pairs {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]) {
        bytes.extend_from_slice(text);
        bytes.push(0);
    }
    bytes
}
