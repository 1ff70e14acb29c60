//! Header maps, and how they cross the border of the VM.

use std::fmt;

/// A header map as Envoy has it: names in lower case, values as bytes, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct HeaderMap(Vec<(String, Vec<u8>)>);

impl HeaderMap {
    /// Names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Every value of `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        self.iter().filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn add(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// Puts one header in the place of all of the same name.
    pub(crate) fn replace(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Takes all headers of the name away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    /// The same headers by name: their order among each other is of no consequence.
    pub(crate) fn sorted(mut self) -> Self {
        self.0.sort();
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of names and values, as `request.total_size` counts them.
    pub(super) fn byte_size(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// The layout of the ABI: the number of pairs, their lengths, then names and values with a zero byte behind each.
    pub(super) fn to_abi(&self) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).expect("a test's headers are few and short").to_le_bytes();
        let mut bytes = number(self.0.len()).to_vec();
        bytes.extend(self.iter().flat_map(|(name, value)| [number(name.len()), number(value.len())]).flatten());
        for text in self.iter().flat_map(|(name, value)| [name.as_bytes(), value]) {
            bytes.extend_from_slice(text);
            bytes.push(0);
        }
        bytes
    }

    /// Reads what [`HeaderMap::to_abi`] describes. The filter writes it, so a flaw in it fails the test.
    pub(super) fn from_abi(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().expect("a whole number")) as usize;
        let count = number(0);
        let mut at = 4 + count * 8;
        let mut text = |length: usize| {
            let text = bytes[at..at + length].to_vec();
            assert_eq!(bytes[at + length], 0, "a zero byte stands behind each name and value");
            at += length + 1;
            text
        };
        let pairs = (0..count).map(|index| {
            let name = String::from_utf8(text(number(4 + index * 8))).expect("names are text");
            (name, text(number(8 + index * 8)))
        });
        Self(pairs.collect())
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for HeaderMap {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for HeaderMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, String::from_utf8_lossy(value)))).finish()
    }
}
