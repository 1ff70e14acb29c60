//! Finds out that Envoy does not hand over bodies.
//!
//! A filter that pauses in the headers phase gets the body only where the plugin's configuration has
//! `allow_on_headers_stop_iteration: true`; otherwise the request hangs. Nothing tells the filter whether it has, but a
//! request of which Envoy has received more than the headers, while the filter was not shown any of it, says enough;
//! unless another request's body has been shown, which proves the contrary.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What one VM has seen of bodies.
#[derive(Default)]
pub(super) struct Watch {
    /// The requests whose body has not been shown yet, and the bytes of their headers.
    waiting: RefCell<BTreeMap<u32, u64>>,
    /// Some body has been shown.
    any_shown: Cell<bool>,
    stuck: Cell<bool>,
}

impl Watch {
    /// The request waits for its body; its headers have so many bytes.
    pub(super) fn wait_for(&self, request: u32, header_bytes: u64) {
        self.waiting.borrow_mut().insert(request, header_bytes);
    }

    /// The request's body, or its end, has been shown.
    pub(super) fn shown(&self, request: u32) {
        self.any_shown.set(true);
        self.stuck.set(false);
        self.forget(request);
    }

    /// The request has ended.
    pub(super) fn forget(&self, request: u32) {
        self.waiting.borrow_mut().remove(&request);
    }

    /// Whether bodies are held back.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.get()
    }

    /// The requests that will never be shown their body; each is told once. `has_more_than` says whether Envoy has
    /// received more of a request than so many bytes.
    pub(super) fn find_stuck(&self, has_more_than: impl Fn(u32, u64) -> bool) -> Vec<u32> {
        if self.any_shown.get() {
            return Vec::new();
        }
        let mut waiting = self.waiting.borrow_mut();
        let stuck: Vec<_> =
            waiting.iter().filter(|(id, bytes)| has_more_than(**id, **bytes)).map(|(id, _)| *id).collect();
        for id in &stuck {
            waiting.remove(id);
            self.stuck.set(true);
        }
        stuck
    }
}
