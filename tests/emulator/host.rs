//! What all workers of one Envoy process share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::imports::status;

/// Something that happens on another thread at a moment that a test chooses.
type Meanwhile = Box<dyn FnOnce() + Send>;

/// One Envoy process.
pub(crate) struct Host {
    pub(super) allow_on_headers_stop_iteration: bool,
    /// Nanoseconds since 1970.
    clock: AtomicU64,
    log: Mutex<Vec<String>>,
    shared: Mutex<SharedData>,
    failing: Mutex<BTreeMap<&'static str, u32>>,
    before_next_write: Mutex<Option<Meanwhile>>,
}

impl Host {
    /// A process whose plugin has this `allow_on_headers_stop_iteration`.
    pub(crate) fn new(allow_on_headers_stop_iteration: bool, now: SystemTime) -> Arc<Self> {
        let host = Self {
            allow_on_headers_stop_iteration,
            clock: AtomicU64::default(),
            log: Mutex::default(),
            shared: Mutex::default(),
            failing: Mutex::default(),
            before_next_write: Mutex::default(),
        };
        host.set_clock(now);
        Arc::new(host)
    }

    /// Sets the clock of all workers.
    pub(crate) fn set_clock(&self, now: SystemTime) {
        let since = now.duration_since(UNIX_EPOCH).expect("a time after 1970");
        self.clock.store(u64::try_from(since.as_nanos()).expect("a time before 2554"), Ordering::SeqCst);
    }

    /// The lines of the log so far, each with its level before it.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// From now on the host call `name` does nothing but answer `status`.
    pub(crate) fn fail(&self, name: &'static str, status: u32) {
        self.failing.lock().unwrap().insert(name, status);
    }

    /// Does `meanwhile` right before the next write of shared data: when the worker has read the old value, but not
    /// written the new one yet.
    pub(crate) fn before_next_write(&self, meanwhile: impl FnOnce() + Send + 'static) {
        *self.before_next_write.lock().unwrap() = Some(Box::new(meanwhile));
    }

    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.clock.load(Ordering::SeqCst))
    }

    pub(super) fn add_line(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    pub(super) fn failing(&self, name: &str) -> Option<u32> {
        self.failing.lock().unwrap().get(name).copied()
    }

    pub(super) fn load(&self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.shared.lock().unwrap().values.get(key).cloned()
    }

    /// Stores a shared value; the status of the call.
    pub(super) fn store(&self, key: Vec<u8>, value: Vec<u8>, number: u32) -> u32 {
        // Taken out first: what happens meanwhile may write shared data itself.
        let meanwhile = self.before_next_write.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        self.shared.lock().unwrap().store(key, value, number)
    }
}

/// Values and their numbers. One count numbers all values, as in Envoy.
#[derive(Default)]
struct SharedData {
    values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last: u32,
}

impl SharedData {
    fn store(&mut self, key: Vec<u8>, value: Vec<u8>, number: u32) -> u32 {
        let differs = self.values.get(&key).is_some_and(|(_, current)| number != 0 && number != *current);
        if differs {
            return status::CAS_MISMATCH;
        }
        self.last += 1;
        self.values.insert(key, (value, self.last));
        status::OK
    }
}
