//! Rules beside the schema: fields that must agree with each other, where servers refuse a body otherwise, and what is
//! known to bring a server down.
//!
//! A field counts as set where it is there and not `null`. Each rule names the field at fault and holds for the
//! endpoints and dialects in which servers are known to have it; a body that some server accepts must pass there.

mod chat;
mod completions;
mod messages;
mod pattern;
mod responses;

use crate::dialect::Dialect;
use crate::document::{Kind, Node};
use crate::endpoint::Endpoint;
use crate::schema::Violation;

/// `param` cannot be as it is for what `why` says.
fn conflict(param: &str, why: &str) -> Violation {
    Violation {
        param: param.to_owned(),
        code: "conflicting_parameters",
        message: format!("Invalid value: '{param}' {why}."),
    }
}

/// A rule: the conflict in a body, where there is one.
type Rule = fn(Body<'_>) -> Option<Violation>;

/// Judges a body that fits the schema of `endpoint` in `dialect`.
///
/// # Errors
/// The first conflict.
pub fn check(endpoint: Endpoint, dialect: Dialect, root: Node<'_>) -> Result<(), Violation> {
    let vllm = dialect == Dialect::Vllm;
    let rules: [&[Rule]; 3] = match endpoint {
        Endpoint::ChatCompletions => [chat::ALL, if vllm { chat::VLLM } else { chat::OPENAI }, pattern::ALL],
        Endpoint::Completions => {
            [completions::ALL, if vllm { completions::VLLM } else { completions::OPENAI }, pattern::ALL]
        }
        Endpoint::Responses => [responses::ALL, if vllm { responses::VLLM } else { &[] }, pattern::ALL],
        Endpoint::Messages => [messages::ALL, if vllm { &[] } else { messages::ANTHROPIC }, pattern::ALL],
        Endpoint::Tokenize => [&[chat::prompt_goes_two_ways], &[], &[]],
        _ => [&[], &[], &[]],
    };
    let body = Body(root);
    match rules.into_iter().flatten().find_map(|rule| rule(body)) {
        Some(violation) => Err(violation),
        None => Ok(()),
    }
}

/// An object of a body, as rules read it.
#[derive(Debug, Clone, Copy)]
struct Body<'d>(Node<'d>);

impl<'d> Body<'d> {
    /// The field, where it is set.
    fn set(self, name: &str) -> Option<Node<'d>> {
        self.0.get(name).filter(|node| node.kind() != Kind::Null)
    }

    fn object(self, name: &str) -> Option<Self> {
        self.set(name).filter(|node| node.kind() == Kind::Object).map(Self)
    }

    fn is_true(self, name: &str) -> bool {
        self.0.get(name).is_some_and(|node| node.kind() == Kind::True)
    }

    fn number(self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Node::numeral).map(crate::document::Numeral::to_f64)
    }

    fn is_text(self, name: &str, text: &str) -> bool {
        self.0.get(name).is_some_and(|node| node.is_text(text))
    }

    /// Whether the field is set to an array or object with something in it, or to anything else.
    fn has_content(self, name: &str) -> bool {
        self.set(name).is_some_and(|node| match node.kind() {
            Kind::Array => node.elements().next().is_some(),
            Kind::Object => node.members().next().is_some(),
            _ => true,
        })
    }

    /// The elements of the field, where it is an array.
    fn list(self, name: &str) -> impl Iterator<Item = Self> + use<'d> {
        self.0.get(name).into_iter().flat_map(Node::elements).map(Self)
    }

    /// How many of the fields are set.
    fn count_set(self, names: &[&str]) -> usize {
        names.iter().filter(|name| self.set(name).is_some()).count()
    }
}

#[cfg(test)]
mod tests;
