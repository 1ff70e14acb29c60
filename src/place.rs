//! Places in a JSON document, written as `messages[2].role`.

use std::fmt::{self, Write as _};

/// Bytes of one key that a place shows. Keys come from callers, and places stand in answers and logs.
const SHOWN_KEY: usize = 64;

/// Steps that a place shows; a document can be nested deeper than anybody wants to read.
const SHOWN_STEPS: usize = 32;

/// A place in a JSON document: the keys and indices that lead to it from the root.
///
/// Displayed as `clients.known[2].limits`. A key that is not a plain identifier is quoted
/// (`logit_bias["50 256"]`), one longer than 64 bytes is cut, and a path of more than 32 steps ends in `…`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    text: String,
    steps: usize,
}

impl Place {
    /// The document itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Whether this is the document itself.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps == 0
    }

    /// The place of the member `key` of the object that is here.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        if self.step() {
            if is_identifier(key) {
                if !self.text.is_empty() {
                    self.text.push('.');
                }
                self.text.push_str(shown(key));
            } else {
                let cut = if shown(key).len() < key.len() { "…" } else { "" };
                let escaped = shown(key).escape_debug();
                // Writing to a string does not fail.
                let _ = write!(self.text, "[\"{escaped}{cut}\"]");
            }
        }
        self
    }

    /// The place of element `index` of the array that is here.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        if self.step() {
            let _ = write!(self.text, "[{index}]");
        }
        self
    }

    fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        if self.steps == SHOWN_STEPS + 1 {
            self.text.push('…');
        }
        self.steps <= SHOWN_STEPS
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_identifier(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= SHOWN_KEY
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'))
}

fn shown(key: &str) -> &str {
    let end = (0..=SHOWN_KEY.min(key.len())).rev().find(|end| key.is_char_boundary(*end)).unwrap_or(0);
    key.get(..end).unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_indices_read_like_a_path() {
        let place = Place::root().key("clients").key("known").index(2).key("limits");
        assert_eq!(place.to_string(), "clients.known[2].limits");
        assert_eq!(Place::root().to_string(), "");
        assert_eq!(Place::root().key("logit_bias").key("50 \"256").to_string(), r#"logit_bias["50 \"256"]"#);
        assert_eq!(Place::root().key("a\nb").to_string(), r#"["a\nb"]"#);
    }

    #[test]
    fn what_a_caller_can_make_long_is_cut() {
        let long = "é".repeat(10_000);
        let shown = Place::root().key(&long).to_string();
        assert!(shown.len() < 80 && shown.contains('…'), "{shown}");
        let deep = (0..10_000).fold(Place::root(), |place, _| place.key("a"));
        assert!(deep.to_string().len() < 80);
        assert!(deep.to_string().ends_with('…'));
    }
}
