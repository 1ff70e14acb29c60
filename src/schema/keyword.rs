//! Reads the keywords of a JSON Schema, each with its place.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;

use super::shape::{Bound, NumberShape, StringShape, Types};
use crate::place::Place;

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 256 << 10;

/// What is wrong with a schema, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaMistake {
    /// Where, as `properties.model.type`.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl std::fmt::Display for SchemaMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.place.is_root() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.place, self.problem) }
    }
}

pub(super) type Result<T> = std::result::Result<T, SchemaMistake>;

/// A keyword of a schema: its value and its place.
pub(super) struct Keyword<'s> {
    pub(super) value: &'s Value,
    pub(super) place: Place,
}

impl<'s> Keyword<'s> {
    pub(super) fn wrong<T>(&self, problem: &str) -> Result<T> {
        Err(SchemaMistake { place: self.place.clone(), problem: problem.to_owned() })
    }

    pub(super) fn count(&self) -> Result<usize> {
        let whole = self.value.as_u64().or_else(|| {
            // `2.0` is as good as `2`.
            self.value.as_f64().filter(|n| n.fract() == 0.0).and_then(|n| format!("{n:.0}").parse().ok())
        });
        match whole.map(usize::try_from) {
            Some(Ok(count)) => Ok(count),
            _ => self.wrong("must be a whole number that is not negative"),
        }
    }

    pub(super) fn number(&self) -> Result<serde_json::Number> {
        match self.value {
            Value::Number(number) => Ok(number.clone()),
            _ => self.wrong("must be a number"),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        self.value.as_bool().map_or_else(|| self.wrong("must be true or false"), Ok)
    }

    pub(super) fn text(&self) -> Result<&'s str> {
        self.value.as_str().map_or_else(|| self.wrong("must be a text"), Ok)
    }

    pub(super) fn texts(&self) -> Result<Vec<String>> {
        let texts = self.value.as_array().map(|list| list.iter().map(|text| text.as_str().map(str::to_owned)));
        texts.and_then(Iterator::collect).map_or_else(|| self.wrong("must be a list of texts"), Ok)
    }

    pub(super) fn list(&self) -> Result<Vec<Keyword<'s>>> {
        let Some(list) = self.value.as_array() else {
            return self.wrong("must be a list");
        };
        let element = |(index, value)| Keyword { value, place: self.place.clone().index(index) };
        Ok(list.iter().enumerate().map(element).collect())
    }

    pub(super) fn entries(&self) -> Result<Vec<(&'s str, Keyword<'s>)>> {
        let Some(object) = self.value.as_object() else {
            return self.wrong("must be an object");
        };
        let entry = |(key, value): (&'s String, &'s Value)| {
            (key.as_str(), Keyword { value, place: self.place.clone().key(key) })
        };
        Ok(object.iter().map(entry).collect())
    }

    pub(super) fn pattern(&self, pattern: &str) -> Result<Regex> {
        // ECMA-262's `$` is the end of the text, and so it is here; a slash may be written with a backslash there.
        RegexBuilder::new(&pattern.replace("\\/", "/"))
            .size_limit(PATTERN_SIZE)
            .build()
            .or_else(|error| self.wrong(&format!("not a pattern that can be matched in linear time: {error}")))
    }
}

/// The value of `type`.
pub(super) fn read_types(keyword: &Keyword<'_>) -> Result<Types> {
    let names = if keyword.value.is_array() { keyword.texts()? } else { vec![keyword.text()?.to_owned()] };
    names.iter().try_fold(Types::default(), |types, name| {
        let Some(one) = Types::named(name) else {
            let known: Vec<_> = Types::NAMES.iter().map(|(name, _)| *name).collect();
            return keyword.wrong(&format!("must be of: {}", known.join(", ")));
        };
        Ok(types.with(one))
    })
}

/// The keywords about numbers; `None` where there is none.
pub(super) fn number<'s>(get: &impl Fn(&str) -> Option<Keyword<'s>>) -> Result<Option<Box<NumberShape>>> {
    let bounds = |inclusive, exclusive| -> Result<Vec<Bound>> {
        let bound = |name, exclusive| {
            get(name).map(|keyword| keyword.number().map(|limit| Bound { limit, exclusive })).transpose()
        };
        Ok([bound(inclusive, false)?, bound(exclusive, true)?].into_iter().flatten().collect())
    };
    let multiple_of = match get("multipleOf") {
        Some(keyword) if !keyword.value.as_f64().is_some_and(|factor| factor > 0.0) => {
            return keyword.wrong("must be a number above 0");
        }
        keyword => keyword.map(|keyword| keyword.number()).transpose()?,
    };
    let shape = NumberShape {
        min: bounds("minimum", "exclusiveMinimum")?,
        max: bounds("maximum", "exclusiveMaximum")?,
        multiple_of,
    };
    let says_nothing = shape.min.is_empty() && shape.max.is_empty() && shape.multiple_of.is_none();
    Ok((!says_nothing).then(|| Box::new(shape)))
}

/// The keywords about strings; `None` where there is none.
pub(super) fn string<'s>(get: &impl Fn(&str) -> Option<Keyword<'s>>) -> Result<Option<Box<StringShape>>> {
    let count = |name| get(name).map(|keyword| keyword.count()).transpose();
    let pattern = get("pattern").map(|keyword| keyword.text().and_then(|text| keyword.pattern(text))).transpose()?;
    let shape = StringShape { min_length: count("minLength")?.unwrap_or(0), max_length: count("maxLength")?, pattern };
    let says_nothing = shape.min_length == 0 && shape.max_length.is_none() && shape.pattern.is_none();
    Ok((!says_nothing).then(|| Box::new(shape)))
}
