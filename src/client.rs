//! Step 2: who is calling.
//!
//! 1. A client is known by a virtual key. The policy holds the keys' SHA-256 hashes, never the keys.
//! 2. The key is looked for in the headers that the policy lists. `authorization` must carry it as a bearer token
//!    (RFC 6750); the others hold it bare.
//! 3. The same key in two headers is one key. Two different ones are refused: whichever were taken, the other might be
//!    what somebody upstream takes.
//! 4. A key past the client's `not_after` is refused.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::glob::Glob;
use crate::headers::Headers;
use crate::limit::Limits;
use crate::refusal::{Reason, Refusal};

/// The SHA-256 hash of a virtual key.
#[derive(Debug, Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// What a hash in a policy begins with.
    pub const PREFIX: &'static str = "sha256:";

    /// The hash of `key`.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn parse(written: &str) -> Option<Self> {
        let digits = written.strip_prefix(Self::PREFIX)?.as_bytes();
        let mut hash = [0; 32];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }

    /// The first bytes of the hash: where it is kept. A caller cannot aim at them, it would have to invert SHA-256.
    fn slot(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Display for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(Self::PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A header in which a virtual key may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHeader {
    /// `authorization: Bearer …`
    Authorization,
    /// `x-api-key: …`, as Anthropic's SDKs send it.
    XApiKey,
    /// `api-key: …`, as Azure OpenAI's SDKs send it.
    ApiKey,
    /// `x-goog-api-key: …`, as Google's SDKs send it.
    XGoogApiKey,
}

impl KeyHeader {
    /// All of them. Each is taken from every request before it is sent on, looked into or not.
    pub const ALL: [Self; 4] = [Self::Authorization, Self::XApiKey, Self::ApiKey, Self::XGoogApiKey];

    /// The header's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
        }
    }

    /// The key in a value of the header; `None` where it is not of the header's form.
    fn key(self, value: &[u8]) -> Option<&[u8]> {
        let key = match self {
            Self::Authorization => {
                let (scheme, key) = value.split_at_checked("bearer ".len())?;
                scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)?
            }
            _ => value,
        };
        Some(key.trim_ascii()).filter(|key| !key.is_empty())
    }
}

/// A client that the policy knows.
#[derive(Debug)]
pub struct Client {
    /// Its name, in logs and counters.
    pub name: String,
    /// When its keys end.
    pub not_after: Option<SystemTime>,
    /// The models that it may ask for; `None`: all.
    pub models: Option<Vec<Glob>>,
    /// What it may spend; `None`: as much as it likes.
    pub limits: Option<Limits>,
}

impl Client {
    /// Whether the client may ask for `model`.
    #[must_use]
    pub fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|pattern| pattern.matches(model)))
    }
}

/// The clients of a policy.
#[derive(Debug, Default)]
pub struct Clients {
    headers: Vec<KeyHeader>,
    known: Vec<Rc<Client>>,
    keys: HashMap<u64, Vec<(KeyHash, Rc<Client>)>>,
}

impl Clients {
    /// No clients yet; keys will be looked for in `headers`.
    #[must_use]
    pub fn new(headers: Vec<KeyHeader>) -> Self {
        Self { headers, ..Self::default() }
    }

    /// Adds a client with its keys; where another client has one of them already, that one's name comes back.
    ///
    /// # Errors
    /// The name of the client that has one of the keys.
    pub fn add(&mut self, client: Client, keys: &[KeyHash]) -> Result<(), String> {
        let client = Rc::new(client);
        for key in keys {
            if let Some(other) = self.find(key) {
                return Err(other.name.clone());
            }
            self.keys.entry(key.slot()).or_default().push((*key, Rc::clone(&client)));
        }
        self.known.push(client);
        Ok(())
    }

    /// All clients, in the order of the policy.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.known.iter().map(Rc::as_ref)
    }

    /// The client that a request with `headers` comes from.
    ///
    /// # Errors
    /// A refusal with status 401.
    pub fn identify(&self, headers: &Headers, now: SystemTime) -> Result<Rc<Client>, Refusal> {
        let mut presented: Option<KeyHash> = None;
        for header in &self.headers {
            for value in headers.all(header.name()) {
                let Some(key) = header.key(value) else { continue };
                let hash = KeyHash::of(key);
                if presented.is_some_and(|other| !other.is(&hash)) {
                    let message = "The request carries two different API keys; send one.";
                    return Err(Refusal::new(Reason::ConflictingKeys, message));
                }
                presented = Some(hash);
            }
        }
        let hash = presented.ok_or_else(|| Refusal::new(Reason::MissingKey, self.where_to_put_it()))?;
        let client = self.find(&hash).ok_or_else(|| {
            Refusal::new(Reason::UnknownKey, "The API key is not known here. Check it for typos, or ask for a new one.")
        })?;
        if client.not_after.is_some_and(|end| end <= now) {
            let message = "The API key has expired. Ask for a new one.";
            return Err(Refusal::new(Reason::ExpiredKey, message));
        }
        Ok(Rc::clone(client))
    }

    fn find(&self, key: &KeyHash) -> Option<&Rc<Client>> {
        let slot = self.keys.get(&key.slot())?;
        slot.iter().find(|(hash, _)| hash.is(key)).map(|(_, client)| client)
    }

    fn where_to_put_it(&self) -> String {
        let places: Vec<_> = self
            .headers
            .iter()
            .map(|header| match header {
                KeyHeader::Authorization => "`authorization: Bearer KEY`".to_owned(),
                other => format!("`{}: KEY`", other.name()),
            })
            .collect();
        format!("The request carries no API key. Send it as {}.", places.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> Clients {
        let mut clients = Clients::new(vec![KeyHeader::Authorization, KeyHeader::XApiKey, KeyHeader::ApiKey]);
        for (name, keys) in [("checkout", &["one", "two"][..]), ("search", &["three"])] {
            let keys: Vec<_> = keys.iter().map(|key| KeyHash::of(key.as_bytes())).collect();
            let client = Client { name: name.to_owned(), not_after: None, models: None, limits: None };
            clients.add(client, &keys).unwrap();
        }
        clients
    }

    fn identify(headers: &[(&str, &str)]) -> Result<String, Reason> {
        let headers = headers.iter().map(|(name, value)| (*name, *value)).collect();
        let found = clients().identify(&headers, SystemTime::UNIX_EPOCH);
        found.map(|client| client.name.clone()).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_key_names_its_client_wherever_it_stands() {
        assert_eq!(identify(&[("authorization", "Bearer one")]), Ok("checkout".to_owned()));
        assert_eq!(identify(&[("authorization", "bEARER  two ")]), Ok("checkout".to_owned()));
        assert_eq!(identify(&[("x-api-key", "three")]), Ok("search".to_owned()));
        assert_eq!(identify(&[("api-key", "one")]), Ok("checkout".to_owned()));
        assert_eq!(identify(&[("api-key", "one"), ("authorization", "Bearer one")]), Ok("checkout".to_owned()));
    }

    #[test]
    fn anything_else_is_nobody() {
        assert_eq!(identify(&[]), Err(Reason::MissingKey));
        assert_eq!(identify(&[("authorization", "Basic b25l")]), Err(Reason::MissingKey));
        assert_eq!(identify(&[("authorization", "Bearer ")]), Err(Reason::MissingKey));
        assert_eq!(identify(&[("x-goog-api-key", "one")]), Err(Reason::MissingKey), "not listed");
        assert_eq!(identify(&[("authorization", "Bearer four")]), Err(Reason::UnknownKey));
        assert_eq!(identify(&[("authorization", "Bearer one, Bearer one")]), Err(Reason::UnknownKey));
        assert_eq!(identify(&[("authorization", "Bearer one"), ("x-api-key", "two")]), Err(Reason::ConflictingKeys));
        assert_eq!(
            identify(&[("authorization", "Bearer one"), ("authorization", "Bearer four")]),
            Err(Reason::ConflictingKeys)
        );
    }

    #[test]
    fn a_key_ends_when_the_policy_says() {
        let mut clients = Clients::new(vec![KeyHeader::ApiKey]);
        let end = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(10);
        let client = Client { name: "a".to_owned(), not_after: Some(end), models: None, limits: None };
        clients.add(client, &[KeyHash::of(b"k")]).unwrap();
        let headers = [("api-key", "k")].into_iter().collect();
        let before = end - std::time::Duration::from_nanos(1);
        assert!(clients.identify(&headers, before).is_ok());
        assert_eq!(clients.identify(&headers, end).unwrap_err().reason, Reason::ExpiredKey);
    }

    #[test]
    fn a_key_has_one_client() {
        let again = Client { name: "again".to_owned(), not_after: None, models: None, limits: None };
        assert_eq!(clients().add(again, &[KeyHash::of(b"three")]), Err("search".to_owned()));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = KeyHash::of(b"abc");
        let written = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), written);
        assert!(KeyHash::parse(written).is_some_and(|read| read.is(&hash)));
        assert!(KeyHash::parse(&written.to_uppercase().replace("SHA256", "sha256")).is_some());
        for wrong in ["", "sha256:", written.split_at(70).0, &format!("{written}0"), &written.replace('b', "g")] {
            assert!(KeyHash::parse(wrong).is_none(), "{wrong}");
        }
    }
}
