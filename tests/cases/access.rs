//! Paths, keys and limits: what is decided before the body is looked at.

use super::world::{self, BATCH, CHECKOUT, ENDING, FORMER, PACED, ROTATING, TIGHT};
use super::{Case, Request, case, passes, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = paths();
    cases.extend(keys());
    cases.extend(limits());
    cases
}

fn hello() -> Request {
    Request::for_model("llama-3")
}

fn paths() -> Vec<Case> {
    let mut cases = vec![
        case("a query is not the path's", hello().with(":path", "/v1/chat/completions?beta=true"), passes("local")),
        case(
            "another method learns the right one",
            Request::headers_only("GET", "/v1/chat/completions"),
            refused(405, "method_not_allowed").saying("POST").answer("allow", "POST"),
        ),
        case(
            "the listing is read only",
            hello().with(":path", "/v1/models"),
            refused(405, "method_not_allowed").saying("GET").answer("allow", "GET"),
        ),
        case(
            "a path says nothing about keys",
            Request::headers_only("GET", "/admin").without("authorization"),
            refused(404, "unknown_url"),
        ),
    ];
    for path in ["/", "/v1/files", "/v1/chat/completions/", "//v1/chat/completions", "/v1/chat%2Fcompletions"] {
        let request = hello().with(":path", path);
        cases.push(case(
            format!("nothing is at {path}"),
            request,
            refused(404, "unknown_url").saying("nothing at this path"),
        ));
    }
    cases
}

fn keys() -> Vec<Case> {
    let keyless = || hello().without("authorization");
    vec![
        case(
            "no key",
            keyless(),
            refused(401, "missing_api_key").saying("`authorization: Bearer KEY` or `x-api-key: KEY` or `api-key: KEY`"),
        ),
        case(
            "a password is no key",
            hello().with("authorization", "Basic Y2FuYXJ5OmNhbmFyeQ=="),
            refused(401, "missing_api_key"),
        ),
        case("an empty key is none", hello().with("authorization", "Bearer "), refused(401, "missing_api_key")),
        case(
            "a key in a header that the policy does not list",
            keyless().with("x-goog-api-key", CHECKOUT),
            refused(401, "missing_api_key"),
        ),
        case("a key that nobody has", hello().key("client-canary-unknown"), refused(401, "invalid_api_key")),
        case("a key in another case", hello().key(&CHECKOUT.to_uppercase()), refused(401, "invalid_api_key")),
        case("a key past its end", hello().key(FORMER), refused(401, "expired_api_key")),
        case("a key right at its end", hello().key(ENDING), refused(401, "expired_api_key")),
        case("two keys", hello().with("x-api-key", BATCH), refused(401, "conflicting_api_keys")),
        case(
            "two keys in one header",
            hello().and("authorization", format!("Bearer {BATCH}")),
            refused(401, "conflicting_api_keys"),
        ),
        case(
            "a key beside one that nobody has",
            hello().with("api-key", "canary"),
            refused(401, "conflicting_api_keys"),
        ),
        case("the same key twice", hello().with("api-key", CHECKOUT), passes("local").without("api-key")),
        case(
            "a key as Anthropic's SDKs send it",
            keyless().with("x-api-key", BATCH),
            passes("local").without("x-api-key"),
        ),
        case("a key as Azure's SDKs send it", keyless().with("api-key", BATCH), passes("local").without("api-key")),
        case("the scheme in any case", hello().with("authorization", format!("bearer {BATCH}")), passes("local")),
        case("the old key of a client", hello().key(ROTATING[0]), passes("local")),
        case("the new key of a client", hello().key(ROTATING[1]), passes("local")),
    ]
}

fn limits() -> Vec<Case> {
    vec![
        case(
            "a client learns where it stands",
            hello(),
            passes("local")
                .answer("x-ratelimit-limit-requests", "600")
                .answer("x-ratelimit-remaining-requests", "59")
                .answer("x-ratelimit-reset-requests", "1m0s"),
        ),
        case(
            "a client without limits stands nowhere",
            hello().key(BATCH),
            passes("local")
                .answer_lacks("x-ratelimit-limit-requests")
                .answer_lacks("x-ratelimit-remaining-requests")
                .answer_lacks("x-ratelimit-reset-requests"),
        ),
        case(
            "the last request of a window",
            hello().key(TIGHT),
            passes("local").answer("x-ratelimit-remaining-requests", "0").answer("x-ratelimit-reset-requests", "1m0s"),
        )
        .after(1),
        case(
            "one request more than the window has",
            hello().key(TIGHT),
            refused(429, "rate_limit_exceeded")
                .saying("Try again in 1m0s")
                .answer("retry-after", "60")
                .answer("retry-after-ms", "60000")
                .answer("x-ratelimit-limit-requests", "2")
                .answer("x-ratelimit-remaining-requests", "0")
                .answer("x-ratelimit-reset-requests", "1m0s"),
        )
        .after(2),
        case(
            "one request sooner than the pace allows",
            hello().key(PACED),
            refused(429, "rate_limit_exceeded")
                .saying("Try again in 100ms")
                .answer("retry-after", "1")
                .answer("retry-after-ms", "100"),
        )
        .after(1),
        case(
            "a refused request shows where the client stands too",
            Request::for_model("nobody's"),
            refused(404, "model_not_found").at("model").answer("x-ratelimit-remaining-requests", "59"),
        ),
        case(
            "a limit that cannot be kept lets nobody through",
            hello().key(world::TIGHT),
            refused(503, "counters_unavailable").answer_lacks("x-ratelimit-remaining-requests"),
        )
        .while_counters_fail(),
        case("who has no limit needs no counter", hello().key(BATCH), passes("local")).while_counters_fail(),
    ]
}
