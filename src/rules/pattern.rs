//! Patterns that no server can compile. Handed on, one of them took a worker of vLLM down
//! ([GHSA-vrq3-r879-7m65](https://github.com/vllm-project/vllm/security/advisories/GHSA-vrq3-r879-7m65)).
//!
//! Only what no dialect of patterns takes is refused: a group or class without its end, a repetition of nothing or of a
//! repetition, a backslash at the end. Look-around and back-references are legal in JSON Schema's patterns and pass.

use super::{Conflict, Rule};
use crate::document::{Kind, Node};

/// Schemas within each other that are looked into; the document's own depth bounds them, too.
const MAX_DEPTH: usize = 64;

pub(super) const ALL: &[Rule] = &[|body| {
    let malformed = |param: &str| Some(Conflict::new(param, "holds a pattern that cannot be compiled"));
    for (index, tool) in body.list("tools").enumerate() {
        let function = tool.object("function");
        if let Some(parameters) =
            function.and_then(|function| function.set("parameters")).filter(|it| holds_malformed(*it, 0))
        {
            return malformed(&parameters.place().to_string());
        }
        if tool.set("parameters").is_some_and(|parameters| holds_malformed(parameters, 0)) {
            return malformed(&format!("tools[{index}].parameters"));
        }
    }
    let structured = body.object("structured_outputs");
    let schemas = [
        body.object("response_format").and_then(|format| format.object("json_schema")).and_then(|it| it.set("schema")),
        body.object("text").and_then(|text| text.object("format")).and_then(|format| format.set("schema")),
        structured.and_then(|outputs| outputs.set("json")),
        body.set("guided_json"),
    ];
    if let Some(schema) = schemas.into_iter().flatten().find(|schema| holds_malformed(*schema, 0)) {
        return malformed(&schema.place().to_string());
    }
    let patterns = [structured.and_then(|outputs| outputs.set("regex")), body.set("guided_regex")];
    let pattern =
        patterns.into_iter().flatten().find(|pattern| pattern.string().is_some_and(|it| is_malformed(&it)))?;
    malformed(&pattern.place().to_string())
}];

/// Whether a JSON Schema has a malformed pattern where schemas have patterns; not in an example or a default.
fn holds_malformed(schema: Node<'_>, depth: usize) -> bool {
    if depth == MAX_DEPTH || schema.kind() != Kind::Object {
        return false;
    }
    schema.members().any(|(key, value)| {
        let within = |value: Node<'_>| holds_malformed(value, depth + 1);
        match key.string().as_deref().unwrap_or_default() {
            "pattern" => value.string().is_some_and(|pattern| is_malformed(&pattern)),
            "patternProperties" => value
                .members()
                .any(|(pattern, schema)| pattern.string().is_some_and(|it| is_malformed(&it)) || within(schema)),
            "properties" | "$defs" | "definitions" | "dependentSchemas" => {
                value.members().any(|(_, value)| within(value))
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => value.elements().any(within),
            "items" | "additionalProperties" | "not" | "if" | "then" | "else" | "contains" | "propertyNames" => {
                within(value) || value.elements().any(within)
            }
            _ => false,
        }
    })
}

/// Whether no dialect of patterns takes `pattern`.
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
