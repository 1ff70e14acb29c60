use serde_json::{Value, json};

use super::*;
use crate::document::Document;

fn param(endpoint: Endpoint, dialect: Dialect, body: &Value) -> Option<String> {
    let text = body.to_string();
    let document = Document::parse(text.as_bytes(), 64).unwrap();
    check(endpoint, dialect, document.root()).err().map(|conflict| conflict.param)
}

#[test]
fn fields_that_do_not_agree_are_named() {
    use Dialect::{Anthropic, OpenAi, Vllm};
    use Endpoint::{ChatCompletions, Completions, Messages, Responses, Tokenize};
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    for (endpoint, dialect, body, expected) in [
        (ChatCompletions, OpenAi, json!({"top_logprobs": 2}), Some("top_logprobs")),
        (ChatCompletions, OpenAi, json!({"top_logprobs": 2, "logprobs": true}), None),
        (ChatCompletions, OpenAi, json!({"top_logprobs": 0}), None),
        (ChatCompletions, OpenAi, json!({"tool_choice": "auto"}), Some("tool_choice")),
        (ChatCompletions, OpenAi, json!({"tool_choice": "none"}), None),
        (ChatCompletions, OpenAi, json!({"tool_choice": "auto", "tools": tool}), None),
        (ChatCompletions, OpenAi, json!({"modalities": ["text", "audio"]}), Some("audio")),
        (ChatCompletions, OpenAi, json!({"stream_options": {"include_usage": true}}), None),
        (ChatCompletions, Vllm, json!({"stream_options": {"include_usage": true}}), Some("stream_options")),
        (ChatCompletions, Vllm, json!({"stream": true, "stream_options": {"include_usage": true}}), None),
        (ChatCompletions, Vllm, json!({"min_tokens": 5, "max_tokens": 4}), Some("min_tokens")),
        (ChatCompletions, Vllm, json!({"structured_outputs": {"json": {}, "regex": "a"}}), Some("structured_outputs")),
        (ChatCompletions, Vllm, json!({"guided_json": {}, "guided_regex": "a"}), Some("guided_json")),
        (
            ChatCompletions,
            Vllm,
            json!({"tools": tool, "tool_choice": {"function": {"name": "g"}}}),
            Some("tool_choice"),
        ),
        (ChatCompletions, Vllm, json!({"tools": tool, "tool_choice": {"function": {"name": "f"}}}), None),
        (ChatCompletions, Vllm, json!({"prompt_logprobs": 1, "stream": true}), Some("prompt_logprobs")),
        (
            ChatCompletions,
            OpenAi,
            json!({"tools": [{"function": {"parameters": {"properties": {"a": {"pattern": "["}}}}}]}),
            Some("tools[0].function.parameters"),
        ),
        (ChatCompletions, Vllm, json!({"guided_regex": "a**"}), Some("guided_regex")),
        (
            ChatCompletions,
            OpenAi,
            json!({"tools": [{"function": {"parameters": {"default": {"pattern": "["}}}}]}),
            None,
        ),
        (ChatCompletions, Vllm, json!({"guided_json": r#"{"items": {"pattern": "("}}"#}), Some("guided_json")),
        (
            ChatCompletions,
            OpenAi,
            json!({"functions": [{"parameters": {"not": {"pattern": "("}}}]}),
            Some("functions[0].parameters"),
        ),
        (ChatCompletions, OpenAi, json!({"tools": [{"function": {"parameters": {"enum": [{"pattern": "("}]}}}]}), None),
        (
            Messages,
            Vllm,
            json!({"tools": [{"input_schema": {"unevaluatedItems": {"pattern": "("}}}]}),
            Some("tools[0].input_schema"),
        ),
        (Completions, OpenAi, json!({"best_of": 1, "n": 2}), Some("best_of")),
        (Completions, OpenAi, json!({"best_of": 2, "stream": true}), Some("best_of")),
        (Completions, Vllm, json!({"max_tokens": 0}), Some("max_tokens")),
        (Completions, Vllm, json!({"max_tokens": 0, "echo": true}), None),
        (
            Completions,
            Vllm,
            json!({"logprob_token_ids": [1], "logprobs": 1, "use_beam_search": true}),
            Some("logprob_token_ids"),
        ),
        (
            Tokenize,
            Vllm,
            json!({"continue_final_message": true, "add_generation_prompt": true}),
            Some("continue_final_message"),
        ),
        (Responses, OpenAi, json!({"background": true, "store": false}), Some("background")),
        (Responses, Vllm, json!({"tool_choice": {"type": "function", "name": "g"}, "tools": []}), Some("tool_choice")),
        (Responses, Vllm, json!({"tool_choice": "required"}), Some("tool_choice")),
        (
            Messages,
            Anthropic,
            json!({"max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
            Some("thinking.budget_tokens"),
        ),
        (Messages, Anthropic, json!({"tool_choice": {"type": "any"}}), Some("tool_choice")),
        (Messages, Anthropic, json!({"tool_choice": {"type": "auto"}}), None),
    ] {
        assert_eq!(param(endpoint, dialect, &body).as_deref(), expected, "{endpoint:?} {dialect:?} {body}");
    }
}
