//! What can be wrong with a document, said without repeating any of its content.

use std::fmt;

use crate::place::Place;
use crate::refusal::{Reason, Refusal};

/// Why a body is not a sound JSON document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// What is wrong.
    pub kind: FlawKind,
    /// Bytes from the beginning of the body to the place.
    pub offset: usize,
    /// The place in the document, where the flaw has one.
    pub place: Option<Place>,
}

impl Flaw {
    pub(super) fn new(kind: FlawKind, offset: usize) -> Self {
        Self { kind, offset, place: None }
    }
}

/// The kinds of [`Flaw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlawKind {
    /// Nothing but white space.
    Empty,
    /// Longer than [`MAX_LENGTH`](super::MAX_LENGTH).
    TooLong,
    /// Begins with the byte-order mark.
    ByteOrderMark,
    /// Not UTF-8.
    NotUtf8,
    /// Ends in the middle.
    Truncated,
    /// Something else than `expected`.
    Unexpected {
        /// What JSON allows there.
        expected: &'static str,
    },
    /// A control character in a string that is not written as an escape.
    ControlCharacter,
    /// A backslash with something that JSON does not know behind it.
    BadEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A number that is not written as JSON writes them.
    BadNumber,
    /// A number that a double cannot hold.
    HugeNumber,
    /// A key that the object has already.
    DuplicateKey,
    /// Nested deeper than the bound.
    TooDeep {
        /// The bound.
        max: usize,
    },
    /// Something behind the document.
    TrailingData,
}

impl FlawKind {
    /// A stable word for logs and metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty_body",
            Self::DuplicateKey => "duplicate_key",
            Self::TooDeep { .. } => "too_deep",
            Self::TooLong => "too_long",
            _ => "invalid_json",
        }
    }
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Self {
        let refusal = Self::new(Reason::Document(flaw.kind.code()), flaw.to_string());
        flaw.place.iter().fold(refusal, |refusal, place| refusal.at(place.to_string()))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FlawKind::Empty => return f.write_str("The request has no body; a JSON object is expected."),
            FlawKind::DuplicateKey => f.write_str("The JSON object has this key twice")?,
            FlawKind::TooLong => return f.write_str("The request body is longer than can be read."),
            _ => {
                f.write_str("The request body is not a JSON document that can be read safely: ")?;
                match self.kind {
                    FlawKind::ByteOrderMark => f.write_str("it begins with a byte-order mark")?,
                    FlawKind::NotUtf8 => f.write_str("it is not UTF-8")?,
                    FlawKind::Truncated => f.write_str("it ends too early")?,
                    FlawKind::Unexpected { expected } => write!(f, "expected {expected}")?,
                    FlawKind::ControlCharacter => {
                        f.write_str("a control character in a string must be written as an escape")?;
                    }
                    FlawKind::BadEscape => f.write_str("a string has an escape that JSON does not know")?,
                    FlawKind::LoneSurrogate => f.write_str("a string has half of a surrogate pair")?,
                    FlawKind::BadNumber => f.write_str("a number is not written as JSON writes numbers")?,
                    FlawKind::HugeNumber => f.write_str("a number is too large for a double")?,
                    FlawKind::TooDeep { max } => write!(f, "it is nested deeper than {max} levels")?,
                    FlawKind::TrailingData => f.write_str("something follows the document")?,
                    FlawKind::Empty | FlawKind::DuplicateKey | FlawKind::TooLong => {}
                }
            }
        }
        write!(f, " (byte {}).", self.offset)
    }
}
