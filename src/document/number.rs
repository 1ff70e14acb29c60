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
    pub fn to_i128(self) -> Option<i128> {
        self.0.parse().ok()
    }

    /// The nearest double; for a number of more than 18 characters, that or one next to it.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        to_f64(self.0)
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
    if written.len() <= 300 && !written.contains(['e', 'E']) {
        return true;
    }
    match Decimal::read(written).magnitude {
        None | Some(..308) => true,
        Some(308) => significant_digits(written).cmp(INFINITE_FROM.bytes()).is_lt(),
        Some(_) => false,
    }
}

/// The digits of 2^1024 - 2^970, the smallest number whose nearest double is infinite; it has 309 of them.
const INFINITE_FROM: &str = "1797693134862315807937289714053034150799341327100378269361737789804449682927647509466490179775872070\
    9633028641669288791094655554785194040263065748867150582068190890200070838367627385484581771153176447\
    5730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880177904\
    174497792";

/// Digits of a number that are looked at: as many as a 64-bit integer holds, less one.
const DIGITS: usize = 18;

/// The nearest double or one next to it, in a time that does not depend on which number it is.
///
/// Reading a decimal of more than 19 digits that lies next to the middle of two doubles takes Rust (as most) a thousand
/// times as long as another one; so of the digits behind the 18th it only counts whether there are any.
fn to_f64(written: &str) -> f64 {
    // The grammar of JSON numbers is a part of what Rust reads.
    if written.len() <= DIGITS {
        return written.parse().unwrap_or_default();
    }
    Decimal::read(written).to_text().parse().unwrap_or_default()
}

/// A number by its first digits.
struct Decimal {
    negative: bool,
    /// The first significant digits, and a 1 behind them where anything but zeros follows.
    digits: String,
    /// The power of ten of the first significant digit; `None` for zero.
    magnitude: Option<i64>,
}

/// The digits of a number from its first that is not zero; those of its exponent are none of them.
fn significant_digits(written: &str) -> impl Iterator<Item = u8> {
    let mantissa = written.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
    mantissa.filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0')
}

impl Decimal {
    fn read(written: &str) -> Self {
        let (mantissa, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
        let limit = if exponent.starts_with('-') { i64::MIN / 4 } else { i64::MAX / 4 };
        let exponent: i64 = exponent.parse().unwrap_or(limit);
        let negative = mantissa.starts_with('-');
        let point = mantissa.find('.').unwrap_or(mantissa.len()) - usize::from(negative);
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let Some(leading) = digits.into_iter().position(|digit| digit != b'0') else {
            return Self { negative, digits: "0".to_owned(), magnitude: None };
        };
        let count = |count: usize| i64::try_from(count).unwrap_or(limit);
        let magnitude = (count(point) - count(leading) - 1).saturating_add(exponent);
        let mut significant = significant_digits(written);
        let mut digits: String = significant.by_ref().take(DIGITS).map(char::from).collect();
        if significant.any(|digit| digit != b'0') {
            digits.push('1');
        }
        Self { negative, digits, magnitude: Some(magnitude) }
    }

    fn to_text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let (first, rest) = self.digits.split_at_checked(1).unwrap_or(("0", ""));
        format!("{sign}{first}.{rest}0e{}", self.magnitude.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_double_holds_is_told_from_the_digits() {
        assert_eq!(INFINITE_FROM.len(), 309);
        assert!(!is_finite(INFINITE_FROM) && INFINITE_FROM.parse::<f64>().unwrap().is_infinite());
        let largest = format!("{}791", INFINITE_FROM.strip_suffix("792").unwrap());
        assert!(is_finite(&largest) && largest.parse::<f64>().unwrap().is_finite());
        for (written, finite) in [
            ("1e308", true),
            ("1.7976931348623157e308", true),
            ("1.7976931348623159e308", false),
            ("1e309", false),
            ("-1e99999999999999999999", false),
            ("1e-99999999999999999999", true),
            ("0e99999999999999999999", true),
            ("0.0001e311", true),
            ("0.001e312", false),
        ] {
            assert_eq!(is_finite(written), finite, "{written}");
        }
    }

    #[test]
    fn next_to_the_middle_of_two_doubles_is_no_harder_than_elsewhere() {
        for written in
            ["1.2345670000000001337e300", "1.2345678934740127485e-315", "9007199254740993.00000000000000000001"]
        {
            assert!(are_next(to_f64(written), written.parse().unwrap()), "{written}");
            assert!(Decimal::read(written).digits.len() <= DIGITS + 1);
        }
    }

    proptest! {
        #[test]
        fn the_nearest_double_is_the_one_that_rust_reads(written in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?(e[+-]?[0-9]{1,3})?") {
            let expected: f64 = written.parse().unwrap();
            prop_assert_eq!(is_finite(&written), expected.is_finite());
            prop_assert!(are_next(to_f64(&written), expected), "{}", written);
        }
    }

    fn are_next(left: f64, right: f64) -> bool {
        left.to_bits().abs_diff(right.to_bits()) <= 1
    }
}
