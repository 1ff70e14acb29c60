//! The one pass over the bytes.

use super::flaw::{Flaw, FlawKind};
use super::{Document, Kind, MAX_LENGTH, Node, Token, number, text};

/// Members of an object up to which each key is simply compared with all before it.
const FEW_MEMBERS: usize = 16;

/// Checks the whole of `bytes` and returns its text and tape.
pub(super) fn scan(bytes: &[u8], max_depth: usize) -> Result<(&str, Vec<Token>), Flaw> {
    if bytes.len() > MAX_LENGTH {
        return Err(Flaw::new(FlawKind::TooLong, MAX_LENGTH));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Flaw::new(FlawKind::ByteOrderMark, 0));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| {
        let sound = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        Flaw::new(FlawKind::NotUtf8, sound)
    })?;
    // Prose has about a token for thirty bytes; the vector grows where a body has more.
    let tape = Vec::with_capacity(bytes.len() / 32 + 8);
    let mut scanner = Scanner { text, bytes, at: 0, open: Vec::with_capacity(16), max_depth, tape };
    scanner.document()?;
    Ok((text, scanner.tape))
}

struct Scanner<'b> {
    text: &'b str,
    bytes: &'b [u8],
    at: usize,
    /// The objects and arrays that are open here, outermost first: their tokens' indices.
    open: Vec<usize>,
    max_depth: usize,
    tape: Vec<Token>,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Flaw> {
        self.skip_space();
        if self.at == self.bytes.len() {
            return Err(Flaw::new(FlawKind::Empty, 0));
        }
        // Each turn reads one value, then all that may follow it up to the next value.
        loop {
            let opened = self.value()?;
            if opened {
                continue;
            }
            loop {
                self.skip_space();
                let Some(container) = self.open.last().copied() else {
                    return match self.peek() {
                        None => Ok(()),
                        Some(_) => Err(self.flaw(FlawKind::TrailingData)),
                    };
                };
                let is_object = self.kind_of(container) == Kind::Object;
                match (self.peek(), is_object) {
                    (Some(b','), true) => {
                        self.at += 1;
                        self.skip_space();
                        self.key()?;
                        break;
                    }
                    (Some(b','), false) => {
                        self.at += 1;
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => self.close(container)?,
                    (_, true) => return Err(self.unexpected("a comma or the end of the object")),
                    (_, false) => return Err(self.unexpected("a comma or the end of the array")),
                }
            }
        }
    }

    /// Reads one value; `true` where it is an object or array whose first value comes next.
    fn value(&mut self) -> Result<bool, Flaw> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(|()| false),
            Some(b'{') => self.open(Kind::Object, b'}'),
            Some(b'[') => self.open(Kind::Array, b']'),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b'n') => self.literal("null", Kind::Null),
            Some(b't') => self.literal("true", Kind::True),
            Some(b'f') => self.literal("false", Kind::False),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn open(&mut self, kind: Kind, end: u8) -> Result<bool, Flaw> {
        if self.open.len() == self.max_depth {
            return Err(self.flaw(FlawKind::TooDeep { max: self.max_depth }));
        }
        let container = self.tape.len();
        // Until it is closed it reaches to the end of any tape, so that a place can be found in it already.
        self.tape.push(Token::new(kind, self.at, MAX_LENGTH));
        self.open.push(container);
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(end) {
            self.close(container)?;
            return Ok(false);
        }
        if kind == Kind::Object {
            self.key()?;
        }
        Ok(true)
    }

    fn close(&mut self, container: usize) -> Result<(), Flaw> {
        if self.kind_of(container) == Kind::Object {
            self.check_keys(container)?;
        }
        self.set_extent(container, self.tape.len());
        self.open.pop();
        self.at += 1;
        Ok(())
    }

    fn key(&mut self) -> Result<(), Flaw> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in quotes"));
        }
        self.string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("a colon"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), Flaw> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at += text::plain_run(self.bytes.get(at..).unwrap_or_default());
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    let escape = self.bytes.get(at..).unwrap_or_default();
                    at += text::escape_length(escape).map_err(|kind| Flaw::new(kind, at))?;
                }
                Some(_) => return Err(Flaw::new(FlawKind::ControlCharacter, at)),
                None => return Err(Flaw::new(FlawKind::Truncated, at)),
            }
        }
        self.tape.push(Token::new(Kind::String, start, at - start).escaped(escaped));
        self.at = at + 1;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = number::length(rest).ok_or_else(|| self.flaw(FlawKind::BadNumber))?;
        let written = self.text.get(self.at..self.at + length).unwrap_or_default();
        if !number::is_finite(written) {
            return Err(self.flaw(FlawKind::HugeNumber));
        }
        self.tape.push(Token::new(Kind::Number, self.at, length));
        self.at += length;
        Ok(())
    }

    fn literal(&mut self, word: &'static str, kind: Kind) -> Result<bool, Flaw> {
        if !self.bytes.get(self.at..).unwrap_or_default().starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.tape.push(Token::new(kind, self.at, 0));
        self.at += word.len();
        Ok(false)
    }

    /// No key of the object whose members end the tape stands twice.
    fn check_keys(&mut self, container: usize) -> Result<(), Flaw> {
        self.set_extent(container, self.tape.len());
        let document = Document { text: self.text, tape: std::mem::take(&mut self.tape) };
        let twice = second_of_two(Node { document: &document, at: container });
        let flaw = twice.map(|key| Flaw {
            kind: FlawKind::DuplicateKey,
            offset: key.token().start(),
            place: Some(key.place()),
        });
        self.tape = document.tape;
        flaw.map_or(Ok(()), Err)
    }

    fn set_extent(&mut self, container: usize, extent: usize) {
        if let Some(token) = self.tape.get_mut(container) {
            *token = Token::new(token.kind(), token.start(), extent);
        }
    }

    fn kind_of(&self, at: usize) -> Kind {
        self.tape.get(at).map_or(Kind::Null, |token| token.kind())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &'static str) -> Flaw {
        let at_end = self.at == self.bytes.len();
        self.flaw(if at_end { FlawKind::Truncated } else { FlawKind::Unexpected { expected } })
    }

    fn flaw(&self, kind: FlawKind) -> Flaw {
        Flaw::new(kind, self.at)
    }
}

/// A key of `object` that stands in it before, if there is one.
fn second_of_two(object: Node<'_>) -> Option<Node<'_>> {
    let keys = || object.members().map(|(key, _)| key);
    let mut count = 0;
    let mut any_escaped = false;
    for key in keys() {
        count += 1;
        any_escaped |= key.token().is_escaped();
    }
    if count <= FEW_MEMBERS && !any_escaped {
        let raw = |key: Node<'_>| key.token();
        return keys().enumerate().find_map(|(index, key)| {
            let length = raw(key).extent();
            let text = key.raw_string(raw(key));
            let same = |other: Node<'_>| raw(other).extent() == length && other.raw_string(raw(other)) == text;
            keys().take(index).any(same).then_some(key)
        });
    }
    // Sorting costs what the keys' own length does, whatever keys somebody thinks of; a hash table would not.
    let mut sorted: Vec<_> = keys().map(|key| (key.string().unwrap_or_default(), key.at, key)).collect();
    sorted.sort_unstable_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
    let repeated = sorted.windows(2).filter_map(|pair| match pair {
        [first, second] if first.0 == second.0 => Some(second.2),
        _ => None,
    });
    repeated.min_by_key(|key| key.at)
}
