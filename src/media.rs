//! Step 4: whether the body is of a kind and size that can be judged, as far as its headers say.

use crate::headers::Headers;
use crate::refusal::{Reason, Refusal};

/// Judges what the headers say of the body.
///
/// 1. `content-type` is there once and is `application/json`; a `charset` can only be `utf-8` (RFC 8259, 8.1).
/// 2. There is no `content-encoding` but `identity`: what cannot be read cannot be judged.
/// 3. A `content-length` is at most `max_body` bytes.
///
/// # Errors
/// [`Reason::UnsupportedMediaType`], [`Reason::UnsupportedEncoding`], [`Reason::TooLarge`].
pub fn check(headers: &Headers, max_body: usize) -> Result<(), Refusal> {
    if !headers.only("content-type").is_some_and(is_json) {
        let message = "Send the request body as `content-type: application/json`.";
        return Err(Refusal::new(Reason::UnsupportedMediaType, message));
    }
    if !headers.all("content-encoding").all(|value| value.trim_ascii().eq_ignore_ascii_case(b"identity")) {
        let message = "Send the request body without a content-encoding; a compressed one cannot be checked.";
        return Err(Refusal::new(Reason::UnsupportedEncoding, message));
    }
    match headers.only("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => check_size(length, max_body),
        // Envoy has checked that it is a number; one that does not fit is too large.
        Some(Err(_)) => check_size(usize::MAX, max_body),
        None => Ok(()),
    }
}

/// Judges the size of the body, in bytes: what is declared, or what has come so far.
///
/// # Errors
/// [`Reason::TooLarge`].
pub fn check_size(length: usize, max_body: usize) -> Result<(), Refusal> {
    if length <= max_body {
        return Ok(());
    }
    let message = format!("The request body is longer than the {max_body} bytes that are allowed here.");
    Err(Refusal::new(Reason::TooLarge, message))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let utf8 = value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8");
            !name.trim().eq_ignore_ascii_case("charset") || utf8
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(headers: &[(&str, &str)]) -> Result<(), Reason> {
        let headers = headers.iter().map(|(name, value)| (*name, *value)).collect();
        check(&headers, 100).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn json_in_utf8_passes() {
        for content_type in [
            "application/json",
            "Application/JSON ; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; profile=x",
            "application/json;",
        ] {
            assert_eq!(judge(&[("content-type", content_type)]), Ok(()), "{content_type}");
        }
        let whole = [("content-type", "application/json"), ("content-encoding", "identity"), ("content-length", "100")];
        assert_eq!(judge(&whole), Ok(()));
    }

    #[test]
    fn anything_else_does_not() {
        for content_type in ["", "text/plain", "application/jsonp", "application/json; charset=utf-16", "json"] {
            assert_eq!(judge(&[("content-type", content_type)]), Err(Reason::UnsupportedMediaType), "{content_type}");
        }
        assert_eq!(judge(&[]), Err(Reason::UnsupportedMediaType));
        let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
        assert_eq!(judge(&twice), Err(Reason::UnsupportedMediaType));
        for encoding in ["gzip", "identity, gzip", "br", ""] {
            let encoded = [("content-type", "application/json"), ("content-encoding", encoding)];
            assert_eq!(judge(&encoded), Err(Reason::UnsupportedEncoding), "{encoding}");
        }
        for length in ["101", "99999999999999999999999999"] {
            let long = [("content-type", "application/json"), ("content-length", length)];
            assert_eq!(judge(&long), Err(Reason::TooLarge), "{length}");
        }
    }
}
