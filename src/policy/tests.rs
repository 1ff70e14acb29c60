use serde_json::{Value, json};

use super::*;

const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn policy() -> Value {
    json!({
        "clients": {"known": [{"name": "a", "keys": [HASH], "limits": "standard"}]},
        "limits": {"standard": {"requests": [{"max": 600, "per": "1m", "burst": 60}]}},
        "providers": {"openai": {"api": "openai", "credential": {"secret": "openai"}}},
        "models": [{"match": "gpt-*", "provider": "openai"}],
    })
}

/// The mistakes in the policy in which `pointer` has `value`.
fn mistakes(pointer: &str, value: Value) -> Vec<String> {
    let mut policy = policy();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match policy.pointer_mut(parent).unwrap() {
        Value::Array(list) => list.push(value),
        parent => parent[key] = value,
    }
    let mistakes = Policy::from_value(&policy).map(|_| ()).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn a_right_policy_is_read() {
    let policy = Policy::from_value(&policy()).unwrap();
    assert_eq!(policy.clients.iter().map(|client| client.name.as_str()).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn every_mistake_is_told_with_its_place_and_what_would_be_right() {
    for (pointer, value, expected) in [
        ("/clinets", json!({}), "clinets: unknown key; did you mean \"clients\"?"),
        (
            "/models/0/provider",
            json!("opnai"),
            "models[0].provider: `providers` has none of the name \"opnai\"; did you mean \"openai\"?",
        ),
        (
            "/clients/known/0/limits",
            json!("standrad"),
            "clients.known[0].limits: `limits` has no set of the name \"standrad\"; did you mean \"standard\"?",
        ),
        ("/clients/known/0/keys", json!(["sk-secret"]), "clients.known[0].keys[0]: must be the hash of a key"),
        ("/clients/known/0/keys", json!("x"), "clients.known[0].keys: must be the hash of a key"),
        (
            "/clients/known/0/not_after",
            json!("tomorrow"),
            "clients.known[0].not_after: must be a time in UTC such as 2027-01-31T00:00:00Z",
        ),
        ("/clients/known/0/name", json!("a b"), "clients.known[0].name: a name has 1 to 64"),
        (
            "/clients/known/1",
            json!({"name": "a", "keys": []}),
            "clients.known[1].name: another client has the name \"a\"",
        ),
        (
            "/clients/known/1",
            json!({"name": "b", "keys": [HASH]}),
            "clients.known[1]: one of the keys stands in the policy before, with the client \"a\"",
        ),
        ("/clients/anonymous", json!("standard"), "clients.anonymous: must be \"deny\"; nothing else is supported yet"),
        (
            "/clients/identify",
            json!([{"api_key": ["x-api-kee"]}]),
            "clients.identify[0].api_key[0]: must be one of: authorization, x-api-key, api-key, x-goog-api-key; did you mean \"x-api-key\"?",
        ),
        (
            "/limits/standard/requests/0/max",
            json!(0),
            "limits.standard.requests[0].max: must be a whole number from 1 to 1000000000",
        ),
        ("/limits/standard/requests/0/max", json!(1.5), "limits.standard.requests[0].max: must be a whole number"),
        (
            "/limits/standard/requests/0/per",
            json!("1 fortnight"),
            "limits.standard.requests[0].per: must be a length of time such as 1s, 1m, 1h or 1d",
        ),
        (
            "/limits/standard/requests/0/burst",
            json!(601),
            "limits.standard.requests[0].burst: must be a whole number from 1 to 600",
        ),
        ("/limits/standard/tokens", json!([]), "limits.standard.tokens: unknown key; known here: requests"),
        (
            "/providers/openai/api",
            json!("opena"),
            "providers.openai.api: must be one of: openai, azure-openai, anthropic; did you mean \"openai\"?",
        ),
        ("/providers/openai/url", json!("https://api.openai.com/v1"), "providers.openai.url: leave out /v1"),
        ("/providers/openai/credential", json!("sk-123"), "a key never stands in the policy"),
        ("/models/0/match", json!([]), "models[0].match: must not be an empty list"),
        (
            "/requests",
            json!({"max_body": "4XB"}),
            "requests.max_body: must be a number of bytes such as 512KiB or 4MiB",
        ),
        ("/requests", json!({"max_depth": 1000}), "requests.max_depth: must be a whole number from 4 to 128"),
        ("/responses", json!({"set": {"X-A": "b"}}), "responses.set.X-A: a header's name has lower-case letters"),
        ("/responses", json!({"set": {"x-a": "b\r\nc: d"}}), "responses.set.x-a: a header's value has printable"),
        ("/responses", json!({"security_headers": "apis"}), "did you mean \"api\"?"),
        (
            "/responses",
            json!({"set": {"content-length": "5"}}),
            "responses.set.content-length: this header says how the answer is to be read",
        ),
        ("/clients/known/0/keys", json!([]), "clients.known[0].keys: must not be an empty list"),
        ("/mode", json!("shadow"), "mode: must be \"enforce\""),
    ] {
        let found = mistakes(pointer, value.clone());
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{pointer} = {value}: {found:#?}");
        assert!(!found.iter().any(|mistake| mistake.contains("sk-")), "a key is never repeated: {found:#?}");
    }
}

#[test]
fn all_mistakes_are_found_at_once_and_none_twice() {
    let wrong = json!({
        "clients": {"known": [{"name": "a", "keys": ["x"], "limits": "none"}, {"nam": "b"}]},
        "limits": {"standard": {"requests": {"max": "many", "per": 5}}},
        "providers": {"openai": {"api": "other", "credential": {}}},
        "models": [{"match": "*", "provider": "openai"}, {"provider": "x"}],
        "extra": 1,
    });
    let mut places: Vec<_> =
        Policy::from_value(&wrong).map(|_| ()).unwrap_err().into_iter().map(|mistake| mistake.place).collect();
    places.sort();
    let expected = [
        "clients.known[0].keys[0]",
        "clients.known[0].limits",
        "clients.known[1]", // no keys
        "clients.known[1]", // no name
        "clients.known[1].nam",
        "extra",
        "limits.standard.requests.max",
        "limits.standard.requests.per",
        "models[1]",
        "models[1].provider",
        "providers.openai.api",
        "providers.openai.credential",
    ];
    assert_eq!(places, expected);
}

#[test]
fn json_is_read_as_strictly_as_a_request() {
    let text = policy().to_string();
    assert!(Policy::from_json(text.as_bytes()).is_ok());
    let twice = text.replacen("\"limits\"", "\"limits\":{},\"limits\"", 1);
    let mistakes = Policy::from_json(twice.as_bytes()).map(|_| ()).unwrap_err();
    assert!(mistakes[0].to_string().contains("twice"), "{mistakes:?}");
    assert!(Policy::from_json(b"").is_err());
    assert!(Policy::from_json(b"[]").is_err());
}

#[test]
fn numbers_may_come_as_doubles() {
    // As protobuf's `Struct` has them, in which some control planes carry the policy.
    let text = policy().to_string().replace("600", "6e2").replace("60}", "60.0}");
    assert!(Policy::from_json(text.as_bytes()).is_ok(), "{text}");
}
