//! Step 6: which provider serves a model, and whether the client may ask for it.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::client::Client;
use crate::glob::Glob;
use crate::provider::Provider;
use crate::refusal::{Reason, Refusal};

/// Sends the models that match to a provider.
#[derive(Debug)]
pub struct Rule {
    /// Names and patterns.
    pub matches: Vec<Glob>,
    /// Who serves them.
    pub provider: Rc<Provider>,
    /// The name that the provider knows the model by; `None`: the name that the client used.
    pub rewrite: Option<String>,
}

/// Bytes of a model's name: every pattern of the policy is tried on it.
const MAX_NAME: usize = 512;

/// The rules of a policy, in its order.
#[derive(Debug, Default)]
pub struct Models(Vec<Rule>);

impl Models {
    /// The rules, first match wins.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// The rule that serves `model` for `client`.
    ///
    /// # Errors
    /// [`Reason::UnknownModel`] where no rule matches; [`Reason::ModelNotAllowed`] where one does, but not for this
    /// client.
    pub fn route(&self, model: &str, client: &Client) -> Result<&Rule, Refusal> {
        let rule = self.find(model).ok_or_else(|| {
            let message = "The model is not served here. `GET /v1/models` lists the models that you can use.";
            Refusal::new(Reason::UnknownModel, message).at("model")
        })?;
        if !client.may_use(model) {
            let message = "This API key may not use the model. `GET /v1/models` lists the models that you can use.";
            return Err(Refusal::new(Reason::ModelNotAllowed, message).at("model"));
        }
        Ok(rule)
    }

    /// The models that `client` may use, in the form of OpenAI's `GET /v1/models`.
    ///
    /// A pattern stands for names that nobody has listed, so these are the names that the policy spells out: in the
    /// rules, and in the client's own list.
    #[must_use]
    pub fn listing(&self, client: &Client) -> Value {
        let in_rules = self.0.iter().flat_map(|rule| &rule.matches);
        let in_client = client.models.iter().flatten();
        let mut names: Vec<_> = in_rules.chain(in_client).filter_map(Glob::literal).collect();
        names.sort_unstable();
        names.dedup();
        let models = names.into_iter().filter(|name| client.may_use(name)).filter_map(|name| {
            let owner = &self.find(name)?.provider.name;
            Some(json!({ "id": name, "object": "model", "created": 0, "owned_by": owner }))
        });
        json!({ "object": "list", "data": models.collect::<Vec<_>>() })
    }

    /// The first rule that matches `model`; none for a name of more than 512 bytes, which no model has.
    #[must_use]
    pub fn find(&self, model: &str) -> Option<&Rule> {
        if model.len() > MAX_NAME {
            return None;
        }
        self.0.iter().find(|rule| rule.matches.iter().any(|pattern| pattern.matches(model)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Api, Credential};

    fn rule(patterns: &[&str], provider: &str) -> Rule {
        let provider = Provider {
            name: provider.to_owned(),
            api: Api::OpenAi,
            dialect: Api::OpenAi.dialect(),
            credential: Credential::None,
            url: None,
        };
        let matches = patterns.iter().map(|pattern| Glob::new(pattern)).collect();
        Rule { matches, provider: Rc::new(provider), rewrite: None }
    }

    fn client(models: Option<&[&str]>) -> Client {
        let models = models.map(|models| models.iter().map(|pattern| Glob::new(pattern)).collect());
        Client { name: "c".to_owned(), not_after: None, models, limits: None }
    }

    #[test]
    fn the_first_rule_that_matches_serves() {
        let models = Models::new(vec![rule(&["gpt-4o"], "a"), rule(&["gpt-*", "o1"], "b")]);
        let provider = |model| models.route(model, &client(None)).map(|rule| rule.provider.name.clone());
        assert_eq!(provider("gpt-4o").as_deref(), Ok("a"));
        assert_eq!(provider("gpt-4o-mini").as_deref(), Ok("b"));
        assert_eq!(provider("o1").as_deref(), Ok("b"));
        assert_eq!(provider("o2").unwrap_err().reason, Reason::UnknownModel);
    }

    #[test]
    fn a_client_has_its_own_list() {
        let models = Models::new(vec![rule(&["gpt-*", "fast"], "a")]);
        let client = client(Some(&["gpt-4o-mini", "gpt-5*", "absent"]));
        assert!(models.route("gpt-4o-mini", &client).is_ok());
        assert!(models.route("gpt-5-nano", &client).is_ok());
        assert_eq!(models.route("fast", &client).unwrap_err().reason, Reason::ModelNotAllowed);
        assert_eq!(models.route("absent", &client).unwrap_err().reason, Reason::UnknownModel);
    }

    #[test]
    fn the_listing_has_the_names_that_are_spelt_out() {
        let models = Models::new(vec![rule(&["gpt-*", "fast"], "a"), rule(&["slow", "fast"], "b")]);
        let listed = |client| {
            let listing = models.listing(&client);
            let data = listing["data"].as_array().unwrap().iter();
            data.map(|model| format!("{}@{}", model["id"], model["owned_by"]).replace('"', "")).collect::<Vec<_>>()
        };
        assert_eq!(listed(client(None)), ["fast@a", "slow@b"]);
        assert_eq!(listed(client(Some(&["gpt-4o", "s*", "absent"]))), ["gpt-4o@a", "slow@b"]);
    }
}
