//! Whether a sound document is what the endpoint takes: its JSON Schema (draft 2020-12).
//!
//! The engine is Tollgate's own and judges the document's tape in place. The `jsonschema` crate is its referee: tests hold
//! the two to the same verdict on the same schema, over JSON Schema's keywords and over mutations of real requests. It is
//! not in the filter, because a validator for a representation of one's own comes with a second one for the schemas
//! themselves, and the two alone make a module of nearly 3 MB.

mod compare;
mod compile;
mod explain;
mod judge;
mod keyword;
mod shape;

pub use explain::Violation;
pub use keyword::SchemaMistake;

use serde_json::Value;

use crate::document::Document;
use crate::endpoint::Endpoint;
use crate::place::Place;
use shape::{Id, Shape};

const CHAT_COMPLETIONS: &str = include_str!("bundled/chat_completions.json");

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    shapes: Vec<Shape>,
    root: Id,
}

impl Schema {
    /// Compiles `schema`; see the rules of [`compile`](mod@compile).
    ///
    /// # Errors
    /// The first thing that is wrong with the schema, and where.
    pub fn compile(schema: &Value) -> Result<Self, SchemaMistake> {
        compile::compile(schema).map(|(shapes, root)| Self { shapes, root })
    }

    /// The schema that comes with Tollgate for `endpoint`; none where the endpoint takes no body.
    ///
    /// # Errors
    /// What is wrong with it; a test makes sure that nothing is.
    pub fn bundled(endpoint: Endpoint) -> Result<Option<Self>, SchemaMistake> {
        let text = match endpoint {
            Endpoint::ChatCompletions => CHAT_COMPLETIONS,
            Endpoint::Models => return Ok(None),
        };
        let not_json = |error: serde_json::Error| SchemaMistake { place: Place::root(), problem: error.to_string() };
        let schema = serde_json::from_str(text).map_err(not_json)?;
        Self::compile(&schema).map(Some)
    }

    /// Judges a document.
    ///
    /// # Errors
    /// The first violation.
    pub fn judge(&self, document: &Document<'_>) -> Result<(), Violation> {
        judge::judge(&self.shapes, self.root, document.root(), document.tokens()).map_err(explain::explain)
    }
}

#[cfg(test)]
mod referee;
#[cfg(test)]
mod tests;
