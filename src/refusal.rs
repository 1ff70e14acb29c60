//! Refusals: what the caller is told, and under which word they are counted.

use std::time::Duration;

use serde_json::json;

use crate::headers::Headers;

/// Why a request does not pass. The words of [`Reason::code`] are what the caller's program can branch on, what the
/// access log shows and what is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No endpoint has this path.
    UnknownPath,
    /// The endpoint has another method.
    MethodNotAllowed,
    /// No credential where one is looked for.
    MissingKey,
    /// A credential that no client has.
    UnknownKey,
    /// A credential whose time is over.
    ExpiredKey,
    /// Two credentials that differ.
    ConflictingKeys,
    /// The client has sent what it may for now.
    RateLimited,
    /// The counters that the workers share could not be read or written.
    CountersUnavailable,
    /// Not JSON by its `content-type`.
    UnsupportedMediaType,
    /// Compressed or otherwise encoded.
    UnsupportedEncoding,
    /// Longer than the policy's bound.
    TooLarge,
    /// Not a sound JSON document; the word says which flaw.
    Document(&'static str),
    /// Against the endpoint's schema; the word says which kind of rule.
    Schema(&'static str),
    /// No provider serves the model.
    UnknownModel,
    /// The client may not use the model.
    ModelNotAllowed,
    /// Envoy has no usable secret for the provider.
    NoCredential,
    /// Envoy is configured so that the filter cannot do its work.
    Misconfigured,
}

impl Reason {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Document(_) | Self::Schema(_) => 400,
            Self::MissingKey | Self::UnknownKey | Self::ExpiredKey | Self::ConflictingKeys => 401,
            Self::ModelNotAllowed => 403,
            Self::UnknownPath | Self::UnknownModel => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => 415,
            Self::RateLimited => 429,
            Self::Misconfigured => 500,
            Self::CountersUnavailable | Self::NoCredential => 503,
        }
    }

    /// The word for programs, logs and metrics: OpenAI's own where OpenAI has one.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownPath => "unknown_url",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MissingKey => "missing_api_key",
            Self::UnknownKey => "invalid_api_key",
            Self::ExpiredKey => "expired_api_key",
            Self::ConflictingKeys => "conflicting_api_keys",
            Self::RateLimited => "rate_limit_exceeded",
            Self::CountersUnavailable => "counters_unavailable",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedEncoding => "unsupported_content_encoding",
            Self::TooLarge => "request_too_large",
            Self::Document(code) | Self::Schema(code) => code,
            Self::UnknownModel => "model_not_found",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::NoCredential => "credential_unavailable",
            Self::Misconfigured => "gateway_misconfigured",
        }
    }

    /// The `type` of OpenAI's error object.
    fn openai_type(self) -> &'static str {
        match self.status() {
            429 => "requests",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// The `type` of Anthropic's error object (<https://docs.anthropic.com/en/api/errors>).
    fn anthropic_type(self) -> &'static str {
        match self.status() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        }
    }
}

/// How an API tells errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorForm {
    /// `{"error": {"message", "type", "param", "code"}}`
    #[default]
    OpenAi,
    /// `{"type": "error", "error": {"type", "message"}}`
    Anthropic,
}

/// A request that does not pass: nothing of it is sent upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// A sentence for the person who reads the answer. Holds nothing that the caller sent but names of parameters.
    pub message: String,
    /// The parameter at fault, as `messages[2].role`.
    pub param: Option<String>,
    /// How long to wait before another try makes sense.
    pub retry_after: Option<Duration>,
    /// The method that the endpoint has, for `allow`.
    pub allow: Option<&'static str>,
}

impl Refusal {
    /// A refusal that says no more than why.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), param: None, retry_after: None, allow: None }
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The answer to the caller, in the form of the API that it called.
    #[must_use]
    pub fn reply(&self, form: ErrorForm) -> Reply {
        let error = match form {
            ErrorForm::OpenAi => json!({ "error": {
                "message": self.message,
                "type": self.reason.openai_type(),
                "param": self.param,
                "code": self.reason.code(),
            } }),
            ErrorForm::Anthropic => json!({ "type": "error", "error": {
                "type": self.reason.anthropic_type(),
                "message": self.message,
            } }),
        };
        let mut reply = Reply::json(self.reason.status(), &error);
        if let Some(wait) = self.retry_after {
            // RFC 9110, 10.2.3: whole seconds. Rounded up, so that the try that follows is not too early.
            let seconds = wait.as_millis().div_ceil(1000);
            reply.headers.push(("retry-after", seconds.to_string()));
            // Read first by OpenAI's SDKs, in milliseconds.
            reply.headers.push(("retry-after-ms", wait.as_micros().div_ceil(1000).to_string()));
        }
        if let Some(method) = self.allow {
            reply.headers.push(("allow", method.to_owned()));
        }
        if self.reason.status() == 401 {
            reply.headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        reply
    }
}

/// An answer that Tollgate gives itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Headers beside those that every answer gets.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply whose body is `value`.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        let content_type = ("content-type", "application/json".to_owned());
        Self { status, headers: vec![content_type], body: value.to_string().into_bytes() }
    }

    /// The header map of the answer, before the edits that every answer gets.
    #[must_use]
    pub fn header_map(&self) -> Headers {
        let status = (":status", self.status.to_string());
        std::iter::once(status).chain(self.headers.iter().cloned()).collect()
    }
}
