//! The filter: proxy-wasm's callbacks turned into the decisions of [`crate::exchange`], and their answers into calls to
//! Envoy. Nothing is decided here.

#[expect(unsafe_code, reason = "calls to the host; each says why it is sound")]
mod host;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::exchange::{Exchange, Surroundings, Verdict};
use crate::headers::HeaderEdits;
use crate::limit::{SharedState, Unavailable, Version};
use crate::policy::{Mistake, Policy};
use crate::provider;
use crate::refusal::{Reason, Refusal, Reply};
use host::{Map, Status};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// How often requests that wait for their body are looked at.
const WATCH_PERIOD: Duration = Duration::from_secs(1);

/// The plugin in one VM.
#[derive(Default)]
struct Root {
    policy: Option<Rc<Policy>>,
    watch: Rc<Watch>,
}

/// Finds out that Envoy does not hand over bodies.
///
/// A filter that pauses in the headers phase gets the body only where the plugin's configuration has
/// `allow_on_headers_stop_iteration: true`; otherwise the request hangs. Nothing tells the filter whether it has, but a
/// request of which Envoy has received more than the headers, while the filter was not shown any of it, says enough;
/// unless another request's body has been shown, which proves the contrary.
#[derive(Default)]
struct Watch {
    /// The requests whose body has not been shown yet, and the bytes of their headers.
    waiting: RefCell<BTreeMap<u32, u64>>,
    /// Some body has been shown.
    shown: Cell<bool>,
    /// Bodies are held back.
    stuck: Cell<bool>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let configuration = hostcalls::get_buffer(proxy_wasm::types::BufferType::PluginConfiguration, 0, usize::MAX);
        let configuration = configuration.ok().flatten().unwrap_or_default();
        match Policy::from_json(&configuration) {
            Ok(policy) => {
                if policy.create_counters(&mut Envoy).is_err() {
                    log::error!("tollgate: policy refused: Envoy's shared data does not take its counters");
                    return false;
                }
                self.policy = Some(Rc::new(policy));
                let _ = hostcalls::set_tick_period(WATCH_PERIOD);
                true
            }
            Err(mistakes) => {
                report(&mistakes);
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if self.watch.shown.get() {
            return;
        }
        let stuck: Vec<u32> = {
            let waiting = self.watch.waiting.borrow();
            waiting.iter().filter(|(id, headers)| has_more_than(**id, **headers)).map(|(id, _)| *id).collect()
        };
        if stuck.is_empty() {
            return;
        }
        self.watch.stuck.set(true);
        log::error!(
            "tollgate: Envoy holds request bodies back from the filter: set `allow_on_headers_stop_iteration: true` \
             in the plugin's configuration; until then every request with a body is answered 500"
        );
        for id in stuck {
            self.watch.waiting.borrow_mut().remove(&id);
            if hostcalls::set_effective_context(id).is_ok() {
                send(&misconfigured().reply(), "tollgate.gateway_misconfigured");
            }
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        // Envoy makes no stream for a plugin that refused its configuration.
        let policy = self.policy.clone()?;
        let exchange = Exchange::new(policy);
        Some(Box::new(Stream { context_id, exchange, watch: Rc::clone(&self.watch) }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Whether Envoy has received more of the request than its headers.
fn has_more_than(context_id: u32, headers: u64) -> bool {
    if hostcalls::set_effective_context(context_id).is_err() {
        return false;
    }
    let total = host::property(&["request", "total_size"]);
    let total = total.and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    total.is_some_and(|total| total > headers)
}

fn report(mistakes: &[Mistake]) {
    log::error!("tollgate: policy refused, {} mistakes:", mistakes.len());
    for mistake in mistakes {
        log::error!("tollgate: policy: {mistake}");
    }
}

fn misconfigured() -> Refusal {
    let message = "The gateway is not configured to read request bodies; its log says what to set.";
    Refusal::new(Reason::Misconfigured, message)
}

/// One request and its answer.
struct Stream {
    context_id: u32,
    exchange: Exchange,
    watch: Rc<Watch>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Ok(headers) = host::headers(Map::RequestHeaders) else {
            return self.fail();
        };
        let verdict = self.exchange.request_headers(&headers, end_of_stream, &mut Envoy);
        if verdict == Verdict::AwaitBody {
            if self.watch.stuck.get() {
                let verdict = self.exchange.refuse(&misconfigured());
                return self.act(verdict);
            }
            let bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            self.watch.waiting.borrow_mut().insert(self.context_id, bytes as u64);
        }
        self.act(verdict)
    }

    fn on_http_request_body(&mut self, so_far: usize, end_of_stream: bool) -> Action {
        self.body_shown();
        if !self.exchange.awaits_body() {
            return Action::Continue;
        }
        if end_of_stream {
            return self.whole_body();
        }
        let verdict = self.exchange.request_body_part(so_far);
        self.act(verdict)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.body_shown();
        // With trailers, no part of the body is marked as the last.
        if self.exchange.awaits_body() { self.whole_body() } else { Action::Continue }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let Ok(headers) = host::headers(Map::ResponseHeaders) {
            let edits = self.exchange.response_headers(&headers);
            if let Err(status) = host::edit_headers(Map::ResponseHeaders, &edits) {
                log::warn!("tollgate: the answer's headers could not be changed: {status:?}");
            }
        }
        Action::Continue
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Stream {
    fn body_shown(&self) {
        self.watch.shown.set(true);
        self.watch.stuck.set(false);
        self.forget();
    }

    fn forget(&self) {
        self.watch.waiting.borrow_mut().remove(&self.context_id);
    }

    fn whole_body(&mut self) -> Action {
        let verdict = match host::request_body() {
            Ok(body) => self.exchange.request_body(&body, &mut Envoy),
            Err(_) => return self.fail(),
        };
        self.act(verdict)
    }

    fn act(&mut self, verdict: Verdict) -> Action {
        match verdict {
            Verdict::AwaitBody => return Action::Pause,
            Verdict::Pass(edits) => {
                self.record();
                let done = edits.body.map_or(Ok(()), |body| host::set_request_body(&body));
                match done.and_then(|()| select_route(&edits.headers)) {
                    Ok(()) => return Action::Continue,
                    Err(_) => return self.fail(),
                }
            }
            Verdict::Answer(reply) => {
                let details = self.record();
                send(&reply, &details);
            }
        }
        Action::Pause
    }

    /// The host did not do what every request needs: nothing may be sent on.
    fn fail(&mut self) -> Action {
        let message = "The gateway could not process the request.";
        let verdict = self.exchange.refuse(&Refusal::new(Reason::Misconfigured, message));
        if let Verdict::Answer(reply) = verdict {
            send(&reply, "tollgate.host_call_failed");
        }
        Action::Pause
    }

    /// Tells the access log what was decided, and returns that word.
    fn record(&self) -> String {
        let record = self.exchange.record();
        let decision = record.refused.map_or("pass", Reason::code);
        let fields = [
            ("tollgate.decision", Some(decision)),
            ("tollgate.client", record.client),
            ("tollgate.provider", record.provider),
        ];
        for (name, value) in fields {
            // A log without a field is no reason to refuse a request.
            let _ = value.map(|value| host::set_property(name, value.as_bytes()));
        }
        format!("tollgate.{decision}")
    }
}

/// Changes the request's headers and has Envoy choose the route by them.
fn select_route(edits: &HeaderEdits) -> Result<(), Status> {
    host::edit_headers(Map::RequestHeaders, edits)?;
    if hostcalls::call_foreign_function("clear_route_cache", None).is_err() {
        log::warn!("tollgate: Envoy does not know clear_route_cache; requests go where they went without the filter");
    }
    Ok(())
}

fn send(reply: &Reply, details: &str) {
    // Fails where the client has gone, or has its answer already.
    let _ = host::answer(reply.status, details, &reply.headers, &reply.body);
}

/// Envoy, as the decisions see it.
struct Envoy;

impl Surroundings for Envoy {
    fn now(&mut self) -> SystemTime {
        hostcalls::get_current_time().unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn secret(&mut self, name: &str) -> Option<Vec<u8>> {
        host::property(&["filter_state", &provider::filter_state_key(name)])
    }
}

impl SharedState for Envoy {
    fn load(&mut self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Unavailable> {
        let loaded = host::shared(key).map_err(|_| Unavailable)?;
        Ok(loaded.map(|(value, cas)| (value, Version(cas))))
    }

    fn create(&mut self, key: &str, value: &[u8]) -> Result<(), Unavailable> {
        host::set_shared(key, value, 0).map(|_| ()).map_err(|_| Unavailable)
    }

    fn replace(&mut self, key: &str, value: &[u8], version: Version) -> Result<bool, Unavailable> {
        host::set_shared(key, value, version.0).map_err(|_| Unavailable)
    }
}
