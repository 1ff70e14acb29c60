//! `providers` and `models`: where requests can go, and which go where.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::mistake::did_you_mean;
use super::reader::Reader;
use crate::dialect::Dialect;
use crate::glob::Glob;
use crate::model::{Models, Rule};
use crate::provider::{Api, BaseUrl, Credential, Provider};

/// The providers by name; `None` for one that has a mistake in it, so that a rule that names it is not a second one.
pub(super) type Providers = BTreeMap<String, Option<Rc<Provider>>>;

pub(super) fn read(section: &Reader<'_>) -> Providers {
    let providers = section.entries().unwrap_or_default();
    if providers.is_empty() {
        section.mistake("must name at least one provider");
    }
    providers
        .into_iter()
        .map(|(name, provider)| (name.to_owned(), read_provider(name, &provider).map(Rc::new)))
        .collect()
}

fn read_provider(name: &str, provider: &Reader<'_>) -> Option<Provider> {
    let is_name = provider.check_name(name);
    let fields = provider.object(&["api", "dialect", "credential", "url"])?;
    let api = fields.required("api").and_then(|api| api.one_of(&Api::NAMES));
    let dialect = fields.get("dialect").and_then(|dialect| dialect.one_of(&Dialect::NAMES));
    let credential = fields.required("credential").and_then(|credential| read_credential(&credential));
    let url = fields.get("url").map(|place| {
        let url = place.string().map(BaseUrl::parse)?;
        url.map_err(|problem| place.mistake(problem)).ok()
    });
    let url = match url {
        Some(read) => Some(read?),
        None => None,
    };
    let (api, credential) = (api?, credential?);
    let dialect = dialect.unwrap_or_else(|| api.dialect());
    is_name.then_some(Provider { name: name.to_owned(), api, dialect, credential, url })
}

fn read_credential(credential: &Reader<'_>) -> Option<Credential> {
    if credential.is_string() {
        if credential.string() == Some("none") {
            return Some(Credential::None);
        }
        credential.mistake("must be `none` or {secret: NAME}, an Envoy secret; a key never stands in the policy");
        return None;
    }
    let secret = credential.object(&["secret"])?.required("secret")?;
    let name = secret.string()?;
    secret.check_name(name).then(|| Credential::Secret(name.to_owned()))
}

pub(super) fn read_models(section: &Reader<'_>, providers: &Providers) -> Models {
    let rules = section.one_or_more().unwrap_or_default();
    Models::new(rules.iter().filter_map(|rule| read_rule(rule, providers)).collect())
}

fn read_rule(rule: &Reader<'_>, providers: &Providers) -> Option<Rule> {
    let fields = rule.object(&["match", "provider", "rewrite"])?;
    let patterns = fields.required("match").and_then(|patterns| patterns.one_or_more());
    let matches = patterns.map(|patterns| patterns.iter().filter_map(Reader::string).map(Glob::new).collect());
    let rewrite = fields.get("rewrite").and_then(|name| name.string()).map(str::to_owned);
    let place = fields.required("provider")?;
    let name = place.string()?;
    let Some(provider) = providers.get(name) else {
        let hint = did_you_mean(name, providers.keys().map(String::as_str));
        place.mistake(format!("`providers` has none of the name {name:?}{hint}"));
        return None;
    };
    Some(Rule { matches: matches?, provider: provider.clone()?, rewrite })
}
