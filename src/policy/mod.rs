//! The policy: read, checked and compiled once, when Envoy hands it over.
//!
//! A policy is right as a whole or refused as a whole. Every mistake is found in one go and told with its place, what is
//! wrong there and what would be right; an unknown key is a mistake.

mod clients;
mod limits;
mod mistake;
mod providers;
mod reader;
mod requests;
mod responses;

pub use mistake::Mistake;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use crate::client::Clients;
use crate::document::Document;
use crate::limit::{SharedState, Unavailable};
use crate::model::Models;
use crate::provider::Provider;
use crate::response::ResponseRules;
use crate::schema::Bundled;

use mistake::Mistakes;
use reader::Reader;
pub use requests::RequestRules;

/// Nesting that a policy may have: a schema in it may be deep.
const MAX_DEPTH: usize = 128;

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// Who may call.
    pub clients: Clients,
    /// Where requests can go, by name.
    pub providers: BTreeMap<String, Rc<Provider>>,
    /// Which provider serves which model.
    pub models: Models,
    /// What a request may be.
    pub requests: RequestRules,
    /// What an answer's headers shall be.
    pub responses: ResponseRules,
    /// What the endpoints take.
    pub schemas: Bundled,
}

impl Policy {
    /// Reads a policy in JSON, as Envoy hands it to the filter.
    ///
    /// # Errors
    /// All mistakes in it; at least one.
    pub fn from_json(text: &[u8]) -> Result<Self, Vec<Mistake>> {
        let document = Document::parse(text, MAX_DEPTH).map_err(|flaw| {
            let place = flaw.place.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![Mistake::new(
                place,
                flaw.to_string().replace("request body", "policy").replace("request has no body", "policy is empty"),
            )]
        })?;
        Self::from_value(&document.root().to_value())
    }

    /// Reads a policy that has been parsed already.
    ///
    /// # Errors
    /// All mistakes in it; at least one.
    pub fn from_value(value: &Value) -> Result<Self, Vec<Mistake>> {
        let mistakes = Mistakes::default();
        let policy = read(&Reader::new(value, &mistakes));
        let found = mistakes.into_vec();
        match policy {
            Some(policy) if found.is_empty() => Ok(policy),
            _ => Err(found),
        }
    }

    /// Makes sure that every client's counters exist; see [`crate::limit::Limits::create`].
    ///
    /// # Errors
    /// The shared state does not answer.
    pub fn create_counters(&self, shared: &mut dyn SharedState) -> Result<(), Unavailable> {
        let mut limits = self.clients.iter().filter_map(|client| client.limits.as_ref());
        limits.try_for_each(|limits| limits.create(shared))
    }
}

fn read(policy: &Reader<'_>) -> Option<Policy> {
    let sections = policy.object(&["mode", "clients", "limits", "providers", "models", "requests", "responses"])?;
    if let Some(mode) = sections.get("mode") {
        mode.one_of(&[("enforce", ())]);
    }
    let limits = sections.get("limits").map(|section| limits::read(&section)).unwrap_or_default();
    let clients = sections.required("clients").map(|section| clients::read(&section, &limits));
    let providers = sections.required("providers").map(|section| providers::read(&section)).unwrap_or_default();
    let models = sections.required("models").map(|section| providers::read_models(&section, &providers));
    let requests = sections.get("requests").map(|section| requests::read(&section)).unwrap_or_default();
    let responses = responses::read(sections.get("responses").as_ref());
    let mut dialects: Vec<_> = providers.values().flatten().map(|provider| provider.dialect).collect();
    dialects.sort_unstable();
    dialects.dedup();
    let schemas = Bundled::compile(&dialects).unwrap_or_else(|problem| {
        policy.mistake(format!("a schema that comes with Tollgate does not compile: {problem}"));
        Bundled::default()
    });
    Some(Policy {
        clients: clients?,
        providers: providers.into_iter().filter_map(|(name, provider)| Some((name, provider?))).collect(),
        models: models?,
        requests,
        responses,
        schemas,
    })
}

#[cfg(test)]
mod tests;
