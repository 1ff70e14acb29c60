//! Header maps, and what a decision wants changed in one.

use std::borrow::Cow;

/// A header map as Envoy has it: names in lower case, pseudo-headers among them, values as bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// The value of `name`, where it is there exactly once and is text.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.iter().filter(|(other, _)| *other == name);
        let (_, value) = values.next()?;
        values.next().is_none().then(|| std::str::from_utf8(value).ok()).flatten()
    }

    /// Every value of `name`, in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.iter().filter_map(move |(other, value)| (other == name).then_some(value))
    }

    /// Whether there is a `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Changes to a header map: first everything of `remove` goes, then each of `set` takes the place of all values that
/// its name has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    /// Names to take away.
    pub remove: Vec<Cow<'static, str>>,
    /// Names and the one value that each shall have.
    pub set: Vec<(Cow<'static, str>, Vec<u8>)>,
}

impl HeaderEdits {
    /// Sets `name` to `value`.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Vec<u8>>) {
        self.set.push((name.into(), value.into()));
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: impl Into<Cow<'static, str>>) {
        self.remove.push(name.into());
    }
}
