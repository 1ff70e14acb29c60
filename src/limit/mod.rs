//! Step 3: whether a client may send another request now.
//!
//! 1. A client has one or more quotas. A request passes when all of them let it, and is then taken from all; refused
//!    by one, it takes nothing from the others.
//! 2. The states of all quotas of a client are one value of the shared state, replaced by compare-and-swap: whatever
//!    the worker threads of Envoy do at once, what passes is exactly what the quotas allow.
//! 3. There is a value for each client of the policy and no other: callers cannot make them grow in number.

mod quota;
mod state;

pub use quota::{Quota, Standing};
pub use state::{SharedState, Unavailable, Version};

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use crate::headers::HeaderEdits;
use crate::refusal::{Reason, Refusal};

/// Tries to replace a value before it is given up. Each failed try means that another worker's succeeded, so even one
/// failure for each of a hundred workers is far from it.
const TRIES: usize = 1000;

/// What a client may spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    key: String,
    requests: Vec<Quota>,
}

impl Limits {
    /// The limits of the client `name`; its counters go on from whatever policy had a client of that name before.
    #[must_use]
    pub fn new(name: &str, requests: Vec<Quota>) -> Self {
        Self { key: format!("tollgate/requests/{name}"), requests }
    }

    /// Makes sure that the value exists. Called while the policy is loaded, before any request, in one place at a
    /// time: a value that two workers create at once would lose the requests of one of them.
    ///
    /// # Errors
    /// The shared state does not answer.
    pub fn create(&self, shared: &mut dyn SharedState) -> Result<(), Unavailable> {
        match shared.load(&self.key)? {
            Some(_) => Ok(()),
            None => shared.create(&self.key, &[]),
        }
    }

    /// Takes one request, `now`.
    ///
    /// # Errors
    /// [`Reason::RateLimited`] with how long to wait, and [`Reason::CountersUnavailable`]; the standing where it is
    /// known.
    pub fn take_request(
        &self,
        shared: &mut dyn SharedState,
        now: SystemTime,
    ) -> (Result<(), Refusal>, Option<Standing>) {
        let now = state::since_epoch(now);
        for _ in 0..TRIES {
            let loaded = match shared.load(&self.key) {
                Ok(Some(loaded)) => loaded,
                // It was created with the policy. To create it here could lose what another worker has counted.
                Ok(None) => return (Err(Unavailable.into()), None),
                Err(unavailable) => return (Err(unavailable.into()), None),
            };
            let (value, version) = loaded;
            let states = state::decode(&value);
            let taken = quota::take(&self.requests, &states, now);
            let next = match taken {
                Ok(next) => next,
                Err(refused) => return (Err(rate_limited(refused.wait)), Some(refused.standing)),
            };
            match shared.replace(&self.key, &state::encode(&next.states), version) {
                Ok(true) => return (Ok(()), Some(next.standing)),
                Ok(false) => {}
                Err(unavailable) => return (Err(unavailable.into()), None),
            }
        }
        (Err(Unavailable.into()), None)
    }
}

fn rate_limited(wait: Duration) -> Refusal {
    let message = format!("Too many requests. Try again in {}.", go_duration(wait));
    Refusal { retry_after: Some(wait), ..Refusal::new(Reason::RateLimited, message) }
}

impl From<Unavailable> for Refusal {
    fn from(_: Unavailable) -> Self {
        let message = "The gateway cannot read its counters right now. Try again shortly.";
        Self::new(Reason::CountersUnavailable, message)
    }
}

impl Standing {
    /// The headers that tell a client where it stands, named and written as OpenAI's API does.
    pub fn add_to(&self, edits: &mut HeaderEdits) {
        edits.set("x-ratelimit-limit-requests", self.limit.to_string());
        edits.set("x-ratelimit-remaining-requests", self.remaining.to_string());
        edits.set("x-ratelimit-reset-requests", go_duration(self.reset));
    }
}

/// A duration as Go's `time.Duration` prints it and OpenAI's headers have it: `17ms`, `1.182s`, `6m0s`, `1h0m0s`.
/// Rounded up to whole milliseconds.
fn go_duration(duration: Duration) -> String {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let mut text = String::new();
    // Writing to a string does not fail.
    if seconds >= 3600 {
        let _ = write!(text, "{}h", seconds / 3600);
    }
    if seconds >= 60 {
        let _ = write!(text, "{}m", seconds / 60 % 60);
    }
    let _ = write!(text, "{}", seconds % 60);
    if millis > 0 {
        let fraction = format!("{millis:03}");
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push('s');
    text
}

#[cfg(test)]
mod tests;
