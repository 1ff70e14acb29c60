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
    refuse_lookalikes: bool,
}

impl Schema {
    /// Compiles `schema`, of draft 2020-12 or 7. References lead to places in the same schema only, patterns are those that
    /// match in linear time, and a keyword that would change the verdict and is not supported is refused.
    ///
    /// # Errors
    /// The first thing that is wrong with the schema, and where.
    pub fn compile(schema: &Value) -> Result<Self, SchemaMistake> {
        compile::compile(schema).map(|(shapes, root)| Self { shapes, root, refuse_lookalikes: false })
    }

    /// Refuses keys that are written like a property of the schema but for the case of their letters. JSON Schema passes
    /// them over as unknown; but some servers' parsers (Go's `encoding/json`, .NET's web defaults) take them for the
    /// property, and the last one counts.
    #[must_use]
    pub fn refusing_lookalikes(self) -> Self {
        Self { refuse_lookalikes: true, ..self }
    }

    /// Judges a document.
    ///
    /// # Errors
    /// The first violation.
    pub fn judge(&self, document: &Document<'_>) -> Result<(), Violation> {
        let judge = judge::Judge::new(&self.shapes, document.tokens(), self.refuse_lookalikes);
        judge.judge(self.root, document.root()).map_err(explain::explain)
    }
}

#[cfg(test)]
mod referee;
#[cfg(test)]
mod tests;
