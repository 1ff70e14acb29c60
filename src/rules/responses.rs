//! Responses. Sources: OpenAI's API reference; vLLM's `ResponsesRequest`.

use super::{Body, Rule, conflict};
use crate::document::{Kind, Node};

pub(super) const ALL: &[Rule] = &[|body| {
    let not_stored = body.0.get("store").is_some_and(|store| store.kind() == Kind::False);
    let nowhere_to_go = body.is_true("background") && not_stored;
    nowhere_to_go.then(|| conflict("background", "needs 'store'"))
}];

pub(super) const VLLM: &[Rule] = &[
    |body| {
        let without = body.is_text("tool_choice", "required") && !body.has_content("tools");
        without.then(|| conflict("tool_choice", "needs 'tools'"))
    },
    |body| {
        let choice = body.object("tool_choice").filter(|choice| choice.is_text("type", "function"))?;
        let chosen = choice.set("name")?.string()?;
        let known = body.list("tools").any(|tool| has_name(tool, &chosen));
        (!known).then(|| conflict("tool_choice", "names none of the 'tools'"))
    },
    |body| {
        let both = body.set("structured_outputs").is_some() && body.object("text")?.set("format").is_some();
        both.then(|| conflict("structured_outputs", "cannot be had with 'text.format'"))
    },
];

/// Whether a tool, or one of a namespace of tools, is called so.
fn has_name(tool: Body<'_>, name: &str) -> bool {
    let own = tool.set("name").and_then(Node::string).unwrap_or_default();
    let in_namespace = |inner: Body<'_>| {
        let bare = inner.set("name").and_then(Node::string).unwrap_or_default();
        bare == name || name.strip_prefix(&*own).and_then(|rest| rest.strip_prefix("__")) == Some(&*bare)
    };
    own == name || (tool.is_text("type", "namespace") && tool.list("tools").any(in_namespace))
}
