//! Patterns that no server can compile. Handed on, one of them took a worker of vLLM down
//! ([GHSA-vrq3-r879-7m65](https://github.com/vllm-project/vllm/security/advisories/GHSA-vrq3-r879-7m65)).
//!
//! Only what no server's dialect of patterns takes is refused: a group or class without its end, a repetition of nothing or of a
//! repetition, a backslash at the end. Look-around and back-references are legal in JSON Schema's patterns and pass.

use super::{Body, Rule, conflict};
use crate::document::{Document, Kind, Node};

pub(super) const ALL: &[Rule] = &[|body| {
    let found = schemas(body).into_iter().find(|schema| holds_malformed(*schema));
    let found = found.or_else(|| patterns(body).into_iter().find(|pattern| is_malformed_text(*pattern)));
    found.map(|at| conflict(&at.place().to_string(), "holds a pattern that cannot be compiled"))
}];

/// Where bodies hold JSON Schemas, which servers make grammars of.
fn schemas(body: Body<'_>) -> Vec<Node<'_>> {
    let formats = [
        body.object("response_format"),
        body.object("text").and_then(|text| text.object("format")),
        body.object("output_config").and_then(|config| config.object("format")),
        body.object("output_format"),
    ];
    let structured = body.object("structured_outputs").and_then(|outputs| outputs.set("json"));
    let tools = body.list("tools").chain(body.list("functions")).flat_map(of_tool);
    let formats = formats.into_iter().flatten().flat_map(of_format);
    tools.chain(formats).chain([structured, body.set("guided_json")]).flatten().collect()
}

fn of_tool(tool: Body<'_>) -> [Option<Node<'_>>; 3] {
    let function = tool.object("function").and_then(|function| function.set("parameters"));
    [function, tool.set("parameters"), tool.set("input_schema")]
}

fn of_format(format: Body<'_>) -> [Option<Node<'_>>; 2] {
    [format.set("schema"), format.object("json_schema").and_then(|inner| inner.set("schema"))]
}

/// Where bodies hold patterns themselves.
fn patterns(body: Body<'_>) -> Vec<Node<'_>> {
    let structured = body.object("structured_outputs").and_then(|outputs| outputs.set("regex"));
    [structured, body.set("guided_regex")].into_iter().flatten().collect()
}

/// Whether a JSON Schema, which may also come as a text, has a malformed pattern where schemas have patterns. The depth
/// of the document bounds that of the search.
fn holds_malformed(schema: Node<'_>) -> bool {
    if let Some(text) = schema.string() {
        return Document::parse(text.as_bytes(), MAX_TEXT_DEPTH).is_ok_and(|inner| holds_malformed(inner.root()));
    }
    let of_member = |(key, value): (Node<'_>, Node<'_>)| match key.string().as_deref().unwrap_or_default() {
        "pattern" => is_malformed_text(value),
        "patternProperties" => {
            value.members().any(|(pattern, schema)| is_malformed_text(pattern) || holds_malformed(schema))
        }
        // By name, whatever the names are.
        "properties" | "$defs" | "definitions" | "dependentSchemas" => {
            value.members().any(|(_, schema)| holds_malformed(schema))
        }
        // Data, in which a member `pattern` is none.
        "enum" | "const" | "default" | "examples" | "example" => false,
        _ => value.kind() != Kind::String && holds_malformed(value),
    };
    schema.members().any(of_member)
        || schema.elements().any(|element| element.kind() != Kind::String && holds_malformed(element))
}

/// Nesting of a schema that comes as a text. One that is deeper is for the server to refuse.
const MAX_TEXT_DEPTH: usize = 64;

fn is_malformed_text(pattern: Node<'_>) -> bool {
    pattern.string().is_some_and(|pattern| is_malformed(&pattern))
}

/// Whether no dialect of patterns that servers use takes `pattern`.
fn is_malformed(pattern: &str) -> bool {
    let mut rest = pattern.chars().peekable();
    let mut open = 0_usize;
    // Whether there is something to repeat, and whether it is a repetition already.
    let (mut atom, mut repeated) = (false, false);
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                if rest.next().is_none() {
                    return true;
                }
                (atom, repeated) = (true, false);
            }
            '[' => {
                if !skip_class(&mut rest) {
                    return true;
                }
                (atom, repeated) = (true, false);
            }
            '(' => {
                open += 1;
                // `(?:`, `(?=`, `(?<name>` and the like: their mark repeats nothing.
                rest.next_if_eq(&'?');
                (atom, repeated) = (false, false);
            }
            ')' => {
                let Some(left) = open.checked_sub(1) else { return true };
                open = left;
                (atom, repeated) = (true, false);
            }
            '|' | '^' => (atom, repeated) = (c == '^', false),
            '*' | '+' | '?' => {
                // `a*?` is lazy and `a*+` possessive; `a**` and `*a` are nothing.
                if !atom || (repeated && c == '*') {
                    return true;
                }
                repeated = true;
            }
            _ => (atom, repeated) = (true, false),
        }
    }
    open > 0
}

/// Goes behind a class of characters; `false` where it has no end. A `]` that comes first stands for itself in most
/// dialects, and in the others ends an empty class: both are let pass.
fn skip_class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut ended = false;
    let mut lookahead = rest.clone();
    while let Some(c) = lookahead.next() {
        match c {
            '\\' => {
                lookahead.next();
            }
            ']' => {
                ended = true;
                break;
            }
            _ => {}
        }
    }
    if ended {
        *rest = lookahead;
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_dialect_takes_is_malformed() {
        for pattern in ["(", "a)", "[a-z", "*a", "a**", "a|*", "(?:", "a\\", "(*b)", "foo\\d+**", "[\\]"] {
            assert!(is_malformed(pattern), "{pattern}");
        }
        for pattern in [
            "",
            "^a$",
            "a*?",
            "a*+",
            "a+?",
            "a?+",
            "(?=x)y",
            "(?<!x)y",
            "(?<n>a)\\k<n>",
            "(a)\\1",
            "[]a]",
            "[^\\]]",
            "\\(",
            "a{2}",
            "a{2}?",
            "{",
            "]",
            "(a|b)*",
            "\\p{L}+",
            "^\\$[0-9]+$",
            "(?i)a",
            "[[:alpha:]]",
        ] {
            assert!(!is_malformed(pattern), "{pattern}");
        }
    }
}
