//! Policies that come and go while the filter runs.

use serde_json::json;

use super::{hello, host, passes};
use crate::cases::world::{self, BATCH, SEARCH};
use crate::subjects::Emulated;

#[test]
fn a_wrong_policy_is_refused_with_every_mistake_and_the_one_before_goes_on() {
    let host = host();
    let mut filter = Emulated::on(&host);
    let mut wrong = world::policy();
    wrong["clinets"] = json!({});
    wrong["clients"]["known"][0]["limits"] = json!("wdie");
    wrong["clients"]["known"][1]["keys"] = json!(["client-canary-in-the-clear"]);
    wrong["providers"]["openai"]["credential"] = json!("provider-canary-in-the-clear");
    wrong["models"][1]["provider"] = json!("azrue");
    wrong["requests"]["max_body"] = json!("4XB");
    assert!(!filter.worker.configure(wrong.to_string().as_bytes()));

    let log = host.log();
    for expected in [
        "clinets: unknown key; did you mean \"clients\"?",
        "clients.known[0].limits: `limits` has no set of the name \"wdie\"; did you mean \"wide\"?",
        "clients.known[1].keys[0]: must be the hash of a key",
        "providers.openai.credential: must be `none` or {secret: NAME}",
        "models[1].provider: `providers` has none of the name \"azrue\"; did you mean \"azure\"?",
        "requests.max_body: must be a number of bytes",
    ] {
        let line = format!("error: tollgate: policy: {expected}");
        assert_eq!(log.iter().filter(|logged| logged.starts_with(&line)).count(), 1, "{expected}: {log:#?}");
    }
    assert!(!log.iter().any(|line| line.contains(world::CANARY)), "{log:#?}");

    assert!(passes(&mut filter, &hello(BATCH)));
}

#[test]
fn what_is_no_policy_is_refused() {
    for (text, expected) in [
        (&b""[..], "The policy is empty"),
        (b"{", "it ends too early (byte 1)"),
        (b"[]", "must be an object (keys and values), not a list"),
        (b"\xFF", "it is not UTF-8"),
        (br#"{"clients":{"known":[],"known":[]}}"#, "clients.known: The JSON object has this key twice"),
    ] {
        let host = host();
        let mut filter = Emulated::on(&host);
        assert!(!filter.worker.configure(text));
        let log = host.log();
        assert!(log.iter().any(|line| line.contains(expected)), "{expected}: {log:#?}");
    }
}

#[test]
fn a_new_policy_is_for_new_requests() {
    let host = host();
    let mut filter = Emulated::on(&host);
    let request = hello(SEARCH).whole();
    let open = filter.worker.request_headers(request.headers.clone(), false, std::collections::BTreeMap::new());

    let mut policy = world::policy();
    policy["clients"]["known"][2]["models"] = json!("gpt-*");
    assert!(filter.worker.configure(policy.to_string().as_bytes()));
    assert!(!passes(&mut filter, &hello(SEARCH)), "the new policy holds");

    filter.worker.request_body(open, &request.body(), true);
    let open = filter.worker.end(open);
    assert!(open.upstream_is_whole, "a request is judged by the policy that it came under: {open:#?}");
    assert!(!passes(&mut filter, &hello(SEARCH)), "and the old policy's end is not the new one's");
}
