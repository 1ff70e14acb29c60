//! Anthropic's messages. Source: Anthropic's API reference.

use super::{Body, Rule, conflict};
use crate::schema::Violation;

pub(super) const ALL: &[Rule] = &[thinking_budget, |body| {
    let choice = body.object("tool_choice")?;
    let forced = choice.is_text("type", "any") || choice.is_text("type", "tool");
    let without = forced && !body.has_content("tools") && !body.has_content("mcp_servers");
    without.then(|| conflict("tool_choice", "needs 'tools'"))
}];

pub(super) const ANTHROPIC: &[Rule] = &[|body| {
    let enabled = body.object("thinking")?.is_text("type", "enabled");
    let choice = body.object("tool_choice")?;
    let forced = choice.is_text("type", "any") || choice.is_text("type", "tool");
    (enabled && forced).then(|| conflict("tool_choice", "must leave the choice to the model that is thinking"))
}];

/// Thinking counts among the tokens of the answer, unless it may go on between calls of tools.
fn thinking_budget(body: Body<'_>) -> Option<Violation> {
    let thinking = body.object("thinking").filter(|thinking| thinking.is_text("type", "enabled"))?;
    let (budget, max) = (thinking.number("budget_tokens")?, body.number("max_tokens")?);
    // A prefill instance of vLLM generates one token and hands the rest on.
    let handed_on = body.object("kv_transfer_params").is_some_and(|params| params.is_true("do_remote_decode"));
    let too_much = budget >= max && !body.has_content("tools") && !handed_on;
    too_much.then(|| conflict("thinking.budget_tokens", "must be less than 'max_tokens'"))
}
