//! Host calls that fail. The filter never traps, and nothing is sent on but what was decided, and as it was decided.

use super::{code, host};
use crate::cases::world::{self, BATCH, CHECKOUT};
use crate::cases::{Request, Sent};
use crate::emulator::{Host, Message};
use crate::subjects::Emulated;

const INTERNAL_FAILURE: u32 = 10;
const BAD_ARGUMENT: u32 = 2;
const NOT_FOUND: u32 = 1;

/// A request for which the filter makes every call that it knows.
fn every_call() -> Request {
    Request::for_model("fast").key(CHECKOUT)
}

/// Puts a request through a filter whose calls to `call` fail: what was sent on, what was answered, and the log.
fn with_failing(call: &'static str, status: u32, sent: &Sent) -> (Option<Message>, Option<Message>, Vec<String>) {
    let mut filter = Emulated::new();
    filter.host.fail(call, status);
    let id = filter.send(sent);
    let stream = filter.worker.end(id);
    (stream.upstream, stream.answer, filter.host.log())
}

#[test]
fn a_request_that_cannot_be_handled_as_decided_is_refused() {
    for (call, status, expected) in [
        ("proxy_get_header_map_pairs", INTERNAL_FAILURE, "gateway_misconfigured"),
        ("proxy_get_buffer_bytes", INTERNAL_FAILURE, "gateway_misconfigured"),
        ("proxy_set_buffer_bytes", BAD_ARGUMENT, "gateway_misconfigured"),
        ("proxy_remove_header_map_value", BAD_ARGUMENT, "gateway_misconfigured"),
        ("proxy_replace_header_map_value", BAD_ARGUMENT, "gateway_misconfigured"),
        ("proxy_get_shared_data", INTERNAL_FAILURE, "counters_unavailable"),
        ("proxy_set_shared_data", INTERNAL_FAILURE, "counters_unavailable"),
    ] {
        let (upstream, answer, _) = with_failing(call, status, &every_call().whole());
        assert_eq!(upstream, None, "{call}");
        assert_eq!(answer.map(|answer| code(&answer.body)).as_deref(), Some(expected), "{call}");
    }
    let (upstream, answer, _) =
        with_failing("proxy_get_property", INTERNAL_FAILURE, &Request::for_model("gpt-4o").whole());
    assert_eq!(upstream, None);
    assert_eq!(answer.map(|answer| code(&answer.body)).as_deref(), Some("credential_unavailable"));
}

#[test]
#[should_panic(expected = "proxy_on_configure trapped")]
fn a_trap_is_a_failed_test_that_names_the_call() {
    let host = host();
    // The SDK takes no other answer than Ok to this call, and Envoy gives none.
    host.fail("proxy_set_tick_period_milliseconds", INTERNAL_FAILURE);
    Emulated::on(&host);
}

#[test]
fn a_log_without_a_field_is_no_reason_to_refuse() {
    let (upstream, answer, _) = with_failing("proxy_set_property", INTERNAL_FAILURE, &every_call().whole());
    assert!(upstream.is_some(), "{answer:#?}");
}

#[test]
fn where_the_route_cannot_be_chosen_anew_no_key_is_sent() {
    let (upstream, answer, log) = with_failing("proxy_call_foreign_function", NOT_FOUND, &every_call().whole());
    assert_eq!(upstream, None);
    assert_eq!(answer.map(|answer| code(&answer.body)).as_deref(), Some("gateway_misconfigured"));
    assert!(log.iter().any(|line| line.starts_with("error: ") && line.contains("clear_route_cache")), "{log:#?}");
}

#[test]
fn a_counter_that_another_keeps_changing_is_given_up() {
    let cas_mismatch = 8;
    let (upstream, answer, _) = with_failing("proxy_set_shared_data", cas_mismatch, &every_call().whole());
    assert_eq!(upstream, None);
    assert_eq!(answer.map(|answer| code(&answer.body)).as_deref(), Some("counters_unavailable"));
}

#[test]
fn a_refusal_that_cannot_be_told_is_a_refusal() {
    for request in [every_call().key("client-canary-unknown"), Request::chat("{").key(BATCH)] {
        let (upstream, answer, _) = with_failing("proxy_send_local_response", INTERNAL_FAILURE, &request.whole());
        assert_eq!((upstream, answer), (None, None));
    }
}

#[test]
fn the_access_log_learns_of_every_refusal() {
    let mut filter = Emulated::new();
    filter.host.fail("proxy_replace_header_map_value", BAD_ARGUMENT);
    let refused = filter.send(&every_call().whole());
    let mut stuck = Emulated::on(&Host::new(false, world::now()));
    let hanging = stuck.send(&every_call().whole());
    stuck.worker.tick();
    for stream in [filter.worker.end(refused), stuck.worker.end(hanging)] {
        let decision = stream.filter_state.get("wasm.tollgate.decision").map(|word| String::from_utf8_lossy(word));
        assert_eq!(decision.as_deref(), Some("gateway_misconfigured"), "{:#?}", stream.answer);
    }
}
