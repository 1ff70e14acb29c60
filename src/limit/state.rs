//! The counters that Envoy's worker threads share, and how they are written down.

use std::time::{SystemTime, UNIX_EPOCH};

use super::quota::State;

/// Bytes that the state of one quota takes.
const STATE_BYTES: usize = 32;

/// Which of the values that a key had was read; a later one has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub u32);

/// The shared state does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// Values that all worker threads see, as Envoy's shared data has them.
pub trait SharedState {
    /// The value of `key`, and its version.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn load(&mut self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Unavailable>;

    /// Gives `key` its first value. It takes the place of one that another worker gave it meanwhile.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn create(&mut self, key: &str, value: &[u8]) -> Result<(), Unavailable>;

    /// Gives `key` the value, unless it has another version by now; whether it did.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn replace(&mut self, key: &str, value: &[u8], version: Version) -> Result<bool, Unavailable>;
}

/// Nanoseconds since 1970.
pub(super) fn since_epoch(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn encode(states: &[State]) -> Vec<u8> {
    let fields = states.iter().flat_map(|state| [state.per, state.full_at, state.opened, state.used]);
    fields.flat_map(u64::to_le_bytes).collect()
}

/// Reads what [`encode`] wrote. Bytes that make no whole state are passed over: the value is no longer than the policy
/// has quotas, and nobody but Tollgate writes it.
pub(super) fn decode(value: &[u8]) -> Vec<State> {
    let (states, _) = value.as_chunks::<STATE_BYTES>();
    let read = states.iter().map(|state| {
        let (fields, _) = state.as_chunks::<8>();
        let field = |at: usize| fields.get(at).map_or(0, |bytes| u64::from_le_bytes(*bytes));
        State { per: field(0), full_at: field(1), opened: field(2), used: field(3) }
    });
    read.collect()
}
