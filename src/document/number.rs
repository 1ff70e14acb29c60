//! Numbers as they were written.

use serde_json::Number;

/// A number of a document: its text, which [`super::Document::parse`] found to be a JSON number that a double holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numeral<'d>(&'d str);

impl<'d> Numeral<'d> {
    pub(super) fn new(written: &'d str) -> Self {
        Self(written)
    }

    /// The number as it was written.
    #[must_use]
    pub fn as_str(self) -> &'d str {
        self.0
    }

    /// The value, where it is written as a whole number that fits.
    #[must_use]
    pub fn to_u64(self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The value, where it is written as a whole number that fits.
    #[must_use]
    pub fn to_i128(self) -> Option<i128> {
        self.0.parse().ok()
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // The grammar of JSON numbers is a part of what Rust reads.
        self.0.parse().unwrap_or_default()
    }

    /// The value as `serde_json` has it.
    #[must_use]
    pub fn to_number(self) -> Number {
        self.0.parse().unwrap_or_else(|_| Number::from(0))
    }

    /// Whether the value is a whole number, however it is written: `3`, `3.0`, `30e-1`.
    #[must_use]
    pub fn is_whole(self) -> bool {
        !self.0.contains(['.', 'e', 'E']) || self.to_f64().fract() == 0.0
    }
}

/// The bytes of the JSON number that `bytes` begins with, or `None` where it begins with none.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let byte = |at: usize| bytes.get(at).copied();

    let mut at = usize::from(byte(0) == Some(b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && byte(at) == Some(b'0')) {
        return None;
    }
    at += whole;
    if byte(at) == Some(b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if matches!(byte(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// Whether a double can hold the number that is written so: it does not become infinite.
pub(super) fn is_finite(written: &str) -> bool {
    // Without an exponent it takes more than 300 digits to get there; nearly every number is short.
    let may_be_huge = written.len() > 300 || written.contains(['e', 'E']);
    !may_be_huge || written.parse::<f64>().is_ok_and(f64::is_finite)
}
