//! One request and its answer, as Envoy holds them.

use std::collections::BTreeMap;
use std::fmt;

use super::headers::HeaderMap;

/// A request as it is sent on, or an answer as the client gets it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// One request and its answer.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// What the upstream has got of the request.
    pub(crate) upstream: Option<Message>,
    /// Whether that is all of it.
    pub(crate) upstream_is_whole: bool,
    /// What the client has got.
    pub(crate) answer: Option<Message>,
    /// `%RESPONSE_CODE_DETAILS%`, where the filter answered.
    pub(crate) details: Option<String>,
    /// Whether the route was chosen anew.
    pub(crate) route_cache_cleared: bool,
    /// Strings that filters hand to each other and to the access log.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    pub(super) root: u32,
    pub(super) hold: Hold,
    /// Gone when the headers phase has ended with Continue.
    pub(super) request_headers: Option<HeaderMap>,
    pub(super) request_trailers: Option<HeaderMap>,
    /// There in the phase of the answer's headers.
    pub(super) response_headers: Option<HeaderMap>,
    /// The part of the request's body that has not been sent on.
    pub(super) body: Vec<u8>,
    pub(super) body_bytes_received: usize,
    pub(super) local_reply: Option<LocalReply>,
}

/// How far the filter's Pause goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Hold {
    /// Nothing is held.
    #[default]
    No,
    /// Nothing is sent on, but the filter is shown what arrives.
    Iteration,
    /// The filter is not shown anything either.
    All,
}

/// An answer of the filter's own.
#[derive(Debug)]
pub(super) struct LocalReply {
    pub(super) status: u32,
    pub(super) details: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Stream {
    /// What `proxy_get_property` gives for a path.
    pub(super) fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        match path {
            ["filter_state", key] => self.filter_state.get(*key).cloned(),
            ["request", "total_size"] => {
                let headers = self.request_headers.as_ref().map_or(0, HeaderMap::byte_size);
                Some(((headers + self.body_bytes_received) as u64).to_le_bytes().to_vec())
            }
            [own] => self.filter_state.get(&format!("wasm.{own}")).cloned(),
            _ => None,
        }
    }

    /// Sends on what is held: the headers, where they have not gone yet, and the body so far.
    pub(super) fn send_on(&mut self, is_whole: bool) {
        let headers = &self.request_headers;
        let upstream = self.upstream.get_or_insert_with(|| {
            let headers = headers.clone().expect("headers are sent on once");
            Message { headers, body: Vec::new() }
        });
        upstream.body.append(&mut self.body);
        self.upstream_is_whole = is_whole;
        self.hold = Hold::No;
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        f.debug_struct("Message").field("headers", &self.headers).field("body", &body).finish()
    }
}

impl LocalReply {
    /// The answer that Envoy makes of it.
    pub(super) fn into_message(self) -> Message {
        let Self { status, headers: own, body, .. } = self;
        let mut headers = HeaderMap::default();
        headers.add(":status", status.to_string());
        own.iter().for_each(|(name, value)| headers.add(name, value));
        if !body.is_empty() {
            headers.replace("content-length", body.len().to_string());
            if headers.all("content-type").is_empty() {
                headers.add("content-type", "text/plain");
            }
        }
        Message { headers, body }
    }
}
