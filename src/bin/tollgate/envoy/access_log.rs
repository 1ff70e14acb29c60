//! What is said of each request: the access log, and Envoy's own answers.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Value, json};
use tollgate::headers::Headers;

use super::with;
use crate::policy_file::PolicyFile;

/// One JSON object a line. Nothing in it comes from a body; of the headers, the beginning of the path and the id.
pub(super) fn access_log(path: &Path) -> Value {
    let format = json!({
        "time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ_WITHOUT_QUERY(:PATH):128%",
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
    let config = json!({
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
    });
    let path = (!to_stdout).then(|| json!(path));
    json!({ "name": format!("envoy.access_loggers.{name}"), "typed_config": with(config, "path", path) })
}

/// What Envoy itself answers when an upstream cannot be reached, in the form of OpenAI's API.
pub(super) fn upstream_failures() -> Value {
    json!({
        "filter": { "response_flag_filter": { "flags": ["UH", "UF", "UT", "LR", "UR", "UC", "URX", "NC", "UO", "DT", "UPE"] } },
        "body_format_override": {
            "content_type": "application/json",
            "json_format": { "error": {
                "message": "The model's provider did not answer. Try again later.",
                "type": "server_error",
                "param": null,
                "code": "upstream_unavailable",
            } },
        },
    })
}

/// What Envoy itself answers before any filter has seen the request, such as to a path that could be read in two ways: the
/// headers that every answer has, which here the filter cannot set.
pub(super) fn early_refusals(over_tls: bool, policy: &PolicyFile) -> Value {
    let edits = policy.policy.responses.edits(&Headers::default(), over_tls);
    let header = |(name, value): &(Cow<'static, str>, Vec<u8>)| {
        json!({
            "header": { "key": name, "value": String::from_utf8_lossy(value) },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        })
    };
    json!({
        "filter": { "status_code_filter": { "comparison": {
            "op": "GE",
            "value": { "default_value": 400, "runtime_key": "tollgate.early_refusals" },
        } } },
        "headers_to_add": edits.set.iter().map(header).collect::<Vec<Value>>(),
    })
}
