//! `clients`: who may call.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::LimitSet;
use super::mistake::did_you_mean;
use super::reader::{Fields, Reader};
use crate::client::{Client, Clients, KeyHash, KeyHeader};
use crate::glob::Glob;
use crate::limit::Limits;

/// Where keys are looked for unless the policy says.
const DEFAULT_HEADERS: [KeyHeader; 3] = [KeyHeader::Authorization, KeyHeader::XApiKey, KeyHeader::ApiKey];

pub(super) fn read(section: &Reader<'_>, limits: &BTreeMap<String, LimitSet>) -> Clients {
    let Some(fields) = section.object(&["anonymous", "identify", "known"]) else {
        return Clients::default();
    };
    if let Some(anonymous) = fields.get("anonymous") {
        anonymous.one_of(&[("deny", ())]);
    }
    let headers = fields.get("identify").map_or_else(|| DEFAULT_HEADERS.to_vec(), |identify| read_headers(&identify));
    let mut clients = Clients::new(headers);
    let mut names = BTreeSet::new();
    for known in fields.required("known").and_then(|known| known.list()).unwrap_or_default() {
        read_client(&known, limits, &mut clients, &mut names);
    }
    clients
}

fn read_headers(identify: &Reader<'_>) -> Vec<KeyHeader> {
    let words: Vec<_> = KeyHeader::ALL.iter().map(|header| (header.name(), *header)).collect();
    let ways = identify.one_or_more().unwrap_or_default();
    let lists = ways.iter().filter_map(|way| way.object(&["api_key"])?.required("api_key")?.one_or_more());
    lists.flatten().filter_map(|header| header.one_of(&words)).collect()
}

fn read_client<'v>(
    known: &Reader<'v>,
    limits: &BTreeMap<String, LimitSet>,
    clients: &mut Clients,
    names: &mut BTreeSet<&'v str>,
) {
    let Some(fields) = known.object(&["name", "keys", "not_after", "models", "limits"]) else {
        return;
    };
    let keys = read_keys(&fields);
    let not_after = fields.get("not_after").and_then(|end| end.time());
    let models = fields.get("models").map(|models| {
        let names = models.one_or_more().unwrap_or_default();
        names.iter().filter_map(Reader::string).map(Glob::new).collect()
    });
    let set = fields.get("limits").and_then(|name| find_limits(&name, limits));
    let Some((place, name)) = fields.required("name").and_then(|place| place.string().map(|name| (place, name))) else {
        return;
    };
    if !place.check_name(name) {
        return;
    }
    if !names.insert(name) {
        place.mistake(format!("another client has the name {name:?}; give each its own"));
    }
    let limits = set.map(|set| Limits::new(name, set.requests.clone()));
    let client = Client { name: name.to_owned(), not_after, models, limits };
    if let Err(other) = clients.add(client, &keys) {
        known.mistake(format!("one of the keys stands in the policy before, with the client {other:?}"));
    }
}

fn read_keys(fields: &Fields<'_>) -> Vec<KeyHash> {
    let keys = fields.required("keys").and_then(|keys| keys.one_or_more()).unwrap_or_default();
    let read = keys.iter().filter_map(|key| {
        let hash = key.string().and_then(KeyHash::parse);
        if hash.is_none() && key.is_string() {
            // Whatever stands here may be a key itself: it is not repeated.
            key.mistake(
                "must be the hash of a key, \"sha256:\" and 64 hexadecimal digits; `tollgate hash-key` makes one",
            );
        }
        hash
    });
    read.collect()
}

fn find_limits<'l>(name: &Reader<'_>, limits: &'l BTreeMap<String, LimitSet>) -> Option<&'l LimitSet> {
    let written = name.string()?;
    let found = limits.get(written);
    if found.is_none() {
        let hint = did_you_mean(written, limits.keys().map(String::as_str));
        name.mistake(format!("`limits` has no set of the name {written:?}{hint}"));
    }
    found
}
