//! Step 1: which endpoint of which API a request is for.

use crate::refusal::{Reason, Refusal};

/// An endpoint that Tollgate knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`: judged and sent to a provider.
    ChatCompletions,
    /// `GET /v1/models`: answered by Tollgate itself.
    Models,
}

/// Path, method, endpoint.
const ENDPOINTS: [(&str, &str, Endpoint); 2] =
    [("/v1/chat/completions", "POST", Endpoint::ChatCompletions), ("/v1/models", "GET", Endpoint::Models)];

/// The endpoint of `method` on `path` (with its query, as in `:path`).
///
/// A path is compared as it is: Envoy has normalised it before, and a path that only resembles a listed one is not
/// listed.
///
/// # Errors
/// [`Reason::UnknownPath`] and [`Reason::MethodNotAllowed`].
pub fn find(method: &str, path: &str) -> Result<Endpoint, Refusal> {
    let path = path.split_once('?').map_or(path, |(path, _query)| path);
    let (_, allowed, endpoint) = ENDPOINTS.iter().find(|(listed, ..)| *listed == path).ok_or_else(|| {
        let listed: Vec<_> = ENDPOINTS.iter().map(|(path, method, _)| format!("{method} {path}")).collect();
        let message = format!("There is nothing at this path. Served here: {}.", listed.join(", "));
        Refusal::new(Reason::UnknownPath, message)
    })?;
    if method == *allowed {
        return Ok(*endpoint);
    }
    let message = format!("This path takes {allowed} requests only.");
    Err(Refusal { allow: Some(allowed), ..Refusal::new(Reason::MethodNotAllowed, message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_listed_or_it_is_not() {
        assert_eq!(find("POST", "/v1/chat/completions"), Ok(Endpoint::ChatCompletions));
        assert_eq!(find("POST", "/v1/chat/completions?beta=true"), Ok(Endpoint::ChatCompletions));
        assert_eq!(find("GET", "/v1/models"), Ok(Endpoint::Models));
        for path in ["/", "", "/v1/chat/completions/", "/V1/chat/completions", "//v1/chat/completions", "*"] {
            assert_eq!(find("POST", path).map_err(|refusal| refusal.reason), Err(Reason::UnknownPath), "{path}");
        }
    }

    #[test]
    fn another_method_learns_the_right_one() {
        for method in ["GET", "PUT", "OPTIONS", "post", "CONNECT", ""] {
            let refusal = find(method, "/v1/chat/completions").unwrap_err();
            assert_eq!((refusal.reason, refusal.allow), (Reason::MethodNotAllowed, Some("POST")), "{method}");
        }
    }
}
