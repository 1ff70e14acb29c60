//! `requests`: what a request may be.

use super::reader::Reader;

/// What a request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// Bytes of a body. Envoy must be able to buffer as much.
    pub max_body: usize,
    /// Objects and arrays within each other.
    pub max_depth: usize,
}

impl Default for RequestRules {
    fn default() -> Self {
        Self { max_body: 4 << 20, max_depth: 64 }
    }
}

/// The most that `max_body` can be: a worker holds it several times over while it is judged.
const MAX_BODY: usize = 64 << 20;

pub(super) fn read(section: &Reader<'_>) -> RequestRules {
    let mut rules = RequestRules::default();
    let Some(fields) = section.object(&["max_body", "max_depth", "unknown_fields", "unlisted_paths"]) else {
        return rules;
    };
    if let Some(bytes) = fields.get("max_body").and_then(|size| size.size(MAX_BODY)) {
        rules.max_body = bytes;
    }
    let depth = fields.get("max_depth").and_then(|depth| depth.integer(4..=128));
    if let Some(depth) = depth.and_then(|depth| usize::try_from(depth).ok()) {
        rules.max_depth = depth;
    }
    if let Some(unknown) = fields.get("unknown_fields") {
        unknown.one_of(&[("allow", ())]);
    }
    if let Some(unlisted) = fields.get("unlisted_paths") {
        unlisted.one_of(&[("deny", ())]);
    }
    rules
}
