//! Tollgate's own answers, and the headers of everybody's.

use serde_json::{Value, json};

use super::verdict::answered;
use super::world::{BATCH, SEARCH};
use super::{Case, Request, case, passes, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = listings();
    cases.extend(headers());
    cases
}

fn listings() -> Vec<Case> {
    let list = |key: &str| Request::headers_only("GET", "/v1/models").key(key);
    let model = |(id, owner): (&str, &str)| json!({"id": id, "object": "model", "created": 0, "owned_by": owner});
    let listing = |models: &[(&str, &str)]| -> Value {
        json!({"object": "list", "data": models.iter().copied().map(model).collect::<Vec<_>>()})
    };
    let everything = listing(&[("azure-gpt", "azure"), ("fast", "local"), ("gpt-4o", "openai"), ("odd", "local")]);
    vec![
        case("the models that are spelt out", list(BATCH), answered(everything.clone())),
        case(
            "the models that a client may use",
            list(SEARCH),
            answered(listing(&[("fast", "local"), ("gpt-4o-mini", "openai")])),
        ),
        case(
            "a listing is a request like any other",
            list(super::world::TIGHT),
            answered(everything).answer("x-ratelimit-remaining-requests", "1").answer("cache-control", "no-store"),
        ),
        case("a listing wants a key", list("client-canary-unknown"), refused(401, "invalid_api_key")),
    ]
}

/// The headers that every answer gets are held to in `verdict::check_always`.
fn headers() -> Vec<Case> {
    let hello = || Request::for_model("llama-3");
    let transport = "max-age=63072000; includeSubDomains";
    vec![
        case(
            "over TLS, and TLS from now on",
            hello(),
            passes("local").answer("strict-transport-security", transport).answer("cache-control", "no-store"),
        ),
        case("a refusal over TLS", hello().with(":path", "/"), {
            refused(404, "unknown_url")
                .answer("strict-transport-security", transport)
                .answer("cache-control", "no-store")
        }),
        case(
            "without TLS, no word of it",
            hello().with(":scheme", "http"),
            passes("local").answer_lacks("strict-transport-security"),
        ),
        case(
            "the upstream's word on caching stays",
            hello().answered_with("cache-control", "private, max-age=5"),
            passes("local").answer("cache-control", "private, max-age=5"),
        ),
        case(
            "the upstream's weaker headers go",
            hello().answered_with("x-frame-options", "ALLOWALL").answered_with("permissions-policy", "camera=*"),
            passes("local").answer("x-frame-options", "DENY").answer("permissions-policy", "interest-cohort=()"),
        ),
        case(
            "the upstream's other headers stay, its errors among them",
            hello()
                .answered_with(":status", "502")
                .answered_with("x-request-id", "req_1")
                .answered_with("via", "1.1 a"),
            passes("local").answer(":status", "502").answer("x-request-id", "req_1").answer("via", "1.1 a"),
        ),
        case(
            "the upstream's word on limits is not the client's",
            hello().answered_with("x-ratelimit-remaining-requests", "9999"),
            passes("local").answer("x-ratelimit-remaining-requests", "59"),
        ),
    ]
}
