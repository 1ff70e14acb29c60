//! Step 8: the headers of every answer, whoever gave it.

use crate::headers::{HeaderEdits, Headers};

/// A named set of security headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityHeaders {
    /// What an API needs.
    Api,
    /// None.
    None,
}

impl SecurityHeaders {
    /// The names that policies use.
    pub const NAMES: [(&'static str, Self); 2] = [("api", Self::Api), ("none", Self::None)];
}

/// Answers are data for a program: no page, no frame, no guess at a type, no referrer, no other origin's business.
/// From the OWASP Secure Headers Project's and the REST Security Cheat Sheet's lists.
const API: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-permitted-cross-domain-policies", "none"),
];

/// Two years (RFC 6797), as the OWASP Secure Headers Project has it. Only over TLS, where alone it may be sent.
const STRICT_TRANSPORT_SECURITY: (&str, &str) = ("strict-transport-security", "max-age=63072000; includeSubDomains");

/// Where the upstream says nothing of caching: an answer is for the one who asked.
const CACHE_CONTROL: (&str, &str) = ("cache-control", "no-store");

/// What a policy wants done to the headers of answers, rendered once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRules {
    security: SecurityHeaders,
    edits: HeaderEdits,
}

impl ResponseRules {
    /// Takes away `remove`, sets the `security` headers, then those of `set`, which come last and so prevail.
    #[must_use]
    pub fn new(security: SecurityHeaders, set: Vec<(String, String)>, remove: Vec<String>) -> Self {
        let mut edits = HeaderEdits::default();
        for name in remove {
            edits.remove(name);
        }
        if security == SecurityHeaders::Api {
            for (name, value) in API {
                edits.set(name, value);
            }
        }
        for (name, value) in set {
            edits.set.retain(|(other, _)| *other != name);
            edits.set(name, value);
        }
        Self { security, edits }
    }

    /// The edits for the answer with `headers`, to a request that came over TLS or did not.
    #[must_use]
    pub fn edits(&self, headers: &Headers, over_tls: bool) -> HeaderEdits {
        let mut edits = self.edits.clone();
        if self.security == SecurityHeaders::Api {
            let mut if_unset = |(name, value): (&'static str, &'static str)| {
                if !edits.set.iter().any(|(other, _)| other == name) {
                    edits.set(name, value);
                }
            };
            if over_tls {
                if_unset(STRICT_TRANSPORT_SECURITY);
            }
            if !headers.has(CACHE_CONTROL.0) {
                if_unset(CACHE_CONTROL);
            }
        }
        edits.remove.retain(|name| headers.has(name));
        edits
    }
}

/// Headers that tell what software answers, or whose account pays; removed unless the policy says otherwise.
pub const REMOVED_BY_DEFAULT: [&str; 4] = ["openai-organization", "openai-project", "server", "x-powered-by"];

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rules: &ResponseRules, headers: &[(&str, &str)], over_tls: bool) -> Vec<String> {
        let headers: Headers = headers.iter().map(|(name, value)| (*name, *value)).collect();
        let edits = rules.edits(&headers, over_tls);
        let mut after: Vec<_> = headers
            .iter()
            .filter(|(name, _)| !edits.remove.iter().any(|gone| gone == name))
            .filter(|(name, _)| !edits.set.iter().any(|(set, _)| set == name))
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        after.extend(edits.set.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))));
        after.sort();
        after
    }

    #[test]
    fn the_api_set_is_complete() {
        let rules = ResponseRules::new(SecurityHeaders::Api, vec![], vec!["server".to_owned()]);
        let expected = [
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "cross-origin-resource-policy: same-origin",
            "referrer-policy: no-referrer",
            "strict-transport-security: max-age=63072000; includeSubDomains",
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "x-permitted-cross-domain-policies: none",
        ];
        assert_eq!(apply(&rules, &[("server", "uvicorn"), ("x-frame-options", "ALLOW")], true), expected);
        let plain = apply(&rules, &[("cache-control", "max-age=5")], false);
        assert!(plain.contains(&"cache-control: max-age=5".to_owned()));
        assert!(!plain.iter().any(|header| header.starts_with("strict-")));
    }

    #[test]
    fn the_policys_own_headers_prevail() {
        let set =
            vec![("x-frame-options".to_owned(), "SAMEORIGIN".to_owned()), ("cache-control".to_owned(), "a".to_owned())];
        let rules = ResponseRules::new(SecurityHeaders::Api, set, vec![]);
        let after = apply(&rules, &[], false);
        assert!(after.contains(&"x-frame-options: SAMEORIGIN".to_owned()));
        assert!(after.contains(&"cache-control: a".to_owned()));
        let none = ResponseRules::new(SecurityHeaders::None, vec![], vec![]);
        assert_eq!(apply(&none, &[("a", "b")], true), ["a: b"]);
    }
}
