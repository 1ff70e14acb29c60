//! The providers: where they are, the routes to them, their clusters.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tollgate::provider::{BaseUrl, Provider, ROUTE_HEADER};

use super::with;
use crate::bootstrap::Options;
use crate::policy_file::PolicyFile;

/// The URL of each provider.
pub(super) fn urls(options: &Options, policy: &PolicyFile) -> anyhow::Result<BTreeMap<String, BaseUrl>> {
    let providers = &policy.policy.providers;
    let upstreams = options.upstreams()?;
    if let Some(stray) = upstreams.iter().find(|upstream| !providers.contains_key(&upstream.provider)) {
        bail!("--upstream {}: the policy has no provider of this name", stray.provider);
    }
    let url = |(name, provider): (&String, &Rc<Provider>)| {
        let given = upstreams.iter().rev().find(|upstream| upstream.provider == *name);
        let url = given.map(|upstream| &upstream.url).or(provider.url.as_ref()).with_context(|| {
            format!("the provider {name} has no URL: write `url` in the policy, or --upstream {name}=https://…")
        })?;
        Ok((name.clone(), url.clone()))
    };
    providers.iter().map(url).collect()
}

/// A route for each provider, chosen by the header that the filter sets; without it nothing goes anywhere.
pub(super) fn routes(urls: &BTreeMap<String, BaseUrl>) -> Vec<Value> {
    let to_provider = |(name, url): (&String, &BaseUrl)| {
        let route = json!({
            "cluster": name,
            "host_rewrite_literal": url.authority(),
            // An answer may stream for as long as tokens keep coming.
            "timeout": "0s",
            "idle_timeout": "300s",
        });
        let prefix = (!url.prefix().is_empty()).then(|| json!(format!("{}/", url.prefix())));
        json!({
            "match": { "prefix": "/", "headers": [{ "name": ROUTE_HEADER, "string_match": { "exact": name } }] },
            "route": with(route, "prefix_rewrite", prefix),
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

/// The cluster of a provider.
pub(super) fn cluster(name: &str, url: &BaseUrl) -> anyhow::Result<Value> {
    let is_address = url.host().parse::<std::net::IpAddr>().is_ok();
    let cluster = json!({
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
    let tls = url.is_tls().then(|| upstream_tls(url, is_address)).transpose()?;
    Ok(with(cluster, "transport_socket", tls))
}

/// TLS to a provider, whose certificate must be of its name and of an authority that the system trusts.
fn upstream_tls(url: &BaseUrl, is_address: bool) -> anyhow::Result<Value> {
    Ok(json!({
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
    }))
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
