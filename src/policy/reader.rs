//! Reads a value of a policy and notes down what is wrong with it.
//!
//! A `None` from here means that a mistake has been noted; the reading goes on beside it, so that all are found.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::mistake::{Mistake, Mistakes, did_you_mean};
use crate::place::Place;

const DURATION: &str = "a length of time such as 1s, 1m, 1h or 1d";

/// One value and its place.
#[derive(Clone)]
pub(super) struct Reader<'v> {
    value: &'v Value,
    place: Place,
    mistakes: &'v Mistakes,
}

/// The members of an object whose keys are known.
pub(super) struct Fields<'v> {
    fields: BTreeMap<&'v str, Reader<'v>>,
    object: Reader<'v>,
}

impl<'v> Reader<'v> {
    pub(super) fn new(value: &'v Value, mistakes: &'v Mistakes) -> Self {
        Self { value, place: Place::root(), mistakes }
    }

    /// Notes that something is wrong here.
    pub(super) fn mistake(&self, problem: impl Into<String>) {
        self.mistakes.add(Mistake::new(self.place.to_string(), problem));
    }

    /// An object with no other keys than `keys`.
    pub(super) fn object(&self, keys: &[&str]) -> Option<Fields<'v>> {
        let mut fields = BTreeMap::new();
        for (key, field) in self.entries()? {
            if keys.contains(&key) {
                fields.insert(key, field);
            } else {
                field.mistake(match did_you_mean(key, keys.iter().copied()) {
                    hint if hint.is_empty() => format!("unknown key; known here: {}", keys.join(", ")),
                    hint => format!("unknown key{hint}"),
                });
            }
        }
        Some(Fields { fields, object: self.clone() })
    }

    /// An object whose keys are names that the operator chooses.
    pub(super) fn entries(&self) -> Option<Vec<(&'v str, Reader<'v>)>> {
        let Some(object) = self.value.as_object() else {
            return self.wrong_kind("an object (keys and values)");
        };
        let entry = |(key, value): (&'v String, &'v Value)| {
            let place = self.place.clone().key(key);
            (key.as_str(), Self { value, place, mistakes: self.mistakes })
        };
        Some(object.iter().map(entry).collect())
    }

    pub(super) fn list(&self) -> Option<Vec<Reader<'v>>> {
        let Some(array) = self.value.as_array() else {
            return self.wrong_kind("a list");
        };
        let element = |(index, value): (usize, &'v Value)| {
            let place = self.place.clone().index(index);
            Self { value, place, mistakes: self.mistakes }
        };
        Some(array.iter().enumerate().map(element).collect())
    }

    /// A list, or one value that stands for a list of one.
    pub(super) fn one_or_more(&self) -> Option<Vec<Reader<'v>>> {
        let elements = if self.value.is_array() { self.list()? } else { vec![self.clone()] };
        if elements.is_empty() {
            self.mistake("must not be an empty list");
            return None;
        }
        Some(elements)
    }

    pub(super) fn is_string(&self) -> bool {
        self.value.is_string()
    }

    pub(super) fn string(&self) -> Option<&'v str> {
        match self.value {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => self.wrong_value("a text that is not empty"),
            _ => self.wrong_kind("a text"),
        }
    }

    /// A whole number in `range`. Control planes that carry the policy as protobuf's `Struct` make doubles of numbers, so
    /// `600.0` is one too.
    pub(super) fn integer(&self, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let whole = |double: f64| {
            // Doubles are exact for whole numbers up to 2^53.
            let is_exact = double.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&double);
            is_exact.then(|| format!("{double:.0}").parse().ok()).flatten()
        };
        let number = self.value.as_u64().or_else(|| self.value.as_f64().and_then(whole));
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let what = format!("a whole number from {} to {}", range.start(), range.end());
                if self.value.is_number() { self.wrong_value(&what) } else { self.wrong_kind(&what) }
            }
        }
    }

    /// One of `words`, and what it stands for.
    pub(super) fn one_of<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let written = self.value.as_str().unwrap_or_default();
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == written) {
            return Some(meaning.clone());
        }
        let listed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let hint = did_you_mean(written, listed.iter().copied());
        match listed.as_slice() {
            [only] => self.mistake(format!("must be {only:?}; nothing else is supported yet")),
            _ => self.mistake(format!("must be one of: {}{hint}", listed.join(", "))),
        }
        None
    }

    /// A length of time, as `90s`, `1m`, `12h` or `1d`; at least a millisecond.
    pub(super) fn duration(&self) -> Option<Duration> {
        let parsed = self.value.as_str().and_then(|text| humantime::parse_duration(text).ok());
        match parsed {
            Some(duration) if duration >= Duration::from_millis(1) => Some(duration),
            _ if self.is_string() => self.wrong_value(DURATION),
            _ => self.wrong_kind(DURATION),
        }
    }

    /// A point in time, as RFC 3339 writes it.
    pub(super) fn time(&self) -> Option<SystemTime> {
        let parsed = self.value.as_str().and_then(|text| humantime::parse_rfc3339(text).ok());
        let what = "a time in UTC such as 2027-01-31T00:00:00Z";
        parsed.or_else(|| if self.is_string() { self.wrong_value(what) } else { self.wrong_kind(what) })
    }

    /// A number of bytes from 1 to `max`, as `4MiB`, `500KB` or `1024`.
    pub(super) fn size(&self, max: usize) -> Option<usize> {
        let parsed = match self.value {
            Value::String(text) => text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64()),
            _ => self.value.as_u64().or_else(|| self.value.as_f64().and_then(|_| self.integer(1..=max as u64))),
        };
        let bytes = parsed.and_then(|bytes| usize::try_from(bytes).ok());
        match bytes {
            Some(bytes) if (1..=max).contains(&bytes) => Some(bytes),
            _ => {
                let max = bytesize::ByteSize(max as u64).display().iec();
                self.wrong_value(&format!("a number of bytes such as 512KiB or 4MiB, at most {max}"))
            }
        }
    }

    /// A name that stands in logs, counters and headers.
    pub(super) fn check_name(&self, name: &str) -> bool {
        let is_name = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !is_name {
            self.mistake("a name has 1 to 64 letters, digits, '-', '_' or '.'");
        }
        is_name
    }

    /// Notes that the value is of another kind than `what`.
    fn wrong_kind<T>(&self, what: &str) -> Option<T> {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.mistake(format!("must be {what}, not {found}"));
        None
    }

    /// Notes that the value is of the right kind, but not `what`.
    fn wrong_value<T>(&self, what: &str) -> Option<T> {
        self.mistake(format!("must be {what}"));
        None
    }
}

impl<'v> Fields<'v> {
    /// The member `key`, where it is there.
    pub(super) fn get(&self, key: &str) -> Option<Reader<'v>> {
        self.fields.get(key).cloned()
    }

    /// The member `key`; that it is not there is a mistake.
    pub(super) fn required(&self, key: &str) -> Option<Reader<'v>> {
        let field = self.get(key);
        if field.is_none() {
            self.object.mistake(format!("the key {key:?} is missing"));
        }
        field
    }
}
