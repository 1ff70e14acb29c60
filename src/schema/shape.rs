//! A schema in the form in which it is judged by: every reference resolved to an index, every keyword parsed.

use regex_lite::Regex;
use serde_json::Value;

use crate::document::Kind;

/// Which shape of a [`super::Schema`].
pub(super) type Id = usize;

/// A set of JSON types; `integer` is a type beside `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const ALL: Self = Self(0x7F);

    /// The names that schemas use, and how sentences name them.
    pub(super) const NAMES: [(&'static str, &'static str); 7] = [
        ("null", "null"),
        ("boolean", "a boolean"),
        ("integer", "an integer"),
        ("number", "a number"),
        ("string", "a string"),
        ("object", "an object"),
        ("array", "an array"),
    ];
    const INTEGER: u8 = 1 << 2;

    pub(super) fn named(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|(known, _)| *known == name)?;
        Some(Self(1 << index))
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a value of `kind` may be of one of these types; `is_whole` is asked for a number that might be an
    /// integer only.
    pub(super) fn take(self, kind: Kind, is_whole: impl FnOnce() -> bool) -> bool {
        let bit = match kind {
            Kind::Null => 1,
            Kind::False | Kind::True => 1 << 1,
            Kind::Number => 1 << 3,
            Kind::String => 1 << 4,
            Kind::Object => 1 << 5,
            Kind::Array => 1 << 6,
        };
        self.0 & bit != 0 || (kind == Kind::Number && self.0 & Self::INTEGER != 0 && is_whole())
    }

    /// As a sentence has it: `a string or an array`.
    pub(super) fn sentence(self) -> String {
        let names = Self::NAMES.iter().enumerate().filter(|(index, _)| self.0 & (1 << index) != 0);
        let mut names: Vec<_> = names.map(|(_, (_, name))| *name).collect();
        // `null` is what most parameters also take; it is no help where something else was meant.
        if names.len() > 1 {
            names.retain(|name| *name != "null");
        }
        names.join(" or ")
    }
}

/// One schema: an object of keywords, or `true` or `false`.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) types: Types,
    /// `false`: nothing is right.
    pub(super) never: bool,
    pub(super) one_of_values: Option<Vec<Value>>,
    pub(super) number: Option<Box<NumberShape>>,
    pub(super) string: Option<Box<StringShape>>,
    pub(super) array: Option<Box<ArrayShape>>,
    pub(super) object: Option<Box<ObjectShape>>,
    /// Schemas that judge the same value, in the order in which they are asked.
    pub(super) in_place: Vec<InPlace>,
}

impl Shape {
    pub(super) fn any() -> Self {
        Self {
            types: Types::ALL,
            never: false,
            one_of_values: None,
            number: None,
            string: None,
            array: None,
            object: None,
            in_place: Vec::new(),
        }
    }
}

/// Schemas that judge the same value.
#[derive(Debug)]
pub(super) enum InPlace {
    /// `$ref` and `allOf`.
    All(Vec<Id>),
    Any(Vec<Id>),
    One(Vec<Id>),
    Not(Id),
    If {
        condition: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
    },
}

impl InPlace {
    pub(super) fn ids(&self) -> Vec<Id> {
        match self {
            Self::All(ids) | Self::Any(ids) | Self::One(ids) => ids.clone(),
            Self::Not(id) => vec![*id],
            Self::If { condition, then, otherwise } => {
                [Some(*condition), *then, *otherwise].into_iter().flatten().collect()
            }
        }
    }
}

/// A bound on a number, as the schema writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) limit: serde_json::Number,
    pub(super) exclusive: bool,
}

#[derive(Debug, Default)]
pub(super) struct NumberShape {
    pub(super) min: Vec<Bound>,
    pub(super) max: Vec<Bound>,
    pub(super) multiple_of: Option<serde_json::Number>,
}

#[derive(Debug, Default)]
pub(super) struct StringShape {
    pub(super) min_length: usize,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Regex>,
}

#[derive(Debug, Default)]
pub(super) struct ArrayShape {
    pub(super) min_items: usize,
    pub(super) max_items: Option<usize>,
    pub(super) first_items: Vec<Id>,
    pub(super) other_items: Option<Id>,
    pub(super) contains: Option<Contains>,
    pub(super) unique: bool,
}

#[derive(Debug)]
pub(super) struct Contains {
    pub(super) id: Id,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct ObjectShape {
    pub(super) min_properties: usize,
    pub(super) max_properties: Option<usize>,
    pub(super) properties: Properties,
    pub(super) required: Vec<String>,
    pub(super) patterns: Vec<(Regex, Id)>,
    pub(super) additional: Option<Id>,
    pub(super) names: Option<Id>,
    /// Where the first is there, so must the others be.
    pub(super) dependent_required: Vec<(String, Vec<String>)>,
    /// Where the first is there, the schema must hold.
    pub(super) dependent_schemas: Vec<(String, Id)>,
}

/// Properties by name.
#[derive(Debug, Default)]
pub(super) struct Properties {
    /// Sorted by length, then text: a name is compared with those of its own length only.
    sorted: Vec<(String, Id)>,
    /// Where the names of each length begin.
    by_length: Vec<usize>,
}

impl Properties {
    pub(super) fn new(mut properties: Vec<(String, Id)>) -> Self {
        properties.sort_by(|(left, _), (right, _)| (left.len(), left).cmp(&(right.len(), right)));
        let longest = properties.last().map_or(0, |(name, _)| name.len());
        let begin = |length| properties.partition_point(|(name, _)| name.len() < length);
        let by_length = (0..=longest + 1).map(begin).collect();
        Self { sorted: properties, by_length }
    }

    /// Whether `name` is none of the properties, but one of them with other letters for the same: `Model` for `model`, and
    /// the two letters outside ASCII that fold to some within it.
    pub(super) fn has_lookalike(&self, name: &str) -> bool {
        let folds = |c: char| c.is_ascii_uppercase() || matches!(c, 'ſ' | '\u{212a}');
        if self.sorted.is_empty() || !name.contains(folds) {
            return false;
        }
        let fold = |c: char| match c {
            'ſ' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        };
        // Longer names are no property's.
        self.find(&name.chars().take(self.by_length.len()).map(fold).collect::<String>()).is_some()
    }

    pub(super) fn find(&self, name: &str) -> Option<Id> {
        let begin = *self.by_length.get(name.len())?;
        let end = *self.by_length.get(name.len() + 1)?;
        let same_length = self.sorted.get(begin..end)?;
        same_length.iter().find(|(known, _)| known == name).map(|(_, id)| *id)
    }
}
