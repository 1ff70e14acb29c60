//! Completions. Sources: OpenAI's API reference; vLLM's `CompletionRequest` and `SamplingParams`.

use super::{Body, Rule, chat, conflict};

pub(super) const ALL: &[Rule] = &[|body| {
    let (best_of, n) = (body.number("best_of")?, body.number("n")?);
    (best_of > 0.0 && n > best_of).then(|| conflict("best_of", "must not be less than 'n'"))
}];

pub(super) const OPENAI: &[Rule] = &[|body| {
    let chooses = body.number("best_of")? > body.number("n").unwrap_or(1.0);
    (chooses && body.is_true("stream")).then(|| conflict("best_of", "cannot be streamed"))
}];

pub(super) const VLLM: &[Rule] = &[
    chat::stream_options_without_stream,
    chat::min_tokens_above_max_tokens,
    chat::several_structured_outputs,
    chat::prompt_logprobs_with_stream,
    chat::logprob_token_ids,
    chat::repetition_detection,
    |body| {
        let nothing = generates_nothing(body) && !body.is_true("echo");
        nothing.then(|| conflict("max_tokens", "must be at least 1 without 'echo'"))
    },
    |body| {
        let asked = body.set("logprob_token_ids").is_some() && generates_nothing(body);
        asked.then(|| conflict("logprob_token_ids", "needs tokens that are generated"))
    },
];

fn generates_nothing(body: Body<'_>) -> bool {
    body.number("max_tokens") == Some(0.0)
}
