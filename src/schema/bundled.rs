//! The schemas that come with Tollgate, one for each endpoint and dialect.
//!
//! A file `NAME.json` is the endpoint's schema; or, for an endpoint that takes nearly what another does, a merge patch (RFC
//! 7396) of that one's. `NAME.vllm.json` is a merge patch of what vLLM does differently.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::{Schema, SchemaMistake};
use crate::dialect::Dialect;
use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::place::Place;
use crate::refusal::{Reason, Refusal};
use crate::rules;

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
        for source in &SOURCES {
            for dialect in dialects.iter().copied().chain([Dialect::OpenAi]) {
                let dialect = source.endpoint.spoken_as(dialect);
                if let Entry::Vacant(slot) = schemas.entry((source.endpoint, dialect)) {
                    slot.insert(Schema::compile(&source.schema(dialect)?)?.refusing_lookalikes());
                }
            }
        }
        Ok(Self(schemas))
    }

    /// Judges a body for `endpoint`, sent to a provider that speaks `dialect`: by the schema, then by the
    /// [rules](crate::rules) beside it.
    ///
    /// # Errors
    /// What is wrong with the body. Also where there is no schema, as for an endpoint that takes no body: what could not be
    /// judged must not pass all the same.
    pub fn judge(&self, endpoint: Endpoint, dialect: Dialect, document: &Document<'_>) -> Result<(), Refusal> {
        let dialect = endpoint.spoken_as(dialect);
        let schema = self.get(endpoint, dialect).ok_or_else(|| {
            Refusal::new(Reason::Misconfigured, "The gateway cannot judge requests for this endpoint.")
        })?;
        schema.judge(document)?;
        Ok(rules::check(endpoint, dialect, document.root())?)
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

/// Where the schema of an endpoint comes from.
struct Source {
    endpoint: Endpoint,
    base: &'static str,
    /// What vLLM does differently from the base.
    vllm: Option<&'static str>,
    /// What the endpoint takes differently from that of which it has the base.
    own: Option<&'static str>,
}

impl Source {
    const fn new(endpoint: Endpoint, base: &'static str) -> Self {
        Self { endpoint, base, vllm: None, own: None }
    }

    const fn vllm(self, patch: &'static str) -> Self {
        Self { vllm: Some(patch), ..self }
    }

    const fn own(self, patch: &'static str) -> Self {
        Self { own: Some(patch), ..self }
    }

    fn schema(&self, dialect: Dialect) -> Result<Value, SchemaMistake> {
        let mut schema = parse(self.base)?;
        let of_dialect = self.vllm.filter(|_| dialect == Dialect::Vllm);
        for patch in [of_dialect, self.own].into_iter().flatten() {
            merge(&mut schema, parse(patch)?);
        }
        Ok(schema)
    }
}

const SOURCES: [Source; 16] = [
    Source::new(Endpoint::ChatCompletions, bundled!("chat_completions")).vllm(bundled!("chat_completions.vllm")),
    Source::new(Endpoint::Completions, bundled!("completions")).vllm(bundled!("completions.vllm")),
    Source::new(Endpoint::Embeddings, bundled!("embeddings")).vllm(bundled!("embeddings.vllm")),
    Source::new(Endpoint::Responses, bundled!("responses")).vllm(bundled!("responses.vllm")),
    Source::new(Endpoint::ResponsesInputTokens, bundled!("responses")).own(bundled!("responses_input_tokens")),
    Source::new(Endpoint::Moderations, bundled!("moderations")),
    Source::new(Endpoint::ImagesGenerations, bundled!("images_generations")),
    Source::new(Endpoint::AudioSpeech, bundled!("audio_speech")),
    Source::new(Endpoint::Messages, bundled!("messages")).vllm(bundled!("messages.vllm")),
    Source::new(Endpoint::MessagesCountTokens, bundled!("messages"))
        .vllm(bundled!("messages.vllm"))
        .own(bundled!("messages_count_tokens")),
    Source::new(Endpoint::Score, bundled!("score")),
    Source::new(Endpoint::Rerank, bundled!("rerank")),
    Source::new(Endpoint::Pooling, bundled!("pooling")),
    Source::new(Endpoint::Classify, bundled!("classify")),
    Source::new(Endpoint::Tokenize, bundled!("tokenize")),
    Source::new(Endpoint::Detokenize, bundled!("detokenize")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_schema_compiles_in_every_dialect() {
        let dialects = Dialect::NAMES.map(|(_, dialect)| dialect);
        let bundled = Bundled::compile(&dialects).unwrap();
        for Source { endpoint, .. } in SOURCES {
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
