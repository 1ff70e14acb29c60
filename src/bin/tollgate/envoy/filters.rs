//! The secrets, the filter that puts them where Tollgate finds them, and Tollgate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::bail;
use serde_json::{Value, json};
use tollgate::provider::{Credential, filter_state_key};

use super::Sds;
use crate::bootstrap::Options;
use crate::policy_file::PolicyFile;
use crate::secrets::sds_path;

/// A secret that the policy names, for Envoy.
pub(super) struct Secret {
    /// Reference to it.
    pub(super) config: Value,
    /// Its definition, where it is static.
    pub(super) resource: Option<Value>,
}

/// The secrets that the policy names and the options give.
pub(super) fn secrets(
    options: &Options,
    policy: &PolicyFile,
    sds: Sds<'_>,
) -> anyhow::Result<BTreeMap<String, Secret>> {
    let providers = policy.policy.providers.values();
    let named: BTreeSet<_> = providers
        .filter_map(|provider| match &provider.credential {
            Credential::Secret(name) => Some(name.as_str()),
            Credential::None => None,
        })
        .collect();
    let given = options.secrets()?;
    if let Some(stray) = given.iter().find(|secret| !named.contains(secret.name.as_str())) {
        bail!("--secret {}: the policy names no secret so", stray.name);
    }
    let mut secrets = BTreeMap::new();
    for name in named {
        let given = given.iter().rev().find(|secret| secret.name == name);
        let secret = match (sds, given) {
            (Sds::Dir(dir), _) if given.is_some() || sds_path(dir, name).exists() => Secret {
                config: json!({
                    "name": name,
                    "sds_config": {
                        "path_config_source": { "path": sds_path(dir, name), "watched_directory": { "path": dir } },
                        "resource_api_version": "V3",
                    },
                }),
                resource: None,
            },
            (Sds::Static, Some(secret)) => Secret {
                config: json!({ "name": name }),
                resource: Some(json!({
                    "name": name,
                    "generic_secret": { "secret": secret.source.data_source()? },
                })),
            },
            _ => {
                eprintln!("tollgate: no --secret {name}=…: requests that need it will be answered 503");
                continue;
            }
        };
        secrets.insert(name.to_owned(), secret);
    }
    Ok(secrets)
}

/// Puts each secret into the request's filter state, from where the filter takes it.
pub(super) fn secrets_filter(secrets: &BTreeMap<String, Secret>) -> Value {
    let values = secrets.iter().map(|(name, secret)| {
        json!({
            "object_key": filter_state_key(name),
            "factory_key": "envoy.string",
            "skip_if_empty": true,
            "format_string": {
                "text_format_source": { "inline_string": format!("%SECRET({name})%") },
                "omit_empty_values": true,
                "formatters": [{
                    "name": "envoy.formatter.generic_secret",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.formatter.generic_secret.v3.GenericSecret",
                        "secret_configs": { name: secret.config },
                    },
                }],
            },
        })
    });
    json!({
        "name": "envoy.filters.http.set_filter_state",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
            "on_request_headers": values.collect::<Vec<_>>(),
        },
    })
}

/// Tollgate itself.
pub(super) fn wasm_filter(filter: &Path, policy: &PolicyFile) -> Value {
    // As a text: Envoy hands a `Struct` to the plugin in protobuf's own encoding. Spread out, for the one who reads it.
    let policy = format!("{:#}\n", policy.value);
    json!({
        "name": "tollgate",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "tollgate",
                "root_id": "tollgate",
                // A trap must not let anything through; the VM is made anew.
                "failure_policy": "FAIL_RELOAD",
                "reload_config": { "backoff": { "base_interval": "1s" } },
                // Without it a request that waits for its body hangs.
                "allow_on_headers_stop_iteration": true,
                "configuration": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": policy },
                "vm_config": {
                    "vm_id": "tollgate",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": filter } },
                },
            },
        },
    })
}
