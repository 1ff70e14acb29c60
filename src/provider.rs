//! Step 7: the provider's own credential in place of the client's.
//!
//! The policy only names the secret. Envoy reads it (by SDS) and puts it into the request's filter state, where it is
//! in no header and in no dump of the configuration.

use std::fmt;

use fluent_uri::Uri;

use crate::dialect::Dialect;
use crate::headers::HeaderEdits;
use crate::refusal::{Reason, Refusal};

/// The API that a provider speaks, which says where it wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI and all that are compatible with it: `authorization: Bearer …`.
    OpenAi,
    /// Azure OpenAI: `api-key: …`.
    AzureOpenAi,
    /// Anthropic: `x-api-key: …`.
    Anthropic,
}

impl Api {
    /// The names that policies use.
    pub const NAMES: [(&'static str, Self); 3] =
        [("openai", Self::OpenAi), ("azure-openai", Self::AzureOpenAi), ("anthropic", Self::Anthropic)];

    /// The dialect of a provider of which the policy does not say another.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi | Self::AzureOpenAi => Dialect::OpenAi,
            Self::Anthropic => Dialect::Anthropic,
        }
    }

    fn credential(self, key: &str) -> (&'static str, String) {
        match self {
            Self::OpenAi => ("authorization", format!("Bearer {key}")),
            Self::AzureOpenAi => ("api-key", key.to_owned()),
            Self::Anthropic => ("x-api-key", key.to_owned()),
        }
    }
}

/// Where a provider's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The provider wants none.
    None,
    /// The Envoy secret of this name.
    Secret(String),
}

/// Somewhere that requests can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name: of the Envoy cluster, and the value of [`ROUTE_HEADER`].
    pub name: String,
    /// What it speaks.
    pub api: Api,
    /// Which parameters it knows.
    pub dialect: Dialect,
    /// Its key.
    pub credential: Credential,
    /// Where it is, for the configurations that the `tollgate` command writes. The filter does not use it.
    pub url: Option<BaseUrl>,
}

/// The request header by which Envoy's routes choose the provider's cluster. A client cannot send it: it is taken from
/// every request first.
pub const ROUTE_HEADER: &str = "x-tollgate-provider";

/// The filter state in which the filter finds the secret `name`.
#[must_use]
pub fn filter_state_key(name: &str) -> String {
    format!("tollgate.secret.{name}")
}

impl Provider {
    /// Adds what makes the request the provider's: the route to it, and its key.
    ///
    /// # Errors
    /// [`Reason::NoCredential`] where the secret is missing or cannot be a header's value.
    pub fn authorize(&self, secret: Option<Vec<u8>>, edits: &mut HeaderEdits) -> Result<(), Refusal> {
        if let Credential::Secret(_) = &self.credential {
            let key = secret.and_then(usable).ok_or_else(|| {
                let message = "The gateway has no credential for the model's provider right now. Try again later.";
                Refusal::new(Reason::NoCredential, message)
            })?;
            let (name, value) = self.api.credential(&key);
            edits.set(name, value);
        }
        edits.set(ROUTE_HEADER, self.name.clone());
        Ok(())
    }
}

/// Whether a secret, as read from its store, can be sent as a key.
#[must_use]
pub fn is_usable(secret: &[u8]) -> bool {
    usable(secret.to_vec()).is_some()
}

/// The key in a secret as stores hold them, often with a newline at the end. Envoy's formatter writes `-` for a value
/// that it does not have.
fn usable(secret: Vec<u8>) -> Option<String> {
    let key = String::from_utf8(secret).ok()?;
    let key = key.trim_end_matches(['\n', '\r']);
    let is_header_value = key.bytes().all(|byte| (0x21..0x7F).contains(&byte));
    (!key.is_empty() && key != "-" && is_header_value).then(|| key.to_owned())
}

/// Where a provider is: `http` or `https`, a host, and what stands before `/v1/…` there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    tls: bool,
    host: String,
    port: Option<u16>,
    prefix: String,
}

impl BaseUrl {
    /// Reads a URL (RFC 3986).
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(written: &str) -> Result<Self, String> {
        let url = Uri::parse(written).map_err(|_| "not a URL; write one such as https://api.openai.com".to_owned())?;
        let tls = url.scheme().as_str().eq_ignore_ascii_case("https");
        let authority = url.authority().filter(|authority| !authority.host().is_empty());
        let Some(authority) = authority.filter(|_| tls || url.scheme().as_str().eq_ignore_ascii_case("http")) else {
            return Err("write a URL that begins with https:// or http:// and names a host".to_owned());
        };
        if authority.userinfo().is_some() {
            return Err("a URL must not hold a user or a password; name a secret in `credential`".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a URL must end with its path: no `?` or `#`".to_owned());
        }
        let prefix = url.path().as_str().trim_end_matches('/');
        if let Some(right) = prefix.strip_suffix("/v1") {
            let base = written.split_once(prefix).map_or(written, |(base, _)| base);
            return Err(format!("leave out /v1, which the request's own path has: write {base}{right}"));
        }
        let port = authority.port_to_u16().map_err(|_| "the port must be from 1 to 65535".to_owned())?;
        Ok(Self { tls, host: authority.host().to_ascii_lowercase(), port, prefix: prefix.to_owned() })
    }

    /// Whether the provider is reached by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host, without a port and without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Host and port as in the `host` header: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        self.port.map_or_else(|| self.host.clone(), |port| format!("{}:{port}", self.host))
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// What stands before `/v1/…`, without a slash at its end; empty where nothing does.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(api: Api) -> Provider {
        let credential = Credential::Secret("s".to_owned());
        Provider { name: "p".to_owned(), api, dialect: api.dialect(), credential, url: None }
    }

    #[test]
    fn each_api_gets_the_key_where_it_wants_it() {
        for (api, name, value) in [
            (Api::OpenAi, "authorization", "Bearer sk-1"),
            (Api::AzureOpenAi, "api-key", "sk-1"),
            (Api::Anthropic, "x-api-key", "sk-1"),
        ] {
            let mut edits = HeaderEdits::default();
            provider(api).authorize(Some(b"sk-1\r\n".to_vec()), &mut edits).unwrap();
            assert_eq!(edits.set, [(name.into(), value.into()), (ROUTE_HEADER.into(), b"p".to_vec())]);
        }
    }

    #[test]
    fn without_a_usable_secret_nothing_is_set() {
        for secret in [None, Some(""), Some("-"), Some("\n"), Some("a b"), Some("a\nb"), Some("\0"), Some("é")] {
            let mut edits = HeaderEdits::default();
            let refused = provider(Api::OpenAi).authorize(secret.map(Into::into), &mut edits);
            assert_eq!(refused.unwrap_err().reason, Reason::NoCredential, "{secret:?}");
            assert_eq!(edits, HeaderEdits::default());
        }
    }

    #[test]
    fn a_url_is_a_place_and_nothing_else() {
        let url = BaseUrl::parse("https://openrouter.ai/api/").unwrap();
        assert_eq!((url.host(), url.port(), url.prefix(), url.is_tls()), ("openrouter.ai", 443, "/api", true));
        let url = BaseUrl::parse("http://[::1]:8000").unwrap();
        assert_eq!((url.host(), url.authority().as_str(), url.prefix()), ("::1", "[::1]:8000", ""));
        for (wrong, hint) in [
            ("api.openai.com", "https://"),
            ("ftp://x", "https://"),
            ("https://u:p@x", "secret"),
            ("https://x?y", "`?`"),
            ("https://api.openai.com/v1/", "write https://api.openai.com"),
        ] {
            assert!(BaseUrl::parse(wrong).unwrap_err().contains(hint), "{wrong}");
        }
    }
}
