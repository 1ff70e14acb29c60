//! Chat completions. Sources: OpenAI's API reference; vLLM's `ChatCompletionRequest` and `SamplingParams`.

use super::{Body, Rule, conflict};
use crate::document::Kind;
use crate::schema::Violation;

/// Kinds of structured output, of which vLLM takes one at a time.
const STRUCTURED: [&str; 6] = ["json", "regex", "choice", "grammar", "json_object", "structural_tag"];
const GUIDED: [&str; 5] = ["guided_json", "guided_regex", "guided_choice", "guided_grammar", "guided_json_object"];

pub(super) const ALL: &[Rule] = &[
    |body| {
        let asked = body.number("top_logprobs").is_some_and(|number| number != 0.0);
        (asked && !body.is_true("logprobs")).then(|| conflict("top_logprobs", "needs 'logprobs' to be true"))
    },
    |body| {
        let chosen = body.set("tool_choice").is_some() && !body.is_text("tool_choice", "none");
        let without = chosen && body.set("tools").is_none() && !body.has_content("functions");
        without.then(|| conflict("tool_choice", "needs 'tools'"))
    },
];

pub(super) const OPENAI: &[Rule] = &[
    |body| {
        let chosen = body.set("function_call").is_some() && !body.is_text("function_call", "none");
        (chosen && !body.has_content("functions")).then(|| conflict("function_call", "needs 'functions'"))
    },
    |body| {
        let speaks = body.0.get("modalities").is_some_and(|list| list.elements().any(|kind| kind.is_text("audio")));
        (speaks && body.set("audio").is_none()).then(|| conflict("audio", "is needed for audio output"))
    },
];

pub(super) const VLLM: &[Rule] = &[
    stream_options_without_stream,
    min_tokens_above_max_tokens,
    several_structured_outputs,
    prompt_logprobs_with_stream,
    logprob_token_ids,
    repetition_detection,
    prompt_goes_two_ways,
    |body| {
        let structured = body.object("structured_outputs").is_some_and(|kinds| kinds.count_set(&STRUCTURED) > 0);
        let named = body.set("tool_choice").is_some_and(|choice| choice.kind() == Kind::Object);
        (structured && named).then(|| conflict("structured_outputs", "cannot be had with a named tool"))
    },
    |body| {
        let chosen = body.object("tool_choice")?.object("function")?.set("name")?.string()?;
        let has_name =
            |tool: Body<'_>| tool.object("function").is_some_and(|function| function.is_text("name", &chosen));
        let unknown = body.has_content("tools") && !body.list("tools").any(has_name);
        unknown.then(|| conflict("tool_choice", "names none of the 'tools'"))
    },
];

pub(super) fn stream_options_without_stream(body: Body<'_>) -> Option<Violation> {
    let options = body.object("stream_options")?;
    let any_set = options.0.members().any(|(_, value)| value.kind() != Kind::Null);
    (any_set && !body.is_true("stream")).then(|| conflict("stream_options", "needs 'stream' to be true"))
}

pub(super) fn min_tokens_above_max_tokens(body: Body<'_>) -> Option<Violation> {
    let max = body.number("max_completion_tokens").or_else(|| body.number("max_tokens"))?;
    let min = body.number("min_tokens")?;
    (max > 0.0 && min > max).then(|| conflict("min_tokens", "must not be more than the most tokens allowed"))
}

pub(super) fn several_structured_outputs(body: Body<'_>) -> Option<Violation> {
    if body.object("structured_outputs").is_some_and(|kinds| kinds.count_set(&STRUCTURED) > 1) {
        return Some(conflict("structured_outputs", "must name one kind of output"));
    }
    let first = GUIDED.into_iter().find(|name| body.set(name).is_some())?;
    (body.count_set(&GUIDED) > 1).then(|| conflict(first, "cannot be had with another kind of guided output"))
}

pub(super) fn prompt_logprobs_with_stream(body: Body<'_>) -> Option<Violation> {
    let asked = body.number("prompt_logprobs").is_some_and(|number| number != 0.0);
    (asked && body.is_true("stream")).then(|| conflict("prompt_logprobs", "cannot be streamed"))
}

pub(super) fn logprob_token_ids(body: Body<'_>) -> Option<Violation> {
    body.set("logprob_token_ids")?;
    let refused = |why| Some(conflict("logprob_token_ids", why));
    if body.is_true("use_beam_search") {
        return refused("cannot be had with beam search");
    }
    let logprobs = body.set("logprobs").is_some_and(|value| value.kind() != Kind::False);
    if logprobs { None } else { refused("needs 'logprobs'") }
}

pub(super) fn repetition_detection(body: Body<'_>) -> Option<Violation> {
    let detection = body.object("repetition_detection")?;
    let max = detection.number("max_pattern_size").unwrap_or(0.0);
    let min = detection.number("min_pattern_size").unwrap_or(0.0);
    let count = detection.number("min_count").unwrap_or(0.0);
    let wrong = min > max || (max > 0.0 && count < 2.0);
    wrong.then(|| conflict("repetition_detection", "needs sizes in order and a 'min_count' of at least 2"))
}

/// A prompt that goes on from its last message and also begins a new one.
pub(super) fn prompt_goes_two_ways(body: Body<'_>) -> Option<Violation> {
    let both = body.is_true("continue_final_message") && body.is_true("add_generation_prompt");
    both.then(|| conflict("continue_final_message", "excludes 'add_generation_prompt'"))
}
