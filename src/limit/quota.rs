//! Quotas: how many requests in how much time.
//!
//! A quota of `max` requests per `per` holds a request to two rules at once:
//!
//! - **Window.** At most `max` in the window of length `per` that opens with the first request after the last window
//!   closed. So nobody ever gets more than `max` out of a window.
//! - **Pace.** A token bucket of `burst` requests that refills evenly, `max` in each `per`, kept as GCRA keeps it (the
//!   time at which the bucket will be full again). So what was spent at the end of a window is not there again at the
//!   beginning of the next, and a `burst` smaller than `max` spreads the requests out.

use std::time::Duration;

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests in a window; at least 1.
    pub max: u64,
    /// The length of a window, in nanoseconds; at least 1.
    pub per: u64,
    /// Requests that may come at once; at least 1, at most `max`.
    pub burst: u64,
}

impl Quota {
    /// The time in which the bucket regains one request, in nanoseconds; rounded up, so that it never regains more
    /// than the quota says.
    fn interval(self) -> u64 {
        self.per.div_ceil(self.max.max(1))
    }

    /// The time in which an empty bucket is full again, in nanoseconds.
    fn capacity(self) -> u64 {
        self.interval().saturating_mul(self.burst)
    }
}

/// The state of one quota. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    /// The quota's window: tells which state belongs to which quota when the policy changes.
    pub(super) per: u64,
    /// When the bucket will be full again; GCRA's theoretical arrival time.
    pub(super) full_at: u64,
    /// When the window opened.
    pub(super) opened: u64,
    /// Requests that passed in the window.
    pub(super) used: u64,
}

/// Where a client stands after a decision, by the quota that leaves it the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a window.
    pub limit: u64,
    /// Requests that would pass right now.
    pub remaining: u64,
    /// Until `remaining` would be `limit` again (or the quota's burst, where that is less).
    pub reset: Duration,
}

/// A request that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) states: Vec<State>,
    pub(super) standing: Standing,
}

/// A request that was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) wait: Duration,
    pub(super) standing: Standing,
}

/// Takes one request from all `quotas`, or from none.
pub(super) fn take(quotas: &[Quota], states_before: &[State], now: u64) -> Result<Taken, Refused> {
    let current: Vec<_> = quotas.iter().map(|quota| (*quota, current(*quota, states_before, now))).collect();
    let wait = current.iter().map(|(quota, state)| wait(*quota, *state, now)).max().unwrap_or(0);
    if wait > 0 {
        return Err(Refused { wait: Duration::from_nanos(wait), standing: tightest(&current, now) });
    }
    let next: Vec<_> = current
        .into_iter()
        .map(|(quota, state)| {
            let full_at = state.full_at.max(now).saturating_add(quota.interval());
            (quota, State { full_at, used: state.used.saturating_add(1), ..state })
        })
        .collect();
    let standing = tightest(&next, now);
    let mut states: Vec<_> = next.into_iter().map(|(_, state)| state).collect();
    states.extend(states_of_others(quotas, states_before, now));
    Ok(Taken { states, standing })
}

/// States that are kept for quotas of another policy. While one policy follows another, both have requests; what was
/// spent under one must not be forgotten by the other.
const MAX_OTHERS: usize = 16;

fn states_of_others(quotas: &[Quota], states: &[State], now: u64) -> Vec<State> {
    let is_other = |state: &&State| !quotas.iter().any(|quota| quota.per == state.per);
    let counts_still = |state: &&State| state.full_at > now || state.opened.saturating_add(state.per) > now;
    states.iter().filter(is_other).filter(counts_still).take(MAX_OTHERS).copied().collect()
}

/// The state of `quota` with what time has done to it by `now`.
fn current(quota: Quota, states: &[State], now: u64) -> State {
    let fresh = State { per: quota.per, full_at: now, opened: now, used: 0 };
    let Some(state) = states.iter().find(|state| state.per == quota.per) else {
        return fresh;
    };
    // A bucket cannot be further from full than empty. It looks so after `max` or `burst` went down, and when the
    // clock was set back: what was spent stays spent, but nobody is locked out for longer than it takes to refill.
    let full_at = state.full_at.min(now.saturating_add(quota.capacity()));
    let opened = state.opened.min(now);
    if now - opened >= quota.per { State { full_at, ..fresh } } else { State { full_at, opened, ..*state } }
}

/// How long until one more request would pass, in nanoseconds.
fn wait(quota: Quota, state: State, now: u64) -> u64 {
    let with_one_more = state.full_at.max(now).saturating_add(quota.interval());
    let pace = with_one_more.saturating_sub(now.saturating_add(quota.capacity()));
    let window = if state.used < quota.max { 0 } else { (state.opened + quota.per).saturating_sub(now) };
    pace.max(window)
}

fn standing(quota: Quota, state: State, now: u64) -> Standing {
    let until_full = state.full_at.saturating_sub(now);
    let in_bucket = quota.capacity().saturating_sub(until_full) / quota.interval().max(1);
    let in_window = quota.max.saturating_sub(state.used);
    let until_closed = if state.used == 0 { 0 } else { (state.opened + quota.per).saturating_sub(now) };
    Standing {
        limit: quota.max,
        remaining: in_bucket.min(in_window),
        reset: Duration::from_nanos(until_full.max(until_closed)),
    }
}

fn tightest(current: &[(Quota, State)], now: u64) -> Standing {
    let standings = current.iter().map(|(quota, state)| standing(*quota, *state, now));
    let tightest = standings.min_by_key(|standing| (standing.remaining, std::cmp::Reverse(standing.reset)));
    tightest.unwrap_or(Standing { limit: 0, remaining: 0, reset: Duration::ZERO })
}
