use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Judges a chat completion request in which `changes` take the place of what a plain one has there.
fn judge(changes: Value) -> Result<(), Violation> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    judge_text(&body.to_string())
}

fn judge_text(text: &str) -> Result<(), Violation> {
    let document = Document::parse(text.as_bytes(), 64).unwrap();
    Schema::bundled(Endpoint::ChatCompletions).unwrap().unwrap().judge(&document)
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
        json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}, {"type": "custom"}]}),
        json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        json!({"tool_choice": "auto", "function_call": {"name": "f"}}),
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}),
    ] {
        assert_eq!(judge(changes.clone()), Ok(()), "{changes}");
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
        let violation = judge(changes.clone()).unwrap_err();
        assert_eq!(violation.code, code, "{changes}");
        assert!(violation.message.contains(message), "{} for {changes}", violation.message);
        assert!(violation.message.contains(&violation.param) && !violation.param.is_empty(), "{violation:?}");
    }
    let violation = judge_text("[]").unwrap_err();
    assert_eq!(violation.message, "Invalid type for the request body: expected an object, but got an array instead.");
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
        let violation = judge(changes).unwrap_err();
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

/// The verdicts of Tollgate's engine and of `jsonschema` on the same.
fn verdicts(schema: &Value, instance: &Value) -> (bool, bool) {
    let text = instance.to_string();
    let ours = Schema::compile(schema).unwrap().judge(&Document::parse(text.as_bytes(), 64).unwrap()).is_ok();
    let referee = jsonschema::options().offline().should_validate_formats(false).build(schema).unwrap();
    (ours, referee.is_valid(instance))
}

fn any_instance() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![
            json!(0),
            json!(1),
            json!(1.0),
            json!(-1.5),
            json!(2),
            json!(3),
            json!(7),
            json!(0.3)
        ]),
        prop::sample::select(vec!["", "a", "b", "ab", "abc", "é", "1"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A keyword and a value of it, made with the schemas of `inner`.
fn any_keyword(inner: BoxedStrategy<Value>) -> impl Strategy<Value = (String, Value)> {
    let named = |name: &'static str, value: BoxedStrategy<Value>| value.prop_map(move |value| (name.to_owned(), value));
    let list = |of: BoxedStrategy<Value>| prop::collection::vec(of, 1..3).prop_map(Value::from).boxed();
    let map = |of: BoxedStrategy<Value>| {
        prop::collection::btree_map("[abc]{0,2}", of, 0..3)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
            .boxed()
    };
    let word = || prop::sample::select(vec!["a", "b", "ab", "c"]).prop_map(Value::from).boxed();
    let few = || (0_u64..4).prop_map(Value::from).boxed();
    let number = || prop::sample::select(vec![json!(0), json!(1), json!(2.0), json!(-1.5), json!(0.1)]).boxed();
    let factor = prop::sample::select(vec![json!(1), json!(0.5), json!(0.1), json!(3)]).boxed();
    let types = vec!["null", "boolean", "integer", "number", "string", "object", "array"];
    let kind = prop::sample::select(types).prop_map(Value::from).boxed();
    let pattern = prop::sample::select(vec!["^a", "b$", "^[ab]+$", ".", "^$", "\\d"]).prop_map(Value::from).boxed();
    let instances = list(any_instance().boxed());
    let names = || prop::collection::btree_set("[abc]{1,2}", 0..3).prop_map(|names| json!(names)).boxed();
    let yes = any::<bool>().prop_map(Value::from).boxed();
    prop::strategy::Union::new(vec![
        named(
            "type",
            prop_oneof![
                kind.clone(),
                prop::collection::btree_set(kind.prop_map(|k| k.as_str().unwrap().to_owned()), 1..4)
                    .prop_map(|k| json!(k))
            ]
            .boxed(),
        )
        .boxed(),
        named("enum", instances).boxed(),
        named("const", any_instance().boxed()).boxed(),
        named("minimum", number()).boxed(),
        named("maximum", number()).boxed(),
        named("exclusiveMinimum", number()).boxed(),
        named("exclusiveMaximum", number()).boxed(),
        named("multipleOf", factor).boxed(),
        named("minLength", few()).boxed(),
        named("maxLength", few()).boxed(),
        named("pattern", pattern).boxed(),
        named("items", inner.clone()).boxed(),
        named("prefixItems", list(inner.clone())).boxed(),
        named("contains", inner.clone()).boxed(),
        named("minContains", few()).boxed(),
        named("maxContains", few()).boxed(),
        named("minItems", few()).boxed(),
        named("maxItems", few()).boxed(),
        named("uniqueItems", yes).boxed(),
        named("properties", map(inner.clone())).boxed(),
        named("patternProperties", word().prop_flat_map(move |key| inner_map(&key)).boxed()).boxed(),
        named("additionalProperties", inner.clone()).boxed(),
        named("propertyNames", inner.clone()).boxed(),
        named("required", names()).boxed(),
        named("minProperties", few()).boxed(),
        named("maxProperties", few()).boxed(),
        named("dependentRequired", map(names())).boxed(),
        named("dependentSchemas", map(inner.clone())).boxed(),
        named("allOf", list(inner.clone())).boxed(),
        named("anyOf", list(inner.clone())).boxed(),
        named("oneOf", list(inner.clone())).boxed(),
        named("not", inner.clone()).boxed(),
        named("if", inner.clone()).boxed(),
        named("then", inner.clone()).boxed(),
        named("else", inner).boxed(),
    ])
}

fn inner_map(key: &Value) -> BoxedStrategy<Value> {
    let key = format!("^{}", key.as_str().unwrap());
    any::<bool>().prop_map(move |right| json!({ key.clone(): right })).boxed()
}

fn any_schema() -> impl Strategy<Value = Value> {
    any::<bool>().prop_map(Value::from).boxed().prop_recursive(4, 40, 3, |inner| {
        prop::collection::vec(any_keyword(inner.boxed()), 1..4)
            .prop_map(|keywords| Value::Object(keywords.into_iter().collect()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn the_referee_agrees_on_any_schema(schema in any_schema(), instance in any_instance()) {
        let (ours, referee) = verdicts(&schema, &instance);
        prop_assert_eq!(ours, referee, "{} on {}", schema, instance);
    }

    #[test]
    fn the_referee_agrees_on_mutated_requests(at in 0_usize..40, value in any_instance()) {
        let body = json!({"model": "m", "n": 2, "stop": ["a"], "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "logit_bias": {"1": 2},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]},
                {"role": "tool", "tool_call_id": "1", "content": "x"}, {"role": "assistant"}]});
        let mut pointers = Vec::new();
        collect_pointers(&body, "", &mut pointers);
        let mut mutated = body.clone();
        *mutated.pointer_mut(&pointers[at % pointers.len()]).unwrap() = value;
        let schema = serde_json::from_str(CHAT_COMPLETIONS).unwrap();
        let (ours, referee) = verdicts(&schema, &mutated);
        prop_assert_eq!(ours, referee, "{}", mutated);
    }
}

fn collect_pointers(value: &Value, at: &str, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, v)| collect_pointers(v, &format!("{at}/{n}"), pointers))
        }
        Value::Object(map) => map.iter().for_each(|(k, v)| collect_pointers(v, &format!("{at}/{k}"), pointers)),
        _ => {}
    }
}

#[test]
fn the_referee_agrees_where_drafts_and_numbers_are_particular() {
    let draft7 = "http://json-schema.org/draft-07/schema#";
    for (schema, instances) in [
        (
            json!({"$schema": draft7, "items": [{"type": "string"}], "additionalItems": false}),
            vec![json!(["a"]), json!(["a", 1]), json!([1]), json!([])],
        ),
        (
            json!({"$schema": draft7, "dependencies": {"a": ["b"], "c": {"required": ["d"]}}}),
            vec![json!({"a": 1}), json!({"a": 1, "b": 1}), json!({"c": 1}), json!({"c": 1, "d": 1})],
        ),
        (
            json!({"$schema": draft7, "properties": {"a": {"$ref": "#/definitions/s", "maxLength": 1}}, "definitions": {"s": {"type": "string"}}}),
            vec![json!({"a": "long"}), json!({"a": 1})],
        ),
        (
            json!({"$ref": "#/$defs/s", "maxLength": 1, "$defs": {"s": {"type": "string"}}}),
            vec![json!("long"), json!("s"), json!(1)],
        ),
        (json!({"$ref": "#here", "$defs": {"s": {"$anchor": "here", "type": "string"}}}), vec![json!("s"), json!(1)]),
        (
            json!({"properties": {"next": {"$ref": "#"}}, "required": ["v"]}),
            vec![json!({"v": 1, "next": {"v": 1}}), json!({"v": 1, "next": {}})],
        ),
        (json!({"type": "integer", "multipleOf": 0.01}), vec![json!(1), json!(1.0), json!(1e20), json!(0.015)]),
        (json!({"multipleOf": 0.0001}), vec![json!(0.0075), json!(0.00751), json!(1e-7)]),
        (
            json!({"maximum": 9_007_199_254_740_993_u64}),
            vec![json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_994_u64), json!(1e300)],
        ),
        (json!({"const": {"a": [1.0, {"b": null}]}}), vec![json!({"a": [1, {"b": null}]}), json!({"a": [1, {}]})]),
        (
            json!({"uniqueItems": true}),
            vec![json!([1, 1.0]), json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}]), json!(["1", 1]), json!([[], {}])],
        ),
        (json!({"minLength": 2, "maxLength": 3}), vec![json!("é"), json!("éé"), json!("😀😀😀"), json!("😀😀😀😀")]),
        (json!({"format": "email"}), vec![json!("not an address")]),
    ] {
        for instance in instances {
            let (ours, referee) = verdicts(&schema, &instance);
            assert_eq!(ours, referee, "{schema} on {instance}");
        }
    }
}
