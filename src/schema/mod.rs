//! Whether a sound document is what the endpoint takes: its JSON Schema (draft 2020-12).
//!
//! The validator is `jsonschema`'s, which walks the document's tape in place. A document that passes is only asked
//! whether it is valid; errors are collected for one that is not, and the first is told.

mod explain;

pub use explain::Violation;

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::document::{Document, Instance, TapeJson};
use crate::endpoint::Endpoint;

/// Bytes that one compiled pattern may take, and its automaton.
const PATTERN_SIZE: usize = 1 << 20;

const CHAT_COMPLETIONS: &str = include_str!("bundled/chat_completions.json");

/// A compiled schema.
pub struct Schema(Validator<TapeJson>);

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

impl Schema {
    /// Compiles `schema`. References to anything outside of it are refused, patterns run in linear time.
    ///
    /// # Errors
    /// What is wrong with the schema, and where in it.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE);
        jsonschema::options_for::<TapeJson>()
            .offline()
            .with_pattern_options(patterns)
            .build(schema)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// The schema that comes with Tollgate for `endpoint`; none where the endpoint takes no body.
    ///
    /// # Errors
    /// What is wrong with it; a test makes sure that nothing is.
    pub fn bundled(endpoint: Endpoint) -> Result<Option<Self>, String> {
        let text = match endpoint {
            Endpoint::ChatCompletions => CHAT_COMPLETIONS,
            Endpoint::Models => return Ok(None),
        };
        let schema = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::compile(&schema).map(Some)
    }

    /// Judges a document.
    ///
    /// # Errors
    /// The first violation.
    pub fn judge(&self, document: &Document<'_>) -> Result<(), Violation> {
        let instance = Instance::Node(document.root());
        if self.0.is_valid(instance) {
            return Ok(());
        }
        self.0.validate(instance).map_err(|error| explain::explain(&error, document.root()))
    }
}

#[cfg(test)]
mod tests;
