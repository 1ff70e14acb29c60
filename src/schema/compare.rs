//! When two JSON values are the same, and how numbers compare: by their mathematical value.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use crate::document::{Kind, Node, Numeral};

/// Whether `node` is `expected`.
pub(super) fn is(node: Node<'_>, expected: &Value) -> bool {
    match (node.kind(), expected) {
        (Kind::Null, Value::Null) | (Kind::False, Value::Bool(false)) | (Kind::True, Value::Bool(true)) => true,
        (Kind::String, Value::String(text)) => node.is_text(text),
        (Kind::Number, Value::Number(number)) => {
            node.numeral().is_some_and(|numeral| order(numeral, number) == Ordering::Equal)
        }
        (Kind::Array, Value::Array(expected)) => {
            let mut elements = node.elements();
            let same = expected.iter().all(|value| elements.next().is_some_and(|element| is(element, value)));
            same && elements.next().is_none()
        }
        (Kind::Object, Value::Object(expected)) => {
            // No key stands twice, so as many members and each of them expected is the same object.
            node.members().count() == expected.len()
                && expected.iter().all(|(key, value)| node.get(key).is_some_and(|member| is(member, value)))
        }
        _ => false,
    }
}

/// How `left` compares with `right`.
pub(super) fn order(left: Numeral<'_>, right: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(left), Some(right)) = (left.to_i128(), whole(right)) {
        return left.cmp(&right);
    }
    // Neither is a NaN: JSON has none.
    let right = right.as_f64().unwrap_or_default();
    left.to_f64().partial_cmp(&right).unwrap_or(Ordering::Equal)
}

/// Whether `number` is a whole number of times `factor`; exactly so where both are decimals of a usual length.
pub(super) fn is_multiple(number: Numeral<'_>, factor: &Number) -> bool {
    let factor_text = factor.to_string();
    match (decimal(number.as_str()), decimal(&factor_text)) {
        (Some((left, left_digits)), Some((right, right_digits))) => {
            let digits = left_digits.max(right_digits);
            let scaled = |value: i128, own: u32| value.checked_mul(10_i128.checked_pow(digits - own)?);
            match (scaled(left, left_digits), scaled(right, right_digits)) {
                (Some(left), Some(right)) => left.checked_rem(right) == Some(0),
                _ => false,
            }
        }
        _ => (number.to_f64() / factor.as_f64().unwrap_or(f64::NAN)).fract() == 0.0,
    }
}

/// A decimal as a whole number and how many of its digits stand behind the point.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    let digits = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    match u32::try_from(digits) {
        Ok(digits) => Some((value, digits)),
        Err(_) => Some((value.checked_mul(10_i128.checked_pow(digits.unsigned_abs())?)?, 0)),
    }
}

/// Whether no two elements of an array are the same.
pub(super) fn all_different(array: Node<'_>) -> bool {
    // Sorting what they canonically look like takes time in the order of their length, whatever they are.
    let mut looks: Vec<_> = array.elements().map(canonical).collect();
    looks.sort_unstable();
    looks.windows(2).all(|pair| pair.first() != pair.last())
}

/// A text that is the same for two values exactly where they are the same.
fn canonical(node: Node<'_>) -> String {
    let mut text = String::new();
    write(node, &mut text);
    text
}

fn write(node: Node<'_>, text: &mut String) {
    match node.kind() {
        Kind::Null => text.push('n'),
        Kind::False => text.push('f'),
        Kind::True => text.push('t'),
        Kind::Number => {
            let Some(numeral) = node.numeral() else { return };
            // Writing to a string does not fail.
            let _ = match numeral.to_i128() {
                Some(whole) => write!(text, "{whole}"),
                // Adding makes a plain zero of a negative one.
                None if numeral.is_whole() => write!(text, "{:.0}", numeral.to_f64() + 0.0),
                None => write!(text, "{:e}", numeral.to_f64() + 0.0),
            };
        }
        Kind::String => {
            let _ = write!(text, "{:?}", node.string().unwrap_or_default());
        }
        Kind::Array => {
            text.push('[');
            for element in node.elements() {
                write(element, text);
                text.push(',');
            }
            text.push(']');
        }
        Kind::Object => {
            let mut members: Vec<_> = node
                .members()
                .map(|(key, value)| format!("{:?}:{}", key.string().unwrap_or_default(), canonical(value)))
                .collect();
            members.sort_unstable();
            let _ = write!(text, "{{{}}}", members.join(","));
        }
    }
}
