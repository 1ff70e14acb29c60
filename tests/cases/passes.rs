//! Which model goes where, what the upstream gets of the request, and what it does not.

use super::world::{ANTHROPIC, AZURE, BATCH, CHECKOUT, OPENAI, SEARCH, UNUSABLE};
use super::{Case, Request, case, passes, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = models();
    cases.extend(credentials());
    cases.extend(stripped());
    cases.extend(rewritten());
    cases
}

fn models() -> Vec<Case> {
    let search = |model: &str| Request::for_model(model).key(SEARCH);
    let not_allowed = || refused(403, "model_not_allowed").at("model").saying("GET /v1/models");
    vec![
        case(
            "a model that nobody serves",
            Request::for_model("canary"),
            refused(404, "model_not_found").at("model").saying("GET /v1/models"),
        ),
        case("names are case-sensitive", Request::for_model("GPT-4o"), refused(404, "model_not_found").at("model")),
        case("a model that the client may not use", search("gpt-4o"), not_allowed()),
        case(
            "a model that only begins like one that it may use",
            search("faster"),
            refused(404, "model_not_found").at("model"),
        ),
        case("a model that the client may use", search("gpt-4o-mini"), openai()),
        case("a pattern that the client may use", search("llama-3.3-70b"), passes("local")),
        case("the first rule that matches serves", Request::for_model("gpt-4o"), openai()),
    ]
}

fn openai() -> super::Expected {
    passes("openai").with("authorization", format!("Bearer {OPENAI}"))
}

fn credentials() -> Vec<Case> {
    let mut cases = vec![
        case("OpenAI's key", Request::for_model("gpt-5"), openai()),
        case("Azure's key", Request::for_model("azure-gpt"), passes("azure").with("api-key", AZURE)),
        case(
            "Anthropic's key, without the newline of the secret",
            Request::for_model("claude-sonnet-4-5"),
            passes("anthropic").with("x-api-key", ANTHROPIC),
        ),
        case("a provider that wants no key", Request::for_model("llama-3"), passes("local")),
        case(
            "the provider's key takes the place of the client's in the same header",
            Request::for_model("azure-gpt").without("authorization").with("api-key", BATCH),
            passes("azure").with("api-key", AZURE),
        ),
    ];
    for (name, secret) in UNUSABLE {
        let expected = refused(503, "credential_unavailable").saying("Try again later");
        cases.push(case(format!("the secret {secret:?}"), Request::for_model(&format!("model-{name}")), expected));
    }
    cases
}

fn stripped() -> Vec<Case> {
    let hello = || Request::for_model("llama-3").key(CHECKOUT);
    let mut cases = vec![
        case(
            "what chooses whose account pays",
            hello().with("openai-organization", "org-1").with("openai-project", "proj-1"),
            passes("local").without("openai-organization").without("openai-project"),
        ),
        case(
            "what is Tollgate's own",
            hello().with("x-tollgate-anything", "1").and("x-tollgate-anything", "2").with("x-tollgate-", "3"),
            passes("local").without("x-tollgate-anything").without("x-tollgate-"),
        ),
        case(
            "a route that the client asks for",
            hello().with("x-tollgate-provider", "openai").and("x-tollgate-provider", "azure"),
            passes("local"),
        ),
        case(
            "a key in a header that the policy does not look into",
            hello().with("x-goog-api-key", "client-canary-google"),
            passes("local").without("x-goog-api-key"),
        ),
        case(
            "a password for a proxy",
            hello().with("proxy-authorization", "Basic client-canary"),
            passes("local").without("proxy-authorization"),
        ),
        case(
            "everything else stays, also what is no text or there twice",
            hello().with("x-trace", b"caf\xE9".to_vec()).and("x-trace", "2").with("openai-beta", "assistants=v2"),
            passes("local"),
        ),
    ];
    for header in &mut cases {
        header.name.insert_str(0, "headers: ");
    }
    cases
}

/// Only the model's name changes; white space, the order of members and the way that numbers and strings are written
/// are the client's.
fn rewritten() -> Vec<Case> {
    let llama = r#""meta-llama/Llama-3.1-8B-Instruct""#;
    let swap = |before: &str, written: &str, name: &str| before.replacen(written, name, 1);
    let spaced = "\t{ \"messages\" : [ {\"content\":\"caf\\u00e9 \\ud83d\\ude00 \u{1F600} \\/ \\\"model\\\":\\\"fast\\\"\", \
                  \"role\":\"user\"} ],\r\n \"n\":1.0 , \"model\" :\n\"fast\" ,\"seed\":12345678901234567 ,\"x\":1E2}\n ";
    let escaped = r#"{"mod\u0065l":"f\u0061st","messages":[{"role":"user","content":"fast"}]}"#;
    let plain = r#"{"model":"odd","messages":[{"role":"user","content":"Hello"}]}"#;
    let nested =
        r#"{"messages":[{"role":"user","content":"","model":"fast"}],"x_extra":{"model":"odd"},"model":"fast"}"#;
    let (nested_before, _) = nested.rsplit_once(r#""fast""#).unwrap_or_default();
    vec![
        case(
            "a model is renamed where it stands",
            Request::chat(spaced),
            passes("local").with_body(swap(spaced, "\"fast\"", llama)),
        ),
        case(
            "a model is renamed however it is written",
            Request::chat(escaped),
            passes("local").with_body(swap(escaped, r#""f\u0061st""#, llama)),
        ),
        case(
            "a new name is written as JSON writes it",
            Request::chat(plain),
            passes("local").with_body(swap(plain, r#""odd""#, r#""a \"model\"\\of ours""#)),
        ),
        case(
            "only the document's own model counts",
            Request::chat(nested),
            passes("local").with_body(format!("{nested_before}{llama}}}")),
        ),
        case(
            "a body of unknown length gets one",
            Request::chat(plain).without("content-length"),
            passes("local").with_body(swap(plain, r#""odd""#, r#""a \"model\"\\of ours""#)),
        ),
        case(
            "a body of unknown length that stays as it is",
            Request::for_model("llama-3").without("content-length"),
            passes("local"),
        ),
    ]
}
