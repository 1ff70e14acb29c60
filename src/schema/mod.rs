//! Whether a sound document is what the endpoint takes: its JSON Schema (draft 2020-12).
//!
//! The engine is Tollgate's own and judges the document's tape in place. The `jsonschema` crate is its referee: tests hold
//! the two to the same verdict on the same schema, over JSON Schema's keywords and over mutations of real requests. It is
//! not in the filter, because a validator for a representation of one's own comes with a second one for the schemas
//! themselves, and the two alone make a module of nearly 3 MB.

mod bundled;
mod compare;
mod compile;
mod explain;
mod judge;
mod keyword;
mod shape;

pub use bundled::Bundled;
pub use explain::Violation;
pub use keyword::SchemaMistake;

use serde_json::Value;

use crate::document::Document;
use shape::{Id, Shape};

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
