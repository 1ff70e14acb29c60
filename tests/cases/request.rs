//! Requests as clients send them.

use std::fmt;

use super::world;
use crate::emulator::HeaderMap;

/// A request, and what the upstream answers where it is asked.
#[derive(Clone)]
pub(crate) struct Request {
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    answer: HeaderMap,
}

/// A request as it arrives: its body in parts.
#[derive(Clone)]
pub(crate) struct Sent {
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body; no part at all where the headers are the whole request.
    pub(crate) parts: Vec<Vec<u8>>,
    /// Whether trailers follow.
    pub(crate) trailers: bool,
    /// The headers of the upstream's answer.
    pub(crate) answer: HeaderMap,
}

impl Request {
    /// `POST /v1/chat/completions` over TLS, as an OpenAI SDK with the key of [`world::CHECKOUT`] sends it.
    pub(crate) fn chat(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let request = Self::headers_only("POST", "/v1/chat/completions");
        let request = request.with("content-type", "application/json").with("content-length", body.len().to_string());
        Self { body: Some(body), ..request }
    }

    /// The smallest sound body, for `model`.
    pub(crate) fn for_model(model: &str) -> Self {
        Self::chat(format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}]}}"#))
    }

    /// A request without a body.
    pub(crate) fn headers_only(method: &str, path: &str) -> Self {
        let headers = [
            (":method", method),
            (":path", path),
            (":scheme", "https"),
            (":authority", "llm.example"),
            ("user-agent", "OpenAI/Python 2.8.0"),
            ("accept", "application/json"),
            ("authorization", &format!("Bearer {}", world::CHECKOUT)),
        ];
        let answer = [
            (":status", "200"),
            ("content-type", "application/json"),
            ("server", "uvicorn"),
            ("x-powered-by", "Express"),
        ];
        Self { headers: headers.into_iter().collect(), body: None, answer: answer.into_iter().collect() }
    }

    /// With another key, in the same header.
    pub(crate) fn key(self, key: &str) -> Self {
        self.with("authorization", format!("Bearer {key}"))
    }

    /// With the one value of a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.replace(name, value);
        self
    }

    /// With one more value of a header.
    pub(crate) fn and(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.add(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// With a header in the upstream's answer.
    pub(crate) fn answered_with(mut self, name: &str, value: &str) -> Self {
        self.answer.replace(name, value);
        self
    }

    /// The request with its body in one part.
    pub(crate) fn whole(&self) -> Sent {
        self.cut(&[], false)
    }

    /// The request with its body cut at `places`. Two equal places make an empty part.
    pub(crate) fn cut(&self, places: &[usize], trailers: bool) -> Sent {
        let mut parts = Vec::new();
        if let Some(body) = &self.body {
            let mut places = places.to_vec();
            places.sort_unstable();
            let mut from = 0;
            for to in places.into_iter().chain([body.len()]) {
                parts.push(body[from..to].to_vec());
                from = to;
            }
        }
        Sent { headers: self.headers.clone(), parts, trailers, answer: self.answer.clone() }
    }

    /// Bytes of the body.
    pub(crate) fn body_len(&self) -> usize {
        self.body.as_ref().map_or(0, Vec::len)
    }
}

impl Sent {
    /// Whether nothing follows the headers.
    pub(crate) fn is_headers_only(&self) -> bool {
        self.parts.is_empty() && !self.trailers
    }

    /// The body as a whole.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.parts.concat()
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self.parts.iter().map(|part| String::from_utf8_lossy(part)).collect();
        write!(f, "{:#?}\nin parts: {parts:?}{}", self.headers, if self.trailers { ", then trailers" } else { "" })
    }
}
