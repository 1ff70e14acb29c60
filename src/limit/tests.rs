use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::quota::{State, take};
use super::*;

const SECOND: u64 = 1_000_000_000;

/// Shared state in which another worker gets in between as often as the test says.
#[derive(Default)]
struct Shared {
    values: HashMap<String, (Vec<u8>, u32)>,
    interruptions: usize,
}

impl SharedState for Shared {
    fn load(&mut self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Unavailable> {
        Ok(self.values.get(key).map(|(value, version)| (value.clone(), Version(*version))))
    }

    fn create(&mut self, key: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.values.insert(key.to_owned(), (value.to_vec(), 1));
        Ok(())
    }

    fn replace(&mut self, key: &str, value: &[u8], version: Version) -> Result<bool, Unavailable> {
        let (held, current) = self.values.get_mut(key).unwrap();
        if self.interruptions > 0 {
            self.interruptions -= 1;
            *current += 1;
        }
        if *current != version.0 {
            return Ok(false);
        }
        *held = value.to_vec();
        *current += 1;
        Ok(true)
    }
}

fn at(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

fn quota(max: u64, per: u64, burst: u64) -> Quota {
    Quota { max, per, burst }
}

#[test]
fn exactly_max_pass_in_a_window() {
    let mut shared = Shared::default();
    let limits = Limits::new("a", vec![quota(100, 60 * SECOND, 100)]);
    limits.create(&mut shared).unwrap();
    let passed =
        (0..1000).filter(|n| limits.take_request(&mut shared, at(1_000 * SECOND + n * 50_000_000)).0.is_ok()).count();
    assert_eq!(passed, 100, "1,000 requests over 50 s of a minute");
}

#[test]
fn what_was_spent_at_the_end_of_a_window_is_not_there_again() {
    let quotas = [quota(100, 60 * SECOND, 100)];
    let mut states = take(&quotas, &[], 1_000 * SECOND).unwrap().states;
    let mut passed_around_the_edge = 0;
    for nanos in (1_059 * SECOND..1_061 * SECOND).step_by(1_000_000) {
        if let Ok(taken) = take(&quotas, &states, nanos) {
            states = taken.states;
            passed_around_the_edge += 1;
        }
    }
    // 99 that the first window had left, and the three that two seconds regain.
    assert!((99..=103).contains(&passed_around_the_edge), "{passed_around_the_edge}");
}

#[test]
fn burst_sets_the_pace() {
    let quotas = [quota(60, 60 * SECOND, 2)];
    let now = 5 * SECOND;
    let first = take(&quotas, &[], now).unwrap();
    assert_eq!(first.standing, Standing { limit: 60, remaining: 1, reset: Duration::from_mins(1) });
    let second = take(&quotas, &first.states, now).unwrap();
    let refused = take(&quotas, &second.states, now + SECOND / 4).unwrap_err();
    assert_eq!(refused.wait, Duration::from_millis(750));
    assert_eq!(refused.standing.remaining, 0);
    assert!(take(&quotas, &second.states, now + SECOND).is_ok());
}

#[test]
fn refused_by_one_quota_takes_nothing_from_another() {
    let mut shared = Shared::default();
    let limits = Limits::new("a", vec![quota(1, SECOND, 1), quota(10, 3600 * SECOND, 10)]);
    limits.create(&mut shared).unwrap();
    assert!(limits.take_request(&mut shared, at(SECOND)).0.is_ok());
    for _ in 0..100 {
        assert!(limits.take_request(&mut shared, at(SECOND)).0.is_err());
    }
    let passed = (2..100).filter(|n| limits.take_request(&mut shared, at(n * SECOND)).0.is_ok()).count();
    assert_eq!(passed, 9);
}

#[test]
fn another_worker_in_between_changes_nothing_but_the_number_of_tries() {
    let limits = Limits::new("a", vec![quota(5, 60 * SECOND, 5)]);
    let mut shared = Shared { interruptions: 20, ..Shared::default() };
    limits.create(&mut shared).unwrap();
    let (taken, standing) = limits.take_request(&mut shared, at(0));
    assert_eq!((taken, standing.unwrap().remaining), (Ok(()), 4));

    shared.interruptions = usize::MAX;
    let (taken, standing) = limits.take_request(&mut shared, at(0));
    assert_eq!((taken.unwrap_err().reason, standing), (Reason::CountersUnavailable, None));
}

#[test]
fn counters_survive_a_change_of_policy() {
    let mut shared = Shared::default();
    let before = Limits::new("a", vec![quota(3, 60 * SECOND, 3)]);
    before.create(&mut shared).unwrap();
    assert!(before.take_request(&mut shared, at(0)).0.is_ok());
    let after = Limits::new("a", vec![quota(9, SECOND, 9), quota(2, 60 * SECOND, 2)]);
    after.create(&mut shared).unwrap();
    assert!(after.take_request(&mut shared, at(1)).0.is_ok());
    assert!(after.take_request(&mut shared, at(2)).0.is_err(), "the first of the two came under the old policy");
}

#[test]
fn policies_that_follow_each_other_do_not_forget_what_was_spent() {
    let mut shared = Shared::default();
    let policies = [quota(3, 3600 * SECOND, 3), quota(3, 7200 * SECOND, 3)].map(|quota| Limits::new("a", vec![quota]));
    policies[0].create(&mut shared).unwrap();
    // The listener of the old policy drains while the new one serves.
    let passed = (0..120).filter(|n| policies[n % 2].take_request(&mut shared, at(*n as u64)).0.is_ok()).count();
    assert_eq!(passed, 6, "three under each");
}

#[test]
fn states_of_old_policies_are_dropped_in_time() {
    let mut shared = Shared::default();
    for per in 1..=100 {
        let limits = Limits::new("a", vec![quota(3, per * SECOND, 3)]);
        limits.create(&mut shared).unwrap();
        limits.take_request(&mut shared, at(0)).0.unwrap();
    }
    assert!(shared.values["tollgate/requests/a"].0.len() <= 17 * 32, "and they are bounded");
    Limits::new("a", vec![quota(3, SECOND, 3)]).take_request(&mut shared, at(1_000 * SECOND)).0.unwrap();
    assert_eq!(shared.values["tollgate/requests/a"].0.len(), 32);
}

#[test]
fn a_clock_set_back_locks_nobody_out() {
    let quotas = [quota(10, 60 * SECOND, 10)];
    let future = State { per: 60 * SECOND, full_at: 9_000 * SECOND, opened: 9_000 * SECOND, used: 1 };
    let wait = take(&quotas, &[future], 100 * SECOND).map_or_else(|refused| refused.wait, |_| Duration::ZERO);
    assert!(wait <= Duration::from_secs(6), "{wait:?}");
}

#[test]
fn durations_read_as_openai_writes_them() {
    for (millis, expected) in [
        (0, "0s"),
        (17, "17ms"),
        (1182, "1.182s"),
        (8640, "8.64s"),
        (59_999, "59.999s"),
        (360_000, "6m0s"),
        (3_600_000, "1h0m0s"),
        (86_400_000, "24h0m0s"),
    ] {
        assert_eq!(go_duration(Duration::from_millis(millis)), expected);
    }
    assert_eq!(go_duration(Duration::from_nanos(1)), "1ms", "rounded up");
}

proptest! {
    #[test]
    fn no_window_ever_gives_more_than_max(
        max in 1_u64..20,
        burst in 1_u64..20,
        gaps in prop::collection::vec(0_u64..3 * SECOND, 1..300),
    ) {
        let quotas = [quota(max, 10 * SECOND, burst.min(max))];
        let (mut states, mut now, mut passed) = (Vec::new(), SECOND, Vec::new());
        for gap in gaps {
            now += gap;
            match take(&quotas, &states, now) {
                Ok(taken) => {
                    states = taken.states;
                    passed.push(now);
                }
                Err(refused) => {
                    let later = now + u64::try_from(refused.wait.as_nanos()).unwrap();
                    prop_assert!(take(&quotas, &states, later).is_ok(), "the wait that is told is long enough");
                    prop_assert!(take(&quotas, &states, later - 1).is_err(), "and not longer than need be");
                }
            }
        }
        // Windows open with the first request after the last one closed.
        let mut rest = passed.as_slice();
        while let Some(opened) = rest.first() {
            let inside = rest.iter().take_while(|time| **time < opened + 10 * SECOND).count();
            prop_assert!(inside as u64 <= max, "{inside} in a window");
            rest = &rest[inside..];
        }
        // And any stretch of time gives no more than a burst and what it regains.
        for (index, from) in passed.iter().enumerate() {
            for (more, to) in passed[index..].iter().enumerate() {
                let regained = (to - from) / (10 * SECOND).div_ceil(max);
                prop_assert!((more as u64) < burst.min(max) + regained, "{} in {} ns", more + 1, to - from);
            }
        }
    }
}
