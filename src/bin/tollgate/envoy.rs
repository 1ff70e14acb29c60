//! The Envoy configuration around a policy: listener, filters, routes and clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tollgate::provider::{BaseUrl, Credential, Provider, ROUTE_HEADER, filter_state_key};

use crate::admin::Admin;
use crate::bootstrap::Options;
use crate::policy_file::PolicyFile;
use crate::secrets::sds_path;

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
    let urls = urls(options, policy)?;
    let secrets = secrets(options, policy, sds)?;
    let mut configuration = json!({
        "node": { "id": "tollgate", "cluster": "tollgate" },
        "static_resources": {
            "listeners": [listener(options, policy, &urls, &secrets)?],
            "clusters": urls.iter().map(|(name, url)| cluster(name, url)).collect::<anyhow::Result<Vec<_>>>()?,
            "secrets": secrets.values().filter_map(|secret| secret.resource.clone()).collect::<Vec<_>>(),
        },
    });
    let address = match admin {
        Some(Admin::Socket(path)) => json!({ "pipe": { "path": path, "mode": 0o600 } }),
        Some(Admin::Address(address)) => socket_address(*address),
        None => return Ok(configuration),
    };
    configuration["admin"] = json!({ "address": address });
    Ok(configuration)
}

/// The URL of each provider.
fn urls(options: &Options, policy: &PolicyFile) -> anyhow::Result<BTreeMap<String, BaseUrl>> {
    let providers = &policy.policy.providers;
    if let Some(stray) = options.upstream.iter().find(|upstream| !providers.contains_key(&upstream.provider)) {
        bail!("--upstream {}: the policy has no provider of this name", stray.provider);
    }
    let url = |(name, provider): (&String, &Rc<Provider>)| {
        let given = options.upstream.iter().rev().find(|upstream| upstream.provider == *name);
        let url = given.map(|upstream| &upstream.url).or(provider.url.as_ref()).with_context(|| {
            format!("the provider {name} has no URL: write `url` in the policy, or --upstream {name}=https://…")
        })?;
        Ok((name.clone(), url.clone()))
    };
    providers.iter().map(url).collect()
}

/// A secret that the policy names, for Envoy.
struct Secret {
    /// Reference to it.
    config: Value,
    /// Its definition, where it is static.
    resource: Option<Value>,
}

fn secrets(options: &Options, policy: &PolicyFile, sds: Sds<'_>) -> anyhow::Result<BTreeMap<String, Secret>> {
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
                    "generic_secret": { "secret": secret.source.data_source() },
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

fn listener(
    options: &Options,
    policy: &PolicyFile,
    urls: &BTreeMap<String, BaseUrl>,
    secrets: &BTreeMap<String, Secret>,
) -> anyhow::Result<Value> {
    let mut filters = Vec::new();
    if !secrets.is_empty() {
        filters.push(secrets_filter(secrets));
    }
    filters.push(wasm_filter(&options.find_filter()?, policy));
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            "suppress_envoy_headers": true,
        },
    }));
    let mut chain = json!({
        "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(options, urls, &filters),
        }],
    });
    if let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) {
        chain["transport_socket"] = json!({
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
        });
    }
    // Over its limit Envoy answers 413 by itself, before the filter sees the end: what the policy allows must fit, and
    // a little more, so that it is the filter that says how much is allowed.
    let buffer = policy.policy.requests.max_body + (1 << 20);
    Ok(json!({
        "name": "tollgate",
        "address": socket_address(options.listen),
        "per_connection_buffer_limit_bytes": buffer,
        "filter_chains": [chain],
    }))
}

fn connection_manager(options: &Options, urls: &BTreeMap<String, BaseUrl>, filters: &[Value]) -> Value {
    let mut manager = json!({
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
        "stream_idle_timeout": "300s",
        "http_filters": filters,
        "route_config": { "name": "tollgate", "virtual_hosts": [{
            "name": "tollgate",
            "domains": ["*"],
            "routes": routes(urls),
        }] },
        "local_reply_config": { "mappers": [upstream_failures()] },
    });
    if let Some(log) = &options.access_log {
        manager["access_log"] = json!([access_log(log)]);
    }
    manager
}

/// What Envoy itself answers when an upstream cannot be reached, in the form of OpenAI's API.
fn upstream_failures() -> Value {
    json!({
        "filter": { "response_flag_filter": { "flags": ["UH", "UF", "UT", "LR", "UR", "UC", "URX", "NC", "UO", "DT", "UPE"] } },
        "body_format_override": {
            "content_type": "application/json",
            "json_format": { "error": {
                "message": "The model's provider did not answer (%RESPONSE_FLAGS%).",
                "type": "server_error",
                "param": null,
                "code": "upstream_unavailable",
            } },
        },
    })
}

/// A route for each provider, chosen by the header that the filter sets; without it nothing goes anywhere.
fn routes(urls: &BTreeMap<String, BaseUrl>) -> Vec<Value> {
    let to_provider = |(name, url): (&String, &BaseUrl)| {
        let mut route = json!({
            "cluster": name,
            "host_rewrite_literal": url.authority(),
            // An answer may stream for as long as tokens keep coming.
            "timeout": "0s",
            "idle_timeout": "300s",
        });
        if !url.prefix().is_empty() {
            route["prefix_rewrite"] = json!(format!("{}/", url.prefix()));
        }
        json!({
            "match": { "prefix": "/", "headers": [{ "name": ROUTE_HEADER, "string_match": { "exact": name } }] },
            "route": route,
            // Where a client is and how it got here is no provider's business.
            "request_headers_to_remove":
                [ROUTE_HEADER, "x-forwarded-for", "x-forwarded-proto", "x-envoy-external-address"],
        })
    };
    let nowhere = json!({
        "match": { "prefix": "/" },
        "direct_response": { "status": 503, "body": { "inline_string":
            r#"{"error":{"message":"The gateway does not send this request anywhere.","type":"server_error","param":null,"code":"no_route"}}"#,
        } },
        "response_headers_to_add": [{
            "header": { "key": "content-type", "value": "application/json" },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    });
    urls.iter().map(to_provider).chain([nowhere]).collect()
}

/// Puts each secret into the request's filter state, from where the filter takes it.
fn secrets_filter(secrets: &BTreeMap<String, Secret>) -> Value {
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

fn wasm_filter(filter: &Path, policy: &PolicyFile) -> Value {
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

fn cluster(name: &str, url: &BaseUrl) -> anyhow::Result<Value> {
    let is_address = url.host().parse::<std::net::IpAddr>().is_ok();
    let mut cluster = json!({
        "name": name,
        "type": if is_address { "STATIC" } else { "STRICT_DNS" },
        "connect_timeout": "5s",
        // Envoy's own default takes IPv6 where a name has both, also where there is no way out by IPv6.
        "dns_lookup_family": "V4_PREFERRED",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": { "socket_address": {
                "address": url.host(), "port_value": url.port(),
            } } } }] }],
        },
    });
    if url.is_tls() {
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": url.host(),
                "common_tls_context": {
                    "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                    "validation_context": {
                        "trusted_ca": { "filename": authorities()? },
                        "match_typed_subject_alt_names": [{
                            "san_type": if is_address { "IP_ADDRESS" } else { "DNS" },
                            "matcher": { "exact": url.host() },
                        }],
                    },
                },
            },
        });
    }
    Ok(cluster)
}

/// The certificate authorities that the system trusts.
fn authorities() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("SSL_CERT_FILE") {
        return Ok(given.into());
    }
    let usual = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let found = usual.iter().map(PathBuf::from).find(|path| path.is_file());
    found.context("no certificate authorities found for providers behind TLS: set SSL_CERT_FILE")
}

/// One JSON object a line. Nothing in it comes from a body, and of the headers only the request's id.
fn access_log(path: &Path) -> Value {
    let format = json!({
        "time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ_WITHOUT_QUERY(:PATH)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "duration_ms": "%DURATION%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "client": "%FILTER_STATE(wasm.tollgate.client:PLAIN)%",
        "decision": "%FILTER_STATE(wasm.tollgate.decision:PLAIN)%",
        "provider": "%FILTER_STATE(wasm.tollgate.provider:PLAIN)%",
        "upstream": "%UPSTREAM_HOST%",
    });
    let to_stdout = path == Path::new("-");
    let (name, kind) =
        if to_stdout { ("stdout", "stream.v3.StdoutAccessLog") } else { ("file", "file.v3.FileAccessLog") };
    let mut log = json!({
        "name": format!("envoy.access_loggers.{name}"),
        "typed_config": {
            "@type": format!("type.googleapis.com/envoy.extensions.access_loggers.{kind}"),
            "log_format": {
                "json_format": format,
                "formatters": [{
                    "name": "envoy.formatter.req_without_query",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery",
                    },
                }],
            },
        },
    });
    if !to_stdout {
        log["typed_config"]["path"] = json!(path);
    }
    log
}

fn socket_address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}
