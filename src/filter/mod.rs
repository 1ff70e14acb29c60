//! The filter: proxy-wasm's callbacks turned into the decisions of [`crate::exchange`], and their answers into calls to
//! Envoy. Nothing is decided here.

#[expect(unsafe_code, reason = "calls to the host; each says why it is sound")]
mod host;
mod watch;

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
use crate::refusal::{ErrorForm, Reason, Refusal, Reply};
use host::{Map, Status};
use watch::Watch;

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
        let stuck = self.watch.find_stuck(has_more_than);
        if stuck.is_empty() {
            return;
        }
        log::error!(
            "tollgate: Envoy holds request bodies back from the filter: set `allow_on_headers_stop_iteration: true` \
             in the plugin's configuration; until then every request with a body is answered 500"
        );
        for id in stuck {
            if hostcalls::set_effective_context(id).is_ok() {
                let code = Reason::Misconfigured.code();
                note("decision", code);
                send(&misconfigured().reply(ErrorForm::default()), &format!("tollgate.{code}"));
            }
        }
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        // Envoy makes no stream for a plugin that refused its configuration.
        let policy = self.policy.clone()?;
        let exchange = Exchange::new(policy);
        Some(Box::new(Stream { context_id, exchange, watch: Rc::clone(&self.watch), answered: false }))
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
    log::error!("tollgate: policy refused; mistakes: {}", mistakes.len());
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
    answered: bool,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let Ok(headers) = host::headers(Map::RequestHeaders) else {
            return self.fail();
        };
        let verdict = self.exchange.request_headers(&headers, end_of_stream, &mut Envoy);
        if verdict == Verdict::AwaitBody {
            if self.watch.is_stuck() {
                let verdict = self.exchange.refuse(&misconfigured());
                return self.act(verdict);
            }
            let bytes = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            self.watch.wait_for(self.context_id, bytes as u64);
        }
        self.act(verdict)
    }

    fn on_http_request_body(&mut self, so_far: usize, end_of_stream: bool) -> Action {
        self.watch.shown(self.context_id);
        if !self.exchange.awaits_body() {
            return self.settled();
        }
        if end_of_stream {
            return self.whole_body();
        }
        let verdict = self.exchange.request_body_part(so_far);
        self.act(verdict)
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.watch.shown(self.context_id);
        // With trailers, no part of the body is marked as the last.
        let action = if self.exchange.awaits_body() { self.whole_body() } else { self.settled() };
        match action {
            Action::Continue if drop_trailers().is_err() => self.fail(),
            action => action,
        }
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
        self.watch.forget(self.context_id);
    }
}

impl Stream {
    /// What to do with more of a request that has been decided. One that was answered is never sent on, not even where
    /// the answer did not reach the client.
    fn settled(&self) -> Action {
        if self.answered { Action::Pause } else { Action::Continue }
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
                let done = edits.body.map_or(Ok(()), |body| host::set_request_body(&body));
                if done.and_then(|()| select_route(&edits.headers)).is_err() {
                    return self.fail();
                }
                self.record();
                return Action::Continue;
            }
            Verdict::Answer(reply) => {
                self.answered = true;
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
        self.act(verdict)
    }

    /// Tells the access log what was decided, and returns that word.
    fn record(&self) -> String {
        let record = self.exchange.record();
        let decision = record.refused.map_or("pass", Reason::code);
        note("decision", decision);
        for (name, value) in [("client", record.client), ("provider", record.provider)] {
            if let Some(value) = value {
                note(name, value);
            }
        }
        format!("tollgate.{decision}")
    }
}

/// Puts `value` where the access log finds it, as `wasm.tollgate.NAME`.
fn note(name: &str, value: &str) {
    // A log without a field is no reason to refuse a request.
    let _ = host::set_property(&format!("tollgate.{name}"), value.as_bytes());
}

/// Changes the request's headers and has Envoy choose the route by them. On the route that was chosen before, the
/// provider's key could go somewhere else.
fn select_route(edits: &HeaderEdits) -> Result<(), Status> {
    host::edit_headers(Map::RequestHeaders, edits)?;
    hostcalls::call_foreign_function("clear_route_cache", None).map(|_| ()).map_err(|status| {
        log::error!("tollgate: Envoy does not choose the route anew (clear_route_cache): {status:?}");
        Status::UNEXPECTED
    })
}

/// Takes all trailers from a request: no API wants any, and they could hold what was taken from its headers.
fn drop_trailers() -> Result<(), Status> {
    let trailers = host::headers(Map::RequestTrailers)?;
    let remove = trailers.iter().map(|(name, _)| name.to_owned().into()).collect();
    host::edit_headers(Map::RequestTrailers, &HeaderEdits { remove, set: Vec::new() })
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
