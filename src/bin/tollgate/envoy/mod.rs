//! The Envoy configuration around a policy: listener, filters, routes and clusters.

mod access_log;
mod filters;
mod providers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tollgate::provider::BaseUrl;

use crate::admin::Admin;
use crate::bootstrap::Options;
use crate::policy_file::PolicyFile;
use filters::Secret;

/// How Envoy gets a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sds<'d> {
    /// From SDS files in this directory, read again when they are replaced.
    Dir(&'d Path),
    /// From the source itself, once.
    Static,
}

/// The whole Envoy configuration.
pub(crate) fn configuration(
    options: &Options,
    policy: &PolicyFile,
    admin: Option<&Admin>,
    sds: Sds<'_>,
) -> anyhow::Result<Value> {
    let urls = providers::urls(options, policy)?;
    let secrets = filters::secrets(options, policy, sds)?;
    let address = admin.map(|admin| match admin {
        Admin::Socket(path) => json!({ "pipe": { "path": path, "mode": 0o600 } }),
        Admin::Address(address) => socket_address(*address),
    });
    let configuration = json!({
        "node": { "id": "tollgate", "cluster": "tollgate" },
        "static_resources": {
            "listeners": [listener(options, policy, &urls, &secrets)?],
            "clusters": urls.iter().map(|(name, url)| providers::cluster(name, url)).collect::<anyhow::Result<Vec<_>>>()?,
            "secrets": secrets.values().filter_map(|secret| secret.resource.clone()).collect::<Vec<_>>(),
        },
    });
    Ok(with(configuration, "admin", address.map(|address| json!({ "address": address }))))
}

fn listener(
    options: &Options,
    policy: &PolicyFile,
    urls: &BTreeMap<String, BaseUrl>,
    secrets: &BTreeMap<String, Secret>,
) -> anyhow::Result<Value> {
    let mut filters = Vec::new();
    if !secrets.is_empty() {
        filters.push(filters::secrets_filter(secrets));
    }
    filters.push(filters::wasm_filter(&options.find_filter()?, policy));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    let chain = json!({
        "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(options, policy, urls, &filters),
        }],
    });
    // Over its limit Envoy answers 413 by itself, before the filter sees the end: what the policy allows must fit, and
    // a little more, so that it is the filter that says how much is allowed.
    let buffer = policy.policy.requests.max_body + (1 << 20);
    Ok(json!({
        "name": "tollgate",
        "address": socket_address(options.listen),
        "per_connection_buffer_limit_bytes": buffer,
        "filter_chains": [with(chain, "transport_socket", downstream_tls(options)?)],
    }))
}

fn downstream_tls(options: &Options) -> anyhow::Result<Option<Value>> {
    let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    Ok(Some(json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                "tls_certificates": [{
                    "certificate_chain": { "filename": std::path::absolute(certificate)? },
                    "private_key": { "filename": std::path::absolute(key)? },
                }],
            },
        },
    })))
}

fn connection_manager(
    options: &Options,
    policy: &PolicyFile,
    urls: &BTreeMap<String, BaseUrl>,
    filters: &[Value],
) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "tollgate",
        // The filter and the upstream see one and the same path; what could be read in two ways is refused.
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "common_http_protocol_options": { "headers_with_underscores_action": "REJECT_REQUEST", "idle_timeout": "300s" },
        // Who is connected, not who a header says is.
        "use_remote_address": true,
        "xff_num_trusted_hops": 0,
        // The policy says whether `server` goes; Envoy must not set it behind the filter.
        "server_header_transformation": "PASS_THROUGH",
        "request_headers_timeout": "10s",
        // The whole request, which is held until it has been judged.
        "request_timeout": "60s",
        "http2_protocol_options": { "max_concurrent_streams": 100 },
        "stream_idle_timeout": "300s",
        "http_filters": filters,
        "route_config": { "name": "tollgate", "virtual_hosts": [{
            "name": "tollgate",
            "domains": ["*"],
            "routes": providers::routes(urls),
        }] },
        "local_reply_config": { "mappers": [
            access_log::upstream_failures(),
            access_log::early_refusals(options.tls_cert.is_some(), policy),
        ] },
    });
    let access_log = options.access_log.as_deref().map(|path| json!([access_log::access_log(path)]));
    with(manager, "access_log", access_log)
}

fn socket_address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

/// `object` with a member more, where there is a value for it.
fn with(object: Value, key: &str, value: Option<Value>) -> Value {
    match (object, value) {
        (Value::Object(mut members), Some(value)) => {
            members.insert(key.to_owned(), value);
            Value::Object(members)
        }
        (object, _) => object,
    }
}
