//! What the cases are judged by: the policy, the keys of clients and providers, the time.
//!
//! Every key has the word `canary` in it. No log line and no answer may ever show one, and no provider may see a
//! client's.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tollgate::client::KeyHash;

/// What every key has in it.
pub(crate) const CANARY: &str = "canary";

/// What every client's key begins with.
pub(crate) const CLIENT_CANARY: &str = "client-canary";

/// May use every model; 600 requests a minute, 60 at once.
pub(crate) const CHECKOUT: &str = "client-canary-checkout";
/// May use every model, as often as it likes.
pub(crate) const BATCH: &str = "client-canary-batch";
/// May use `fast`, `llama-*` and `gpt-4o-mini`.
pub(crate) const SEARCH: &str = "client-canary-search";
/// Two requests a minute.
pub(crate) const TIGHT: &str = "client-canary-tight";
/// One request each tenth of a second.
pub(crate) const PACED: &str = "client-canary-paced";
/// Two keys of one client.
pub(crate) const ROTATING: [&str; 2] = ["client-canary-old", "client-canary-new"];
/// Past its end.
pub(crate) const FORMER: &str = "client-canary-former";
/// Ends right at [`now`].
pub(crate) const ENDING: &str = "client-canary-ending";

/// A provider's key.
pub(crate) const OPENAI: &str = "provider-canary-openai";
/// A provider's key.
pub(crate) const AZURE: &str = "provider-canary-azure";
/// A provider's key.
pub(crate) const ANTHROPIC: &str = "provider-canary-anthropic";

/// Secrets that are no usable key, each with a provider and a model of the same name.
pub(crate) const UNUSABLE: [(&str, Option<&str>); 6] = [
    ("missing", None),
    ("empty", Some("")),
    ("dash", Some("-")),
    ("newline", Some("\n")),
    ("two-lines", Some("provider-canary\nx-injected: 1")),
    ("not-ascii", Some("provider-canary-é")),
];

/// The bound on bodies, in bytes.
pub(crate) const MAX_BODY: usize = 4096;

/// The bound on nesting.
pub(crate) const MAX_DEPTH: usize = 8;

/// 2026-06-01T00:00:00Z
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(494_520)
}

/// The policy as Envoy hands it over.
pub(crate) fn policy() -> Value {
    let client = |name: &str, keys: &[&str]| {
        let keys: Vec<_> = keys.iter().map(|key| KeyHash::of(key.as_bytes()).to_string()).collect();
        json!({ "name": name, "keys": keys })
    };
    let with = |mut client: Value, field: &str, value: Value| {
        client[field] = value;
        client
    };
    let mut policy = json!({
        "clients": {
            "identify": [{"api_key": ["authorization", "x-api-key", "api-key"]}],
            "known": [
                with(client("checkout", &[CHECKOUT]), "limits", json!("wide")),
                client("batch", &[BATCH]),
                with(client("search", &[SEARCH]), "models", json!(["fast", "llama-*", "gpt-4o-mini"])),
                with(client("tight", &[TIGHT]), "limits", json!("tight")),
                with(client("paced", &[PACED]), "limits", json!("paced")),
                client("rotating", &ROTATING),
                with(client("former", &[FORMER]), "not_after", json!("2026-01-31T00:00:00Z")),
                with(client("ending", &[ENDING]), "not_after", json!("2026-06-01T00:00:00Z")),
            ],
        },
        "limits": {
            "wide": {"requests": [{"max": 600, "per": "1m", "burst": 60}]},
            "tight": {"requests": [{"max": 2, "per": "1m"}]},
            "paced": {"requests": [{"max": 600, "per": "1m", "burst": 1}]},
        },
        "providers": {
            "openai": {"api": "openai", "credential": {"secret": "openai"}},
            "azure": {"api": "azure-openai", "credential": {"secret": "azure"}},
            "anthropic": {"api": "anthropic", "credential": {"secret": "anthropic"}},
            "local": {"api": "openai", "credential": "none"},
        },
        "models": [
            {"match": ["gpt-4o", "gpt-*"], "provider": "openai"},
            {"match": "azure-gpt", "provider": "azure"},
            {"match": "claude-*", "provider": "anthropic"},
            {"match": "fast", "provider": "local", "rewrite": "meta-llama/Llama-3.1-8B-Instruct"},
            {"match": "odd", "provider": "local", "rewrite": "a \"model\"\\of ours"},
            {"match": ["llama-*", "gpt-4o"], "provider": "local"},
        ],
        "requests": {"max_body": MAX_BODY, "max_depth": MAX_DEPTH},
        "responses": {"set": {"permissions-policy": "interest-cohort=()"}},
    });
    for (name, _) in UNUSABLE {
        policy["providers"][name] = json!({"api": "openai", "credential": {"secret": name}});
        let rule = json!({"match": format!("model-{name}*"), "provider": name});
        policy["models"].as_array_mut().expect("a list").push(rule);
    }
    policy
}

/// The secrets as Envoy puts them into the filter state, by the names that the policy uses. Stores often end a secret
/// with a newline.
pub(crate) fn secrets() -> BTreeMap<String, Vec<u8>> {
    let usable = [("openai", OPENAI.to_owned()), ("azure", AZURE.to_owned()), ("anthropic", format!("{ANTHROPIC}\n"))];
    let unusable = UNUSABLE.iter().filter_map(|(name, secret)| Some((*name, (*secret)?.to_owned())));
    usable.into_iter().chain(unusable).map(|(name, secret)| (name.to_owned(), secret.into_bytes())).collect()
}
