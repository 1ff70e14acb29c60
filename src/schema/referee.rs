//! The referee: Tollgate's engine and `jsonschema` come to the same verdict, on any schema and on any request.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

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
    let few_names = || prop::collection::btree_set("[abc]{1,2}", 0..3).prop_map(|names| json!(names)).boxed();
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
        named("required", few_names()).boxed(),
        named("minProperties", few()).boxed(),
        named("maxProperties", few()).boxed(),
        named("dependentRequired", map(few_names())).boxed(),
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
        let schema = serde_json::from_str(include_str!("bundled/chat_completions.json")).unwrap();
        let (ours, referee) = verdicts(&schema, &mutated);
        prop_assert_eq!(ours, referee, "{}", mutated);
    }
}

fn collect_pointers(value: &Value, at: &str, pointers: &mut Vec<String>) {
    pointers.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (index, element) in list.iter().enumerate() {
                collect_pointers(element, &format!("{at}/{index}"), pointers);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                collect_pointers(member, &format!("{at}/{key}"), pointers);
            }
        }
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
        (json!({"minimum": 0, "maximum": 0}), vec![json!(-0.0), json!(0.0), json!(0)]),
        (json!({"uniqueItems": true}), vec![json!([0, -0.0])]),
        (json!({"format": "email"}), vec![json!("not an address")]),
    ] {
        for instance in instances {
            let (ours, referee) = verdicts(&schema, &instance);
            assert_eq!(ours, referee, "{schema} on {instance}");
        }
    }
}
