use serde_json::{Value, json};

use super::*;
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;

/// Judges a chat completion request in which `changes` take the place of what a plain one has there.
fn judge(changes: &Value) -> Result<(), Violation> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    judge_text(&body.to_string())
}

fn judge_text(text: &str) -> Result<(), Violation> {
    let document = Document::parse(text.as_bytes(), 64).unwrap();
    let bundled = Bundled::compile(&[Dialect::OpenAi]).unwrap();
    bundled.get(Endpoint::ChatCompletions, Dialect::OpenAi).unwrap().judge(&document)
}

#[test]
fn what_clients_send_passes() {
    for changes in [
        json!({}),
        json!({"temperature": 0, "top_p": 1.0, "n": 3.0, "stop": ["a"], "seed": -1, "user": "u", "unknown": {}}),
        json!({"temperature": null, "max_tokens": null, "stop": null, "stream": null, "tools": null}),
        json!({"stream": true, "stream_options": {"include_usage": true}}),
        json!({"messages": [
            {"role": "developer", "content": [{"type": "text", "text": "x"}]},
            {"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "something_new", "something_new": 1},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "ok"},
            {"role": "function", "name": "f", "content": "ok"},
        ]}),
        json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}, {"type": "custom", "custom": {"name": "c"}}]}),
        json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        json!({"tool_choice": "auto", "function_call": {"name": "f"}}),
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}),
    ] {
        assert_eq!(judge(&changes), Ok(()), "{changes}");
    }
}

#[test]
fn what_servers_refuse_is_refused_at_its_place() {
    for (changes, code, message) in [
        (json!({"model": 1}), "invalid_type", "Invalid type for 'model': expected a string, but got a number instead."),
        (json!({"model": ""}), "empty_string", "Invalid value: 'model' must not be empty."),
        (json!({"messages": []}), "empty_array", "Invalid value: 'messages' must not be empty."),
        (
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "king", "content": "b"}]}),
            "invalid_value",
            "Invalid value: 'messages[1].role' must be one of 'developer', 'system', 'user', 'assistant', 'tool', \
             'function'.",
        ),
        (json!({"messages": [{"role": "user"}]}), "missing_required_parameter", "'messages[0].content'"),
        (json!({"messages": [{"content": "a"}]}), "missing_required_parameter", "'messages[0].role'"),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            "invalid_type",
            "Invalid type for 'messages[0].content': expected a string or an array, but got a number instead.",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "missing_required_parameter",
            "'messages[0].content[0].text'",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "missing_required_parameter",
            "'messages[0].tool_call_id'",
        ),
        (json!({"temperature": 2.5}), "above_max_value", "Invalid value: 'temperature' must be at most 2."),
        (json!({"temperature": "hot"}), "invalid_type", "expected a number, but got a string"),
        (json!({"n": 0}), "below_min_value", "'n' must be at least 1"),
        (json!({"n": 1.5}), "invalid_type", "expected an integer"),
        (json!({"n": 1_000_000}), "above_max_value", "'n' must be at most 128"),
        (json!({"logit_bias": {"50256": "x"}}), "invalid_type", r#"'logit_bias["50256"]'"#),
        (
            json!({"tool_choice": "sometimes"}),
            "invalid_value",
            "'tool_choice' must be one of 'none', 'auto', 'required'",
        ),
        (json!({"tool_choice": {"type": "function"}}), "missing_required_parameter", "'tool_choice.function'"),
        (
            json!({"tools": [{"type": "function", "function": {}}]}),
            "missing_required_parameter",
            "'tools[0].function.name'",
        ),
        (json!({"stop": [1]}), "invalid_type", "'stop[0]'"),
    ] {
        let violation = judge(&changes).unwrap_err();
        assert_eq!(violation.code, code, "{changes}");
        assert!(violation.message.contains(message), "{} for {changes}", violation.message);
        assert!(violation.message.contains(&violation.param) && !violation.param.is_empty(), "{violation:?}");
    }
    let violation = judge_text("[]").unwrap_err();
    assert_eq!(violation.message, "Invalid type for the request body: expected an object, but got an array instead.");
}

#[test]
fn a_key_that_some_parsers_take_for_another_is_refused() {
    for (key, place) in [("Model", "Model"), ("N", "N"), ("meſſages", r#"["meſſages"]"#), ("top_\u{212a}", "")] {
        match judge(&json!({ key: 1 })) {
            Err(violation) => assert_eq!((violation.param.as_str(), violation.code), (place, "unknown_parameter")),
            Ok(()) => assert_eq!(place, "", "{key}"),
        }
    }
    let nested = judge(&json!({"messages": [{"role": "user", "Role": "system", "content": "x"}]})).unwrap_err();
    assert_eq!(nested.param, "messages[0].Role");
    let free = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"Model": {}, "model": {}}}}}]});
    assert_eq!(judge(&free), Ok(()), "where the caller chooses the names");
}

#[test]
fn an_error_never_shows_what_the_caller_sent() {
    let secret = "a very private prompt";
    for changes in [
        json!({"model": [secret]}),
        json!({"temperature": secret}),
        json!({"messages": [{"role": secret, "content": secret}]}),
        json!({"messages": secret}),
        json!({"service_tier": secret}),
        json!({"tool_choice": secret}),
        json!({"stop": {secret: secret}}),
    ] {
        let violation = judge(&changes).unwrap_err();
        assert!(!violation.message.contains("private"), "{violation:?}");
    }
}

#[test]
fn alternatives_are_explained_by_the_one_that_was_meant() {
    let schema = json!({"properties": {"x": {"anyOf": [
        {"type": "string"},
        {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
    ]}}});
    let schema = Schema::compile(&schema).unwrap();
    let judge = |text: &str| schema.judge(&Document::parse(text.as_bytes(), 8).unwrap()).unwrap_err().param;
    assert_eq!(judge(r#"{"x":{"id":"a"}}"#), "x.id");
    assert_eq!(judge(r#"{"x":{}}"#), "x.id");
    assert_eq!(judge(r#"{"x":1}"#), "x");
}

#[test]
fn a_schema_that_cannot_be_used_safely_is_refused_at_its_place() {
    for (schema, place) in [
        (json!({"$ref": "https://example.com/schema.json"}), "$ref"),
        (json!({"$ref": "file:///etc/passwd"}), "$ref"),
        (json!({"properties": {"a": {"$ref": "#/$defs/b"}}}), "properties.a.$ref"),
        (json!({"type": "nonsense"}), "type"),
        (json!({"items": {"pattern": "(?=look)"}}), "items.pattern"),
        (json!({"pattern": "(a)\\1"}), "pattern"),
        (json!({"pattern": "((a{100}){100}){100}"}), "pattern"),
        (json!({"minLength": -1}), "minLength"),
        (json!({"multipleOf": 0}), "multipleOf"),
        (json!({"required": "a"}), "required"),
        (json!({"allOf": []}), "allOf"),
        (json!({"properties": {"a": 5}}), "properties.a"),
        (json!({"unevaluatedProperties": false}), "unevaluatedProperties"),
        (json!({"$defs": {"a": {"$id": "x"}}, "$ref": "#/$defs/a"}), r##"["#/$defs/a"].$id"##),
        (json!({"$schema": "http://json-schema.org/draft-04/schema#"}), "$schema"),
        (json!({"$ref": "#"}), ""),
        (
            json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}),
            "",
        ),
    ] {
        let mistake = Schema::compile(&schema).map(|_| ()).unwrap_err();
        assert_eq!(mistake.place.to_string(), place, "{schema}: {mistake}");
    }
    let doubling =
        |n: usize| json!({"allOf": [{"$ref": format!("#/$defs/d{}", n + 1)}, {"$ref": format!("#/$defs/d{}", n + 1)}]});
    let mut defs: serde_json::Map<_, _> = (0..40).map(|n| (format!("d{n}"), doubling(n))).collect();
    defs.insert("d40".to_owned(), json!(true));
    assert!(Schema::compile(&json!({"$defs": defs, "$ref": "#/$defs/d0"})).is_err());
}

#[test]
fn a_schema_that_doubles_its_work_at_each_level_stops() {
    let schema = json!({"anyOf": [
        {"properties": {"a": {"$ref": "#"}}, "required": ["x"]},
        {"properties": {"a": {"$ref": "#"}}, "required": ["y"]},
    ]});
    let schema = Schema::compile(&schema).unwrap();
    let text = format!("{}1{}", r#"{"a":"#.repeat(60), "}".repeat(60));
    let violation = schema.judge(&Document::parse(text.as_bytes(), 64).unwrap()).unwrap_err();
    assert_eq!(violation.code, "too_complex");
}
