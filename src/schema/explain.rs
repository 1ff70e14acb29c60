//! A validator's error as a sentence that a person can act on.
//!
//! The sentence names the place and the rule. It never shows the caller's value.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::Value;

use crate::document::{Kind, Node};
use crate::place::Place;
use crate::refusal::{Reason, Refusal};

/// A rule of the schema that a document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, as `messages[2].role`; empty for the document itself.
    pub param: String,
    /// Which kind of rule, in OpenAI's words.
    pub code: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        let refusal = Self::new(Reason::Schema(violation.code), violation.message);
        if violation.param.is_empty() { refusal } else { refusal.at(violation.param) }
    }
}

/// Explains `error`, found in the document that begins with `root`.
pub(super) fn explain(error: &ValidationError<'_>, root: Node<'_>) -> Violation {
    let error = most_telling(error);
    let (place, node) = follow(error.instance_path(), root);
    let whole = if place.is_root() { "the request body".to_owned() } else { format!("'{place}'") };
    let found = node.map_or("something else", |node| name_of(node.kind()));
    let violation = |place: Place, code, message| Violation { param: place.to_string(), code, message };
    let (code, rule) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let place = place.key(property.as_str().unwrap_or_default());
            let message = format!("Missing required parameter: '{place}'.");
            return violation(place, "missing_required_parameter", message);
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let place = place.key(unexpected.first().map_or("", String::as_str));
            let message = format!("Unknown parameter: '{place}'.");
            return violation(place, "unknown_parameter", message);
        }
        ValidationErrorKind::Type { kind } => {
            let expected = types(kind);
            let message = format!("Invalid type for {whole}: expected {expected}, but got {found} instead.");
            return violation(place, "invalid_type", message);
        }
        ValidationErrorKind::Enum { options } => ("invalid_value", format!("must be one of {}", list(options))),
        ValidationErrorKind::Constant { expected_value } => ("invalid_value", format!("must be {expected_value}")),
        ValidationErrorKind::Minimum { limit } => ("below_min_value", format!("must be at least {limit}")),
        ValidationErrorKind::Maximum { limit } => ("above_max_value", format!("must be at most {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => ("below_min_value", format!("must be more than {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => ("above_max_value", format!("must be less than {limit}")),
        ValidationErrorKind::MultipleOf { multiple_of } => {
            ("invalid_value", format!("must be a multiple of {multiple_of}"))
        }
        ValidationErrorKind::MinItems { limit: 1 } => ("empty_array", "must not be empty".to_owned()),
        ValidationErrorKind::MinItems { limit } => {
            ("array_below_min_length", format!("must have at least {limit} elements"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            ("array_above_max_length", format!("must have at most {limit} elements"))
        }
        ValidationErrorKind::MinLength { limit: 1 } => ("empty_string", "must not be empty".to_owned()),
        ValidationErrorKind::MinLength { limit } => {
            ("string_below_min_length", format!("must have at least {limit} characters"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            ("string_above_max_length", format!("must have at most {limit} characters"))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            ("object_above_max_properties", format!("must have at most {limit} members"))
        }
        ValidationErrorKind::MinProperties { limit } => {
            ("object_below_min_properties", format!("must have at least {limit} members"))
        }
        ValidationErrorKind::Pattern { pattern } => ("invalid_value", format!("must match the pattern {pattern}")),
        ValidationErrorKind::Format { format } => ("invalid_value", format!("must be of the format {format}")),
        ValidationErrorKind::UniqueItems => ("invalid_value", "must not have the same element twice".to_owned()),
        ValidationErrorKind::FalseSchema => ("unknown_parameter", "must not be there".to_owned()),
        _ => ("invalid_value", "is not what the endpoint takes there".to_owned()),
    };
    violation(place, code, format!("Invalid value: {whole} {rule}."))
}

/// For alternatives of which none fits: the error in the one that the value seems to be meant as. That is the one that
/// got furthest; an alternative that is of another type altogether got nowhere.
fn most_telling<'e>(error: &'e ValidationError<'e>) -> &'e ValidationError<'e> {
    let mut error = error;
    loop {
        let (ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context }) = error.kind()
        else {
            return error;
        };
        let depth = |error: &ValidationError<'_>| error.instance_path().iter().count();
        let own = depth(error);
        let furthest = context.iter().filter_map(|errors| errors.first()).max_by_key(|first| {
            let is_other_type = depth(first) == own && matches!(first.kind(), ValidationErrorKind::Type { .. });
            (!is_other_type, depth(first))
        });
        match furthest {
            Some(first) => error = first,
            None => return error,
        }
    }
}

/// The place that `path` leads to, and the value there.
fn follow<'d>(path: &Location, root: Node<'d>) -> (Place, Option<Node<'d>>) {
    path.iter().fold((Place::root(), Some(root)), |(place, node), segment| {
        // A key made of digits looks like an index; what it is in shows which it is.
        let in_object = node.is_some_and(|node| node.kind() == Kind::Object);
        match segment {
            LocationSegment::Index(index) if !in_object => {
                (place.index(index), node.and_then(|node| node.elements().nth(index)))
            }
            key => {
                let key = key.to_string();
                let child = node.and_then(|node| node.get(&key));
                (place.key(&key), child)
            }
        }
    })
}

fn types(kind: &TypeKind) -> String {
    let named = |set: &mut dyn Iterator<Item = JsonType>| {
        let mut names: Vec<_> = set.map(type_name).collect();
        // `null` is what most parameters also take; it is no help where something else was meant.
        if names.len() > 1 {
            names.retain(|name| *name != "null");
        }
        names.sort_unstable();
        names.join(" or ")
    };
    match kind {
        TypeKind::Single(single) => type_name(*single).to_owned(),
        TypeKind::Multiple(several) => named(&mut several.iter()),
    }
}

fn type_name(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Array => "an array",
        JsonType::Boolean => "a boolean",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::False | Kind::True => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Object => "an object",
        Kind::Array => "an array",
    }
}

fn list(options: &Value) -> String {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    options.iter().map(|option| option.to_string().replace('"', "'")).collect::<Vec<_>>().join(", ")
}
