//! The tape as an instance that `jsonschema` validates in place, through its public traits.

use std::borrow::Cow;

use jsonschema::JsonType;
use jsonschema_value::{Array, Json, LazyInstance, Node as JsonNode, NodeIdentity, Object};
use serde_json::Value;

use super::{Elements, Kind, Members, Node, Numeral};

/// The representation: a validator for it is a `jsonschema::Validator<TapeJson>`.
#[derive(Debug)]
pub struct TapeJson;

/// A value to validate: one of the document's, or a name by itself (for `propertyNames`).
#[derive(Debug, Clone, Copy)]
pub enum Instance<'a> {
    /// A value of the document.
    Node(Node<'a>),
    /// A string that stands in no document.
    Name(&'a str),
}

impl Json for TapeJson {
    type Node<'a> = Instance<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // A lookup goes through the members, so one pass over them that serves all lookups is the better deal early.
    const KEYS_PER_LOOKUP: usize = 8;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Instance<'_>) -> T) -> T {
        f(Instance::Name(string))
    }
}

impl<'a> Instance<'a> {
    fn node(self, kind: Kind) -> Option<Node<'a>> {
        match self {
            Self::Node(node) if node.kind() == kind => Some(node),
            _ => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Node(node) => node.kind(),
            Self::Name(_) => Kind::String,
        }
    }
}

impl<'a> JsonNode<'a, TapeJson> for Instance<'a> {
    type Object = Node<'a>;
    type Array = Node<'a>;
    type Number = Numeral<'a>;

    fn as_object(&self) -> Option<Node<'a>> {
        self.node(Kind::Object)
    }

    fn as_array(&self) -> Option<Node<'a>> {
        self.node(Kind::Array)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Node(node) => node.string(),
            Self::Name(name) => Some(Cow::Borrowed(name)),
        }
    }

    fn as_number(&self) -> Option<Numeral<'a>> {
        self.node(Kind::Number).and_then(Node::numeral)
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    fn is_number(&self) -> bool {
        self.kind() == Kind::Number
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::False | Kind::True => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String => JsonType::String,
            Kind::Object => JsonType::Object,
            Kind::Array => JsonType::Array,
        }
    }

    fn string_length_within(&self, min: u64, max: u64) -> Option<bool> {
        let text = self.as_string()?;
        // A code point takes one to four bytes: most bounds are decided without counting.
        let bytes = text.len() as u64;
        let fewest = bytes.div_ceil(4);
        if bytes < min || fewest > max {
            return Some(false);
        }
        if min <= fewest && bytes <= max {
            return Some(true);
        }
        Some((min..=max).contains(&(text.chars().count() as u64)))
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Self::Node(node), Value::String(text)) if node.kind() == Kind::String => node.is_key(text),
            (_, Value::String(_) | Value::Null | Value::Bool(_)) => *self.to_value() == *expected,
            _ => jsonschema::json::cmp::equal(&self.to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(match self {
            Self::Node(node) => to_value(*node),
            Self::Name(name) => Value::String((*name).to_owned()),
        })
    }

    fn lazy_value(&self) -> LazyInstance<'a> {
        // Errors are told by place and rule, never by the caller's value: nothing is ever built for them.
        LazyInstance::Ready(Cow::Owned(Value::Null))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        match self {
            Self::Node(node) => {
                let address = std::ptr::from_ref(node.document) as usize;
                u32::try_from(node.at).ok().map(|at| NodeIdentity::tagged(address, at))
            }
            Self::Name(_) => None,
        }
    }
}

impl<'a> Object<'a, TapeJson> for Node<'a> {
    type Node = Instance<'a>;
    type MemberName = Cow<'a, str>;
    type MembersIter = NamedMembers<'a>;

    fn len(&self) -> usize {
        self.members().count()
    }

    fn is_empty(&self) -> bool {
        Node::members(*self).next().is_none()
    }

    fn get(&self, key: &String) -> Option<Instance<'a>> {
        Node::get(*self, key).map(Instance::Node)
    }

    fn members(&self) -> NamedMembers<'a> {
        NamedMembers(Node::members(*self))
    }
}

/// The members of an object with their names resolved.
#[derive(Debug)]
pub struct NamedMembers<'a>(Members<'a>);

impl<'a> Iterator for NamedMembers<'a> {
    type Item = (Cow<'a, str>, Instance<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.0.next()?;
        Some((key.string().unwrap_or_default(), Instance::Node(value)))
    }
}

impl<'a> Array<'a, TapeJson> for Node<'a> {
    type Node = Instance<'a>;
    type ElementsIter = std::iter::Map<Elements<'a>, fn(Node<'a>) -> Instance<'a>>;

    fn len(&self) -> usize {
        Node::elements(*self).count()
    }

    fn elements(&self) -> Self::ElementsIter {
        Node::elements(*self).map(Instance::Node)
    }
}

/// Builds the tree of a value, for the few keywords that compare whole values (`const`, `enum`, `uniqueItems`).
/// The depth of the recursion is bounded by the document's own bound.
fn to_value(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::False => Value::Bool(false),
        Kind::True => Value::Bool(true),
        Kind::Number => node.numeral().map_or(Value::Null, |numeral| {
            Value::Number(jsonschema::json::JsonNumber::to_number(&numeral).into_owned())
        }),
        Kind::String => Value::String(node.string().unwrap_or_default().into_owned()),
        Kind::Array => Value::Array(node.elements().map(to_value).collect()),
        Kind::Object => Value::Object(
            node.members()
                .map(|(key, value)| (key.string().unwrap_or_default().into_owned(), to_value(value)))
                .collect(),
        ),
    }
}

impl<'d> Node<'d> {
    /// The value and all in it as a tree of its own. For cold paths: it copies everything.
    #[must_use]
    pub fn to_value(self) -> Value {
        to_value(self)
    }
}
