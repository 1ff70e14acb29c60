//! Limits, kept by several workers together.

use std::time::Duration;

use serde_json::json;

use super::{hello, host, passes};
use crate::cases::world::{self, TIGHT};
use crate::subjects::Emulated;

#[test]
fn workers_that_take_at_once_take_one_after_the_other() {
    // The second worker takes a request when the first has read the counters and not written them yet.
    for (meanwhile, expected) in [(1, true), (2, false)] {
        let host = host();
        let (mut first, mut second) = (Emulated::on(&host), Emulated::on(&host));
        host.before_next_write(move || {
            for _ in 0..meanwhile {
                assert!(passes(&mut second, &hello(TIGHT)));
            }
        });
        assert_eq!(passes(&mut first, &hello(TIGHT)), expected, "two a minute, {meanwhile} taken meanwhile");
        assert!(!passes(&mut first, &hello(TIGHT)));
    }
}

#[test]
fn workers_on_threads_pass_exactly_what_the_limit_allows() {
    let host = host();
    let mut policy = world::policy();
    policy["limits"]["tight"]["requests"] = json!({"max": 25, "per": "1h"});
    let start = || {
        let mut filter = Emulated::on(&host);
        assert!(filter.worker.configure(policy.to_string().as_bytes()));
        filter
    };
    let filters = [start(), start()];
    let threads = filters
        .map(|mut filter| std::thread::spawn(move || (0..20).filter(|_| passes(&mut filter, &hello(TIGHT))).count()));
    let passed = threads.map(|thread| thread.join().expect("no trap"));
    assert_eq!(passed.iter().sum::<usize>(), 25, "{passed:?}");
}

#[test]
fn a_window_ends_for_all_workers() {
    let host = host();
    let (mut first, mut second) = (Emulated::on(&host), Emulated::on(&host));
    assert!(passes(&mut first, &hello(TIGHT)) && passes(&mut second, &hello(TIGHT)));
    host.set_clock(world::now() + Duration::from_millis(59_999));
    assert!(!passes(&mut first, &hello(TIGHT)));
    host.set_clock(world::now() + Duration::from_mins(1));
    assert!(passes(&mut second, &hello(TIGHT)));
}

#[test]
fn counters_outlive_the_policy_and_the_vm() {
    let host = host();
    let mut filter = Emulated::on(&host);
    assert!(passes(&mut filter, &hello(TIGHT)));

    let mut policy = world::policy();
    policy["responses"]["security_headers"] = json!("none");
    assert!(filter.worker.configure(policy.to_string().as_bytes()));
    assert!(passes(&mut filter, &hello(TIGHT)), "the second of two");
    assert!(!passes(&mut filter, &hello(TIGHT)));

    drop(filter);
    let mut fresh = Emulated::on(&host);
    assert!(!passes(&mut fresh, &hello(TIGHT)));
}
