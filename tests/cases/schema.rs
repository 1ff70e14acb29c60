//! What the endpoint's schema takes, and the place that an answer names where it does not.
//!
//! The values at fault have the word `canary` in them where they can: no answer repeats a value.

use super::{Case, Request, case, passes, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = violations();
    cases.extend(tolerated());
    cases
}

fn violations() -> Vec<Case> {
    let user = r#"{"role":"user","content":"Hello"}"#;
    let with = |members: &str| format!(r#"{{"model":"llama-3","messages":[{user}],{members}}}"#);
    let message = |message: &str| format!(r#"{{"model":"llama-3","messages":[{user},{message}]}}"#);
    let long_name = format!(r#"{{"model":"{}","messages":[{user}]}}"#, "canary".repeat(100));
    let functions = vec![r#"{"name":"f"}"#; 129].join(",");
    let broken = [
        (r#"["canary"]"#.to_owned(), "invalid_type", "", "expected an object, but got an array"),
        (format!(r#"{{"messages":[{user}]}}"#), "missing_required_parameter", "model", "'model'"),
        (r#"{"model":"llama-3"}"#.to_owned(), "missing_required_parameter", "messages", "'messages'"),
        (r#"{"model":"llama-3","messages":[]}"#.to_owned(), "empty_array", "messages", "must not be empty"),
        (r#"{"model":"llama-3","messages":"canary"}"#.to_owned(), "invalid_type", "messages", "expected an array"),
        (format!(r#"{{"model":"","messages":[{user}]}}"#), "empty_string", "model", "must not be empty"),
        (
            format!(r#"{{"model":7,"messages":[{user}]}}"#),
            "invalid_type",
            "model",
            "expected a string, but got a number",
        ),
        (long_name, "string_above_max_length", "model", "at most 512 characters"),
        (message(r#"{"content":"canary"}"#), "missing_required_parameter", "messages[1].role", ""),
        (message(r#"{"role":"canary","content":""}"#), "invalid_value", "messages[1].role", "must be one of"),
        (message(r#"{"role":"user"}"#), "missing_required_parameter", "messages[1].content", ""),
        (message(r#"{"role":"user","content":null}"#), "invalid_type", "messages[1].content", "but got null"),
        (
            message(r#"{"role":"tool","content":"canary"}"#),
            "missing_required_parameter",
            "messages[1].tool_call_id",
            "",
        ),
        (
            message(r#"{"role":"user","content":[{"type":"text"}]}"#),
            "missing_required_parameter",
            "messages[1].content[0].text",
            "",
        ),
        (
            message(r#"{"role":"user","content":[{"type":"image_url","image_url":["canary"]}]}"#),
            "invalid_type",
            "messages[1].content[0].image_url",
            "",
        ),
        (with(r#""temperature":2.01"#), "above_max_value", "temperature", "must be at most 2"),
        (with(r#""temperature":-1e-9"#), "below_min_value", "temperature", "must be at least 0"),
        (with(r#""temperature":"canary""#), "invalid_type", "temperature", "but got a string"),
        (with(r#""n":1.5"#), "invalid_type", "n", ""),
        (with(r#""max_tokens":-2"#), "below_min_value", "max_tokens", "must be at least -1"),
        (with(r#""stream":"canary""#), "invalid_type", "stream", "boolean"),
        (with(r#""service_tier":"canary""#), "invalid_value", "service_tier", "'auto'"),
        (with(r#""logit_bias":{"50256":101}"#), "above_max_value", r#"logit_bias["50256"]"#, "at most 100"),
        (with(r#""stop":["a",7]"#), "invalid_type", "stop[1]", ""),
        (with(&format!(r#""functions":[{functions}]"#)), "array_above_max_length", "functions", "at most 128 elements"),
        (
            with(r#""tools":[{"type":"function","function":{}}]"#),
            "missing_required_parameter",
            "tools[0].function.name",
            "",
        ),
        (
            with(r#""response_format":{"type":"json_schema"}"#),
            "missing_required_parameter",
            "response_format.json_schema",
            "",
        ),
        (with(r#""tool_choice":"canary""#), "invalid_value", "tool_choice", "'required'"),
    ];
    let cases = broken.into_iter().map(|(body, code, place, says)| {
        let expected = refused(400, code).saying(says);
        let expected = if place.is_empty() { expected } else { expected.at(place) };
        case(format!("{code} {place} ({body:.100})"), Request::chat(body), expected)
    });
    cases.collect()
}

/// What servers take although no description has it: it passes as it is.
fn tolerated() -> Vec<Case> {
    let bodies = [
        ("members that OpenAI does not have", r#","top_k":40,"chat_template_kwargs":{"enable_thinking":false}"#),
        ("null for what is not set", r#","temperature":null,"tools":null,"stop":null,"max_tokens":null"#),
        ("a whole number written as a double", r#","n":1.0,"max_tokens":1e2"#),
        ("a part of a kind to come", r#","x_extra":{"b":[]}"#),
    ];
    let cases = bodies.into_iter().map(|(name, members)| {
        let parts = r#"[{"type":"video_url","video_url":{"url":"https://example.com/a.mp4"}}]"#;
        let body = format!(r#"{{"model":"llama-3","messages":[{{"role":"user","content":{parts}}}]{members}}}"#);
        case(name, Request::chat(body), passes("local"))
    });
    cases.collect()
}
