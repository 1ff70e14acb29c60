//! A broken rule as a sentence that a person can act on.
//!
//! The sentence names the place and the rule. It never shows the caller's value.

use super::judge::{Broken, Rule};
use crate::document::Kind;
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

pub(super) fn explain(broken: Broken<'_>) -> Violation {
    let place = match broken.rule {
        Rule::Required(name) => broken.node.place().key(name),
        Rule::Unknown(key) | Rule::Name(key) | Rule::Lookalike(key) => key.place(),
        _ => broken.node.place(),
    };
    let whole = if place.is_root() { "the request body".to_owned() } else { format!("'{place}'") };
    let (code, message) = match broken.rule {
        Rule::Required(_) => ("missing_required_parameter", format!("Missing required parameter: {whole}.")),
        Rule::Unknown(_) | Rule::Never => ("unknown_parameter", format!("Unknown parameter: {whole}.")),
        Rule::Type(types) => {
            let (expected, found) = (types.sentence(), name_of(broken.node.kind()));
            ("invalid_type", format!("Invalid type for {whole}: expected {expected}, but got {found} instead."))
        }
        Rule::Lookalike(_) => {
            ("unknown_parameter", format!("Unknown parameter: {whole}. Parameters are written in lower case."))
        }
        rule => {
            let (code, must) = value_rule(rule);
            (code, format!("Invalid value: {whole} {must}."))
        }
    };
    Violation { param: place.to_string(), code, message }
}

/// The rules about a value that is of the right type.
fn value_rule(rule: Rule<'_>) -> (&'static str, String) {
    match rule {
        Rule::Values(values) => {
            let listed: Vec<_> = values.iter().map(|value| value.to_string().replace('"', "'")).collect();
            (
                "invalid_value",
                match listed.as_slice() {
                    [only] => format!("must be {only}"),
                    _ => format!("must be one of {}", listed.join(", ")),
                },
            )
        }
        Rule::Min(bound) if bound.exclusive => ("below_min_value", format!("must be more than {}", bound.limit)),
        Rule::Min(bound) => ("below_min_value", format!("must be at least {}", bound.limit)),
        Rule::Max(bound) if bound.exclusive => ("above_max_value", format!("must be less than {}", bound.limit)),
        Rule::Max(bound) => ("above_max_value", format!("must be at most {}", bound.limit)),
        Rule::MultipleOf(factor) => ("invalid_value", format!("must be a multiple of {factor}")),
        Rule::MinLength(1) => ("empty_string", "must not be empty".to_owned()),
        Rule::MinLength(min) => ("string_below_min_length", format!("must have at least {min} characters")),
        Rule::MaxLength(max) => ("string_above_max_length", format!("must have at most {max} characters")),
        Rule::Pattern(pattern) => ("invalid_value", format!("must match the pattern {pattern}")),
        Rule::MinItems(1) => ("empty_array", "must not be empty".to_owned()),
        Rule::MinItems(min) => ("array_below_min_length", format!("must have at least {min} elements")),
        Rule::MaxItems(max) => ("array_above_max_length", format!("must have at most {max} elements")),
        Rule::Contains => ("invalid_value", "does not have the elements that it must have".to_owned()),
        Rule::Unique => ("invalid_value", "must not have the same element twice".to_owned()),
        Rule::MinProperties(min) => ("object_below_min_properties", format!("must have at least {min} members")),
        Rule::MaxProperties(max) => ("object_above_max_properties", format!("must have at most {max} members")),
        Rule::Name(_) => ("unknown_parameter", "is not a name that may stand there".to_owned()),
        Rule::Ambiguous => ("invalid_value", "fits more than one of the forms that exclude each other".to_owned()),
        Rule::TooComplex => ("too_complex", "is too complex to be checked".to_owned()),
        _ => ("invalid_value", "is not what the endpoint takes there".to_owned()),
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
