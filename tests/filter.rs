//! The decisions and the compiled filter, held to the same cases; and what only the compiled filter can get wrong.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests and their helpers say what they expect by panicking"
)]

mod cases;
mod emulator;
mod hosting;
mod subjects;

use std::sync::OnceLock;

use cases::{Outcome, Request, world};
use proptest::prelude::*;
use subjects::{Emulated, Native, Subject, run};

#[test]
fn the_decisions_are_as_expected() {
    let failures: Vec<_> = cases::all().iter().filter_map(|case| run(&mut Native::new(), case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_compiled_filter_decides_as_expected() {
    let failures: Vec<_> = emulated().iter().filter_map(|(result, _)| result.as_ref().err().cloned()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_compiled_filter_does_nothing_else_than_the_decisions() {
    for (case, (result, _)) in cases::all().iter().zip(emulated()) {
        let native = run(&mut Native::new(), case);
        assert_eq!(result, &native, "{}", case.name);
    }
}

#[test]
fn no_key_is_ever_logged() {
    let logged: Vec<_> = emulated().iter().flat_map(|(_, log)| log).collect();
    assert!(!logged.iter().any(|line| line.contains(world::CANARY)), "{logged:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However a body is cut, with trailers behind it or not, it is judged as the whole that it is.
    #[test]
    fn cuts_change_no_verdict(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        trailers in any::<bool>(),
    ) {
        let requests = bodies_to_cut();
        let request = which.get(&requests);
        let places: Vec<_> = cuts.iter().map(|cut| cut.index(request.body_len() + 1)).collect();
        let mut native = Native::new();
        let whole = native.exchange(&request.whole());
        prop_assert_eq!(native.exchange(&request.cut(&places, trailers)), whole);
    }
}

/// The same of the compiled filter, which is too slow for many random cuts.
#[test]
fn cuts_change_no_verdict_of_the_compiled_filter() {
    let mut subject = Emulated::new();
    for request in bodies_to_cut() {
        let length = request.body_len();
        let whole = subject.exchange(&request.whole());
        let step = 1 + length / 100;
        let everywhere: Vec<_> = (0..=length).step_by(step).collect();
        for places in [vec![], vec![0], vec![length], vec![1, length / 2, length / 2], vec![length - 1], everywhere] {
            for trailers in [false, true] {
                let sent = request.cut(&places, trailers);
                assert_eq!(subject.exchange(&sent), whole, "cut at {places:?}: {sent:?}");
            }
        }
    }
}

/// Requests that pass and that are refused, at the beginning of the body and at its end. None says how long it is, so
/// that nothing is decided before it has come; none has a limit, so that each decision is like the one before.
fn bodies_to_cut() -> Vec<Request> {
    let multibyte = r#"{"model":"fast","messages":[{"role":"user","content":"é \u00e9 \ud83d\ude00 😀"}],"n":1.0}"#;
    let mut requests = vec![
        Request::chat(multibyte),
        Request::for_model("gpt-4o"),
        Request::for_model("nobody's"),
        Request::chat(r#"{"model":"fast","messages":[],"mod\u0065l":"gpt-4o"}"#),
        Request::chat(multibyte.replace("user", "nobody")),
        Request::chat(&b"{\"model\":\"\xF0\x9F\x98\"}"[..]),
        Request::chat(r#"{"model":"fast","messages":[{"role":"user""#),
        Request::chat(" ".repeat(world::MAX_BODY)),
        Request::chat(" ".repeat(world::MAX_BODY + 1)),
    ];
    for request in &mut requests {
        *request = request.clone().without("content-length").key(world::BATCH);
    }
    requests
}

/// What became of a case, and the log.
type Run = (Result<Outcome, String>, Vec<String>);

/// What the compiled filter makes of every case, and what it logs. Done once for all tests: it takes a while.
fn emulated() -> &'static [Run] {
    static OUTCOMES: OnceLock<Vec<Run>> = OnceLock::new();
    OUTCOMES.get_or_init(|| {
        let outcome = |case| {
            let mut subject = Emulated::new();
            (run(&mut subject, case), subject.host.log())
        };
        cases::all().iter().map(outcome).collect()
    })
}
