//! Whether a body is one sound JSON document, and what stands where in it.
//!
//! 1. The text is RFC 8259 JSON in UTF-8 without a byte-order mark: one document, nothing after it.
//! 2. No object has a key twice, also where one of the two is written with escapes. Parsers disagree about which
//!    one counts, so a body with both would be judged as one document and served as another.
//! 3. No string holds half of a surrogate pair, no number is too large for a double.
//! 4. It is nested no deeper than the bound.
//!
//! One pass over the bytes checks all of this and leaves a tape: for each token its kind and where it stands, eight
//! bytes a token, nothing copied. Everything later reads the tape: the schema, the model, the place in an error,
//! the spans that edits replace.

mod flaw;
mod number;
mod scan;
mod text;

pub use flaw::{Flaw, FlawKind};
pub use number::Numeral;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use crate::place::Place;

/// The longest text that a tape can describe, in bytes (256 MiB): offsets are kept in 28 bits.
pub const MAX_LENGTH: usize = (1 << 28) - 1;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
    /// A number.
    Number,
    /// A string, or the key of a member.
    String,
    /// An object: followed by its keys and values in turn.
    Object,
    /// An array: followed by its elements.
    Array,
}

/// One token of the tape.
///
/// `extent` is the length in bytes of a string (between its quotes) or a number, and for an object or array the
/// index of the token behind its last one.
#[derive(Debug, Clone, Copy)]
struct Token {
    start: u32,
    info: u32,
}

impl Token {
    const EXTENT_BITS: u32 = 28;
    const ESCAPED: u32 = 1 << Self::EXTENT_BITS;

    fn new(kind: Kind, start: usize, extent: usize) -> Self {
        // Both fit in 28 bits: the scanner refuses a text longer than MAX_LENGTH, and has at most a token a byte.
        let extent = u32::try_from(extent).unwrap_or(u32::MAX) & (Self::ESCAPED - 1);
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        Self { start, info: (kind as u32) << 29 | extent }
    }

    fn escaped(mut self, escaped: bool) -> Self {
        self.info |= if escaped { Self::ESCAPED } else { 0 };
        self
    }

    fn kind(self) -> Kind {
        match self.info >> 29 {
            0 => Kind::Null,
            1 => Kind::False,
            2 => Kind::True,
            3 => Kind::Number,
            4 => Kind::String,
            5 => Kind::Object,
            _ => Kind::Array,
        }
    }

    fn is_escaped(self) -> bool {
        self.info & Self::ESCAPED != 0
    }

    fn extent(self) -> usize {
        (self.info & (Self::ESCAPED - 1)) as usize
    }

    fn start(self) -> usize {
        self.start as usize
    }
}

/// A sound JSON document, read in place.
#[derive(Debug)]
pub struct Document<'b> {
    text: &'b str,
    tape: Vec<Token>,
}

impl<'b> Document<'b> {
    /// Reads `bytes`; nesting deeper than `max_depth` objects and arrays is a flaw.
    ///
    /// # Errors
    /// The first [`Flaw`] found, going through the text from its beginning.
    pub fn parse(bytes: &'b [u8], max_depth: usize) -> Result<Self, Flaw> {
        scan::scan(bytes, max_depth).map(|(text, tape)| Self { text, tape })
    }

    /// How many values and keys there are.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tape.len()
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { document: self, at: 0 }
    }

    fn token(&self, at: usize) -> Token {
        // `at` always comes from the tape itself; the default is never seen.
        self.tape.get(at).copied().unwrap_or(Token::new(Kind::Null, 0, 0))
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }
}

/// One value of a [`Document`].
#[derive(Debug, Clone, Copy)]
pub struct Node<'d> {
    document: &'d Document<'d>,
    at: usize,
}

impl<'d> Node<'d> {
    fn token(self) -> Token {
        self.document.token(self.at)
    }

    /// What this value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.token().kind()
    }

    /// The text of a string, with its escapes resolved; `None` for any other kind.
    #[must_use]
    pub fn string(self) -> Option<Cow<'d, str>> {
        let token = self.token();
        (token.kind() == Kind::String).then(|| {
            let raw = self.raw_string(token);
            if token.is_escaped() { Cow::Owned(text::unescape(raw)) } else { Cow::Borrowed(raw) }
        })
    }

    /// The text of a number as it was written; `None` for any other kind.
    #[must_use]
    pub fn numeral(self) -> Option<Numeral<'d>> {
        let token = self.token();
        let written = token.start()..token.start() + token.extent();
        (token.kind() == Kind::Number).then(|| Numeral::new(self.document.slice(written)))
    }

    /// The value of the member `key` of an object; `None` where there is none, or for any other kind.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        self.members().find(|(name, _)| name.is_text(key)).map(|(_, value)| value)
    }

    /// The members of an object, in the order of the text; none for any other kind.
    #[must_use]
    pub fn members(self) -> Members<'d> {
        Members(self.children(Kind::Object))
    }

    /// The elements of an array; none for any other kind.
    #[must_use]
    pub fn elements(self) -> Elements<'d> {
        Elements(self.children(Kind::Array))
    }

    /// Where the value stands in the text, in bytes: for a string with its quotes. `None` for objects and arrays,
    /// whose end the tape does not keep.
    #[must_use]
    pub fn span(self) -> Option<Range<usize>> {
        let token = self.token();
        let start = token.start();
        match token.kind() {
            Kind::Null | Kind::True => Some(start..start + 4),
            Kind::False => Some(start..start + 5),
            Kind::Number => Some(start..start + token.extent()),
            // A string's token starts behind its opening quote.
            Kind::String => Some(start - 1..start + token.extent() + 1),
            Kind::Object | Kind::Array => None,
        }
    }

    /// The place of this value, found by going down from the root.
    #[must_use]
    pub fn place(self) -> Place {
        let mut place = Place::root();
        let mut node = self.document.root();
        while node.at != self.at {
            let holds = |child: &Node<'_>| child.at <= self.at && self.at < child.behind();
            if let Some((index, child)) = node.elements().enumerate().find(|(_, child)| holds(child)) {
                place = place.index(index);
                node = child;
            } else if let Some((key, child)) = node.members().find(|(key, child)| key.at == self.at || holds(child)) {
                place = place.key(&key.string().unwrap_or_default());
                if key.at == self.at {
                    break;
                }
                node = child;
            } else {
                break;
            }
        }
        place
    }

    /// Whether this is the same value as `other`: not an equal one elsewhere.
    #[must_use]
    pub fn is(self, other: Node<'_>) -> bool {
        self.at == other.at
    }

    /// Whether this value begins behind the beginning of `other`.
    #[must_use]
    pub fn is_behind(self, other: Node<'_>) -> bool {
        self.at > other.at
    }

    /// The value and all in it as a tree of its own. For cold paths: it copies everything.
    #[must_use]
    pub fn to_value(self) -> Value {
        let text = |node: Node<'_>| node.string().unwrap_or_default().into_owned();
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::False => Value::Bool(false),
            Kind::True => Value::Bool(true),
            Kind::Number => self.numeral().map_or(Value::Null, |numeral| Value::Number(numeral.to_number())),
            Kind::String => Value::String(text(self)),
            Kind::Array => Value::Array(self.elements().map(Node::to_value).collect()),
            Kind::Object => Value::Object(self.members().map(|(key, value)| (text(key), value.to_value())).collect()),
        }
    }

    /// Whether this is the string or key `text`, without resolving its escapes where it has none.
    #[must_use]
    pub fn is_text(self, text: &str) -> bool {
        let token = self.token();
        if token.kind() != Kind::String {
            return false;
        }
        if token.is_escaped() {
            self.string().is_some_and(|own| own == text)
        } else {
            token.extent() == text.len() && self.raw_string(token) == text
        }
    }

    fn raw_string(self, token: Token) -> &'d str {
        self.document.slice(token.start()..token.start() + token.extent())
    }

    /// The index of the token behind this value.
    fn behind(self) -> usize {
        let token = self.token();
        match token.kind() {
            Kind::Object | Kind::Array => token.extent(),
            _ => self.at + 1,
        }
    }

    fn children(self, of: Kind) -> Children<'d> {
        let token = self.token();
        let behind = if token.kind() == of { token.extent() } else { self.at + 1 };
        Children { document: self.document, at: self.at + 1, behind }
    }
}

/// Values one after the other, up to the end of what holds them.
#[derive(Debug, Clone)]
struct Children<'d> {
    document: &'d Document<'d>,
    at: usize,
    behind: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        let node = (self.at < self.behind).then_some(Node { document: self.document, at: self.at })?;
        self.at = node.behind();
        Some(node)
    }
}

/// The members of an object: key and value.
#[derive(Debug, Clone)]
pub struct Members<'d>(Children<'d>);

impl<'d> Iterator for Members<'d> {
    type Item = (Node<'d>, Node<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// The elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'d>(Children<'d>);

impl<'d> Iterator for Elements<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests;
