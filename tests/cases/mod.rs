//! One table of requests and what becomes of each: sent on as it should be, refused for what it is, or answered.
//!
//! Every subject of `tests/filter.rs` is held to the same table. All cases are judged by the policy of [`world`].

mod access;
mod answers;
mod bodies;
mod passes;
mod request;
mod schema;
mod verdict;
pub(crate) mod world;

pub(crate) use request::{Request, Sent};
use verdict::{Expected, passes, refused};
pub(crate) use verdict::{Outcome, Record};

/// A request and what becomes of it.
pub(crate) struct Case {
    /// What the case shows.
    pub(crate) name: String,
    /// The request.
    pub(crate) request: Request,
    /// How many times the same request passes before.
    pub(crate) repeated: usize,
    /// Whether the shared counters fail.
    pub(crate) counters_fail: bool,
    expected: Expected,
}

/// The whole table.
pub(crate) fn all() -> Vec<Case> {
    [access::cases(), bodies::cases(), schema::cases(), passes::cases(), answers::cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn case(name: impl Into<String>, request: Request, expected: Expected) -> Case {
    Case { name: name.into(), request, repeated: 0, counters_fail: false, expected }
}

impl Case {
    /// Holds what became of the request to what is expected.
    ///
    /// # Errors
    /// What differs, with all that is needed to see why.
    pub(crate) fn check(&self, outcome: &Outcome) -> Result<(), String> {
        let sent = self.request.whole();
        let checked = self.expected.check(&sent, outcome).and_then(|()| verdict::check_always(&sent, outcome));
        checked.map_err(|problem| format!("{}: {problem}\nsent: {sent:?}\nbecame: {outcome:#?}\n", self.name))
    }

    /// The same request passes `times` times before.
    fn after(mut self, times: usize) -> Self {
        self.repeated = times;
        self
    }

    fn while_counters_fail(mut self) -> Self {
        self.counters_fail = true;
        self
    }
}
