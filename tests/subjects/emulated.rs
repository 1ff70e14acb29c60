//! The compiled filter in the emulated host.

use std::sync::Arc;

use super::{Subject, sorted, upstream_answer};
use crate::cases::{Outcome, Record, Sent, world};
use crate::emulator::{Host, Message, Worker};

/// The compiled filter on one worker.
pub(crate) struct Emulated {
    /// The worker.
    pub(crate) worker: Worker,
    /// Its host.
    pub(crate) host: Arc<Host>,
}

impl Emulated {
    /// The first worker of a host, with the policy of the cases.
    pub(crate) fn new() -> Self {
        Self::on(&Host::new(true, world::now()))
    }

    /// One more worker of `host`, with the policy of the cases.
    pub(crate) fn on(host: &Arc<Host>) -> Self {
        let mut worker = Worker::start(host);
        let taken = worker.configure(world::policy().to_string().as_bytes());
        assert!(taken, "the cases' policy is refused: {:#?}", host.log());
        Self { worker, host: Arc::clone(host) }
    }

    /// A request arrives as far as it goes before it is answered; the stream's id.
    pub(crate) fn send(&mut self, sent: &Sent) -> u32 {
        let secrets = world::secrets().into_iter();
        let filter_state = secrets.map(|(name, secret)| (format!("tollgate.secret.{name}"), secret)).collect();
        let id = self.worker.request_headers(sent.headers.clone(), sent.is_headers_only(), filter_state);
        for (index, part) in sent.parts.iter().enumerate() {
            let is_last = index + 1 == sent.parts.len() && !sent.trailers;
            self.worker.request_body(id, part, is_last);
        }
        if sent.trailers {
            self.worker.request_trailers(id);
        }
        id
    }
}

impl Subject for Emulated {
    fn exchange(&mut self, sent: &Sent) -> Outcome {
        let id = self.send(sent);
        let stream = self.worker.stream(id);
        if let Some(upstream) = &stream.upstream {
            assert!(stream.upstream_is_whole, "a request is sent on as a whole or not at all: {upstream:#?}");
            assert!(stream.answer.is_none(), "a request is sent on or answered, not both: {upstream:#?}");
            assert!(stream.route_cache_cleared, "the route is chosen by the new headers: {upstream:#?}");
            self.worker.answer(id, upstream_answer(sent));
        }
        let mut stream = self.worker.end(id);
        let answer: Message = stream.answer.take().expect("every request gets an answer");
        let mut field = |name: &str| {
            let value = stream.filter_state.remove(&format!("wasm.tollgate.{name}"))?;
            Some(String::from_utf8(value).expect("the access log gets text"))
        };
        let record = Record { decision: field("decision"), client: field("client"), provider: field("provider") };
        if let Some(details) = stream.details {
            let decision = record.decision.as_deref().unwrap_or_default();
            assert_eq!(details, format!("tollgate.{decision}"), "the details say what the access log says");
        }
        Outcome { upstream: stream.upstream.map(sorted), answer: sorted(answer), record }
    }

    fn lose_counters(&mut self) {
        self.host.fail("proxy_get_shared_data", 10);
    }
}
