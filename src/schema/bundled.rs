//! The schemas that come with Tollgate, one for each endpoint and dialect.
//!
//! A file `NAME.json` is the endpoint's schema. `NAME.DIALECT.json` says what a dialect does differently, as a merge patch
//! (RFC 7396).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Schema, SchemaMistake};
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::place::Place;

macro_rules! bundled {
    ($name:literal) => {
        include_str!(concat!("bundled/", $name, ".json"))
    };
}

/// The compiled schemas of all endpoints, in the dialects that a policy's providers have.
#[derive(Debug, Default)]
pub struct Bundled(BTreeMap<(Endpoint, Dialect), Schema>);

impl Bundled {
    /// Compiles the schemas of `dialects`; for an endpoint that has none of them, that of its own dialect.
    ///
    /// # Errors
    /// What is wrong with one of them; a test makes sure that nothing is.
    pub fn compile(dialects: &[Dialect]) -> Result<Self, SchemaMistake> {
        let mut schemas = BTreeMap::new();
        for (endpoint, own, patch) in SOURCES {
            for dialect in dialects.iter().copied().chain([Dialect::OpenAi]) {
                let dialect = endpoint.spoken_as(dialect);
                if schemas.contains_key(&(endpoint, dialect)) {
                    continue;
                }
                let mut schema = parse(own)?;
                if let (Dialect::Vllm, Some(patch)) = (dialect, patch) {
                    merge(&mut schema, parse(patch)?);
                }
                schemas.insert((endpoint, dialect), Schema::compile(&schema)?.refusing_lookalikes());
            }
        }
        Ok(Self(schemas))
    }

    /// The schema of `endpoint` for a provider that speaks `dialect`; none where the endpoint takes no body.
    #[must_use]
    pub fn get(&self, endpoint: Endpoint, dialect: Dialect) -> Option<&Schema> {
        self.0.get(&(endpoint, endpoint.spoken_as(dialect)))
    }
}

fn parse(text: &str) -> Result<Value, SchemaMistake> {
    serde_json::from_str(text).map_err(|error| SchemaMistake { place: Place::root(), problem: error.to_string() })
}

/// RFC 7396: members of `patch` take the place of the target's, objects one by one, and `null` takes away.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(target) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(&key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// The endpoint, its schema, and what vLLM does differently.
const SOURCES: [(Endpoint, &str, Option<&str>); 16] = [
    (Endpoint::ChatCompletions, bundled!("chat_completions"), Some(bundled!("chat_completions.vllm"))),
    (Endpoint::Completions, bundled!("completions"), Some(bundled!("completions.vllm"))),
    (Endpoint::Embeddings, bundled!("embeddings"), Some(bundled!("embeddings.vllm"))),
    (Endpoint::Responses, bundled!("responses"), Some(bundled!("responses.vllm"))),
    (Endpoint::ResponsesInputTokens, bundled!("responses_input_tokens"), None),
    (Endpoint::Moderations, bundled!("moderations"), None),
    (Endpoint::ImagesGenerations, bundled!("images_generations"), None),
    (Endpoint::AudioSpeech, bundled!("audio_speech"), None),
    (Endpoint::Messages, bundled!("messages"), Some(bundled!("messages.vllm"))),
    (Endpoint::MessagesCountTokens, bundled!("messages_count_tokens"), Some(bundled!("messages_count_tokens.vllm"))),
    (Endpoint::Score, bundled!("score"), None),
    (Endpoint::Rerank, bundled!("rerank"), None),
    (Endpoint::Pooling, bundled!("pooling"), None),
    (Endpoint::Classify, bundled!("classify"), None),
    (Endpoint::Tokenize, bundled!("tokenize"), None),
    (Endpoint::Detokenize, bundled!("detokenize"), None),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_schema_compiles_in_every_dialect() {
        let dialects = Dialect::NAMES.map(|(_, dialect)| dialect);
        let bundled = Bundled::compile(&dialects).unwrap();
        for (endpoint, ..) in SOURCES {
            assert!(dialects.iter().all(|dialect| bundled.get(endpoint, *dialect).is_some()), "{endpoint:?}");
        }
        assert!(Bundled::compile(&[]).unwrap().get(Endpoint::Messages, Dialect::Vllm).is_none());
        assert!(Bundled::compile(&[]).unwrap().get(Endpoint::Messages, Dialect::OpenAi).is_some());
    }

    #[test]
    fn a_patch_merges_as_its_rfc_says() {
        // RFC 7396, appendix A.
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!(["a"]), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!({"b": {"c": {"d": null}}}), json!({"a": "foo", "b": {"c": {}}})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, expected, "{target} with {patch}");
        }
    }
}
