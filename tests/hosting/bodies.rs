//! Bodies that come late, in turns, with trailers, or not at all.

use super::{code, hello, host, passes};
use crate::cases::world::{self, BATCH};
use crate::cases::{Request, Sent};
use crate::emulator::Host;
use crate::subjects::{Emulated, Subject};

/// The request's headers, and then nothing yet.
fn open(filter: &mut Emulated, sent: &Sent) -> u32 {
    let secrets = std::collections::BTreeMap::new();
    filter.worker.request_headers(sent.headers.clone(), false, secrets)
}

#[test]
fn trailers_are_the_end_of_a_body() {
    let mut filter = Emulated::new();
    let request = Request::for_model("fast").key(BATCH);
    let without = filter.exchange(&request.whole());
    assert!(without.upstream.is_some());
    assert_eq!(filter.exchange(&request.cut(&[], true)), without);
    let bodiless = Request::headers_only("POST", "/v1/chat/completions").with("content-type", "application/json");
    let answer = filter.exchange(&bodiless.cut(&[], true)).answer;
    assert_eq!(code(&answer.body), "empty_body");
}

#[test]
fn bodies_that_arrive_in_turns_are_kept_apart() {
    let mut filter = Emulated::new();
    let (one, other) =
        (Request::for_model("llama-3").key(BATCH).whole(), Request::for_model("fast").key(BATCH).whole());
    let (first, second) = (open(&mut filter, &one), open(&mut filter, &other));
    for (index, (left, right)) in one.body().iter().zip(other.body()).enumerate() {
        filter.worker.request_body(first, &[*left], index + 1 == one.body().len());
        filter.worker.request_body(second, &[right], index + 1 == other.body().len());
    }
    let rest = one.body().split_off(other.body().len());
    filter.worker.request_body(first, &rest, true);
    let upstream = filter.worker.end(first).upstream.expect("it passes");
    assert_eq!(upstream.body, one.body());
    let upstream = filter.worker.end(second).upstream.expect("it passes");
    assert!(upstream.body.starts_with(br#"{"model":"meta-llama/Llama-3.1-8B-Instruct","#));
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let mut filter = Emulated::new();
    let request = hello(BATCH);
    let gone = open(&mut filter, &request.whole());
    filter.worker.request_body(gone, b"{\"model\":", false);
    assert!(filter.worker.end(gone).upstream.is_none());
    let gone = open(&mut filter, &request.whole());
    assert!(filter.worker.end(gone).upstream.is_none());
    filter.worker.tick();
    assert!(passes(&mut filter, &request));
    assert!(filter.host.log().is_empty(), "{:#?}", filter.host.log());
}

#[test]
fn requests_leave_no_memory_taken() {
    let mut filter = Emulated::new();
    let text = "Hello ".repeat(500);
    let long = format!(r#"{{"model":"fast","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let requests = [Request::chat(long).key(BATCH).whole(), Request::chat("{").key(BATCH).whole()];
    let mut memory_after = |rounds: usize| {
        for sent in std::iter::repeat_n(&requests, rounds).flatten() {
            filter.exchange(sent);
        }
        filter.worker.memory_bytes()
    };
    let early = memory_after(20);
    assert_eq!(memory_after(200), early);
}

#[test]
fn a_slow_body_is_waited_for() {
    for shows_bodies in [true, false] {
        let mut filter = Emulated::on(&Host::new(shows_bodies, world::now()));
        let sent = hello(BATCH).whole();
        let slow = open(&mut filter, &sent);
        filter.worker.tick();
        filter.worker.tick();
        assert!(filter.worker.stream(slow).answer.is_none(), "no byte has come: nothing is wrong yet");
        if shows_bodies {
            let body = sent.body();
            let (first, rest) = body.split_at(10);
            filter.worker.request_body(slow, first, false);
            filter.worker.tick();
            filter.worker.request_body(slow, rest, true);
            assert!(filter.worker.end(slow).upstream_is_whole);
        }
        assert!(filter.host.log().is_empty(), "{:#?}", filter.host.log());
    }
}

#[test]
fn a_host_that_holds_bodies_back_is_found_out() {
    let mut filter = Emulated::on(&Host::new(false, world::now()));
    let sent = hello(BATCH).whole();
    let (first, second, slow) = (filter.send(&sent), filter.send(&sent), open(&mut filter, &sent));
    assert!(filter.worker.stream(first).answer.is_none(), "it hangs");
    filter.worker.tick();

    for hanging in [first, second] {
        let stream = filter.worker.end(hanging);
        assert!(stream.upstream.is_none());
        let answer = stream.answer.expect("it hangs no more");
        assert_eq!(answer.headers.all(":status"), [b"500"]);
        assert_eq!(answer.headers.all("x-content-type-options"), [b"nosniff"]);
        assert_eq!(code(&answer.body), "gateway_misconfigured");
        assert_eq!(stream.details.as_deref(), Some("tollgate.gateway_misconfigured"));
    }
    let log = filter.host.log();
    let told = log.iter().filter(|line| line.contains("set `allow_on_headers_stop_iteration: true`")).count();
    assert_eq!(told, 1, "{log:#?}");

    let refused = filter.exchange(&sent);
    assert_eq!((refused.upstream, code(&refused.answer.body).as_str()), (None, "gateway_misconfigured"));
    assert_eq!(refused.record.decision.as_deref(), Some("gateway_misconfigured"));
    let listing = filter.exchange(&Request::headers_only("GET", "/v1/models").key(BATCH).whole());
    assert_eq!(listing.answer.headers.all(":status"), [b"200"], "what needs no body works");

    filter.worker.request_body(slow, &sent.body(), true);
    filter.worker.tick();
    assert_eq!(
        filter.worker.end(slow).answer.map(|answer| code(&answer.body)).as_deref(),
        Some("gateway_misconfigured")
    );
}

#[test]
fn a_body_that_is_shown_proves_that_bodies_are() {
    let host = host();
    let mut filter = Emulated::on(&host);
    assert!(passes(&mut filter, &hello(BATCH)));
    let sent = hello(BATCH).whole();
    let held = open(&mut filter, &sent);
    filter.worker.request_body_elsewhere(held, 100);
    filter.worker.tick();
    assert!(filter.worker.stream(held).answer.is_none());
    assert!(host.log().is_empty(), "{:#?}", host.log());
}
