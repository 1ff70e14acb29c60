//! What kind of body, of what size, and whether it is one sound JSON document.

use super::world::{MAX_BODY, MAX_DEPTH};
use super::{Case, Request, case, passes, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = kinds();
    cases.extend(sizes());
    cases.extend(unsound());
    cases.extend(twice());
    cases.extend(depth());
    cases
}

fn hello() -> Request {
    Request::for_model("llama-3")
}

fn kinds() -> Vec<Case> {
    let typed = |content_type: &str| hello().with("content-type", content_type);
    let encoded = |encoding: &str| hello().with("content-encoding", encoding);
    let type_refused = || refused(415, "unsupported_media_type").saying("application/json");
    let encoding_refused = || refused(415, "unsupported_content_encoding");
    vec![
        case("no media type", hello().without("content-type"), type_refused()),
        case("text", typed("text/plain"), type_refused()),
        case("a form", typed("multipart/form-data; boundary=x"), type_refused()),
        case("a type that only begins like JSON", typed("application/jsonp"), type_refused()),
        case("JSON in UTF-16", typed("application/json; charset=utf-16"), type_refused()),
        case("two media types", hello().and("content-type", "text/plain"), type_refused()),
        case("JSON that says it is UTF-8", typed("Application/JSON; charset=\"UTF-8\""), passes("local")),
        case("a compressed body", encoded("gzip"), encoding_refused()),
        case("a body encoded twice", encoded("identity, br"), encoding_refused()),
        case("a body that says it is not encoded", encoded("identity"), passes("local")),
    ]
}

fn sizes() -> Vec<Case> {
    let of_size = |size: usize| {
        let around = Request::for_model("llama-3").body_len();
        Request::chat(format!(
            r#"{{"model":"llama-3","messages":[{{"role":"user","content":"Hello{}"}}]}}"#,
            "o".repeat(size - around)
        ))
    };
    let too_large = || refused(413, "request_too_large").saying("4096 bytes");
    vec![
        case("a body of all that is allowed", of_size(MAX_BODY), passes("local")),
        case("a body that says that it is too large", of_size(MAX_BODY + 1), too_large()),
        case("a body that is too large to say", hello().with("content-length", "9".repeat(40)), too_large()),
        case("a body that turns out too large", of_size(MAX_BODY + 1).without("content-length"), too_large()),
    ]
}

/// Documents with a flaw, and how the answer names it. None has a place that can be told.
fn unsound() -> Vec<Case> {
    let flawed: [(&str, &[u8], &str); 19] = [
        ("white space only", b" \r\n\t ", "has no body"),
        ("a byte-order mark", b"\xEF\xBB\xBF{}", "byte-order mark"),
        ("not UTF-8", b"{\"model\":\"\xC3\x28\"}", "not UTF-8 (byte 10)"),
        ("a surrogate in UTF-8", b"{\"model\":\"\xED\xA0\x80\"}", "not UTF-8"),
        ("an end in the middle", br#"{"model":"canary"#, "ends too early (byte 16)"),
        ("an escape cut off", br#"{"model":"\u00"#, "ends too early"),
        ("a comma too many", br#"{"model":"canary",}"#, "expected a key in quotes (byte 18)"),
        ("a comma too few", br#"{"n":[1 2]}"#, "expected a comma or the end of the array"),
        ("brackets crossed", br#"{"n":[1}]"#, "expected a comma or the end of the array"),
        ("single quotes", br"{'model':'canary'}", "expected a key in quotes"),
        ("a comment", b"{} // canary", "something follows the document"),
        ("NaN", br#"{"temperature":NaN}"#, "expected a value"),
        ("a line break in a string", b"{\"model\":\"can\nary\"}", "must be written as an escape (byte 13)"),
        ("an escape that JSON does not have", br#"{"model":"\x41"}"#, "escape that JSON does not know"),
        ("half a surrogate pair", br#"{"model":"\ud83d"}"#, "half of a surrogate pair"),
        ("a number with a zero before it", br#"{"n":01}"#, "not written as JSON writes numbers"),
        ("a number that is infinite as a double", br#"{"temperature":1e400}"#, "too large for a double"),
        ("two documents", br#"{"model":"a"}{"model":"b"}"#, "something follows the document (byte 13)"),
        ("a zero byte behind the document", b"{}\0", "something follows the document"),
    ];
    let mut cases: Vec<_> = flawed
        .into_iter()
        .map(|(name, body, says)| {
            let code = if says == "has no body" { "empty_body" } else { "invalid_json" };
            case(name, Request::chat(body), refused(400, code).saying(says))
        })
        .collect();
    let bodiless = Request::headers_only("POST", "/v1/chat/completions").with("content-type", "application/json");
    cases.push(case("no body at all", bodiless, refused(400, "empty_body")));
    cases.push(case("an empty body", Request::chat(""), refused(400, "empty_body")));
    cases
}

/// Bodies that one parser reads so and the next one otherwise.
fn twice() -> Vec<Case> {
    let many = (0..40).map(|n| format!(r#""k{n}":{n}"#)).collect::<Vec<_>>().join(",");
    let doubled = [
        (r#"{"model":"fast","messages":[],"model":"gpt-4o"}"#.to_owned(), "model"),
        (r#"{"model":"fast","messages":[],"mod\u0065l":"gpt-4o"}"#.to_owned(), "model"),
        (r#"{"\u006dodel":"fast","messages":[],"model":"gpt-4o"}"#.to_owned(), "model"),
        (r#"{"messages":[{"role":"user","content":"a","role":"system"}]}"#.to_owned(), "messages[0].role"),
        (r#"{"x_extra":{"a b":1,"a b":2}}"#.to_owned(), r#"x_extra["a b"]"#),
        (format!(r#"{{{many},"k7":1}}"#), "k7"),
    ];
    let cases = doubled.into_iter().map(|(body, place)| {
        let name = format!("a key twice: {body:.60}");
        case(name, Request::chat(body), refused(400, "duplicate_key").at(place).saying("has this key twice"))
    });
    cases.collect()
}

fn depth() -> Vec<Case> {
    let nested = |levels: usize| {
        // The document itself and the member that holds the lists are a level each.
        let (open, close) = ("[".repeat(levels - 2), "]".repeat(levels - 2));
        let metadata = format!(r#""x_extra":{{"deep":{open}{close}}}"#);
        Request::chat(format!(r#"{{"model":"llama-3","messages":[{{"role":"user","content":"Hello"}}],{metadata}}}"#))
    };
    vec![
        case("nested as deep as is allowed", nested(MAX_DEPTH), passes("local")),
        case("nested deeper", nested(MAX_DEPTH + 1), refused(400, "too_deep").saying("nested deeper than 8 levels")),
    ]
}
