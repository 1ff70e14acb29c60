//! One request and its answer, through the steps in order.
//!
//! An [`Exchange`] is told what arrives (request headers, body, the answer's headers) and says what to do with it. It
//! holds no more than later steps need, and asks the world for nothing but what [`Surroundings`] offers.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::SystemTime;

use crate::client::{Client, KeyHeader};
use crate::dialect::Dialect;
use crate::document::{Document, Kind, Node};
use crate::edit;
use crate::endpoint::{self, Endpoint};
use crate::headers::{HeaderEdits, Headers};
use crate::limit::{SharedState, Standing};
use crate::media;
use crate::policy::Policy;
use crate::provider::Credential;
use crate::refusal::{ErrorForm, Reason, Refusal, Reply};

/// What the world around a request supplies.
pub trait Surroundings: SharedState {
    /// The time.
    fn now(&mut self) -> SystemTime;

    /// The secret of this name as Envoy holds it, where it does.
    fn secret(&mut self, name: &str) -> Option<Vec<u8>>;
}

/// What to do with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on, changed so.
    Pass(Edits),
    /// Hold it until its body is whole.
    AwaitBody,
    /// Send nothing on; answer so.
    Answer(Reply),
}

/// Changes to a request that passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// To the headers.
    pub headers: HeaderEdits,
    /// The new body, where it is not the client's.
    pub body: Option<Vec<u8>>,
}

/// What is known of an exchange so far, for the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'e> {
    /// The client's name.
    pub client: Option<&'e str>,
    /// The provider's name.
    pub provider: Option<&'e str>,
    /// Why the request was refused.
    pub refused: Option<Reason>,
}

/// Request headers that a client may not pass on: beside its keys they are other credentials, those that choose whose
/// account pays, and those that are for this hop only.
const NOT_PASSED_ON: [&str; 4] = ["cookie", "openai-organization", "openai-project", "proxy-authorization"];

/// Headers that begin so are Tollgate's and Envoy's own; what a client sends of them is taken away. Those of Envoy can
/// ask its router for retries and time-outs.
const OWN_PREFIXES: [&str; 2] = ["x-tollgate-", "x-envoy-"];

/// One request and its answer.
#[derive(Debug)]
pub struct Exchange {
    policy: Rc<Policy>,
    over_tls: bool,
    form: ErrorForm,
    client: Option<Rc<Client>>,
    standing: Option<Standing>,
    awaiting: Option<Awaiting>,
    provider: Option<String>,
    refused: Option<Reason>,
}

/// A request whose headers have passed and whose body is to come.
#[derive(Debug)]
struct Awaiting {
    endpoint: Endpoint,
    client: Rc<Client>,
    /// What the headers' own steps want changed, applied when the whole request passes.
    headers: HeaderEdits,
}

impl Exchange {
    /// An exchange that nothing has arrived of yet.
    #[must_use]
    pub fn new(policy: Rc<Policy>) -> Self {
        Self {
            policy,
            over_tls: false,
            form: ErrorForm::default(),
            client: None,
            standing: None,
            awaiting: None,
            provider: None,
            refused: None,
        }
    }

    /// The request's headers have arrived; `is_whole` when there is no body.
    pub fn request_headers(
        &mut self,
        headers: &Headers,
        is_whole: bool,
        surroundings: &mut dyn Surroundings,
    ) -> Verdict {
        self.over_tls = headers.only(":scheme") == Some("https");
        match self.judge_headers(headers, surroundings) {
            Ok(Verdict::AwaitBody) if is_whole => self.request_body(&[], surroundings),
            Ok(verdict) => verdict,
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// So many bytes of the body have arrived, and more may come.
    pub fn request_body_part(&mut self, so_far: usize) -> Verdict {
        match media::check_size(so_far, self.policy.requests.max_body) {
            Ok(()) => Verdict::AwaitBody,
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// The whole body has arrived.
    pub fn request_body(&mut self, body: &[u8], surroundings: &mut dyn Surroundings) -> Verdict {
        match self.judge_body(body, surroundings) {
            Ok(edits) => Verdict::Pass(edits),
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Whether the body is still to be judged.
    #[must_use]
    pub fn awaits_body(&self) -> bool {
        self.awaiting.is_some()
    }

    /// The answer's headers have arrived, from the upstream or from Envoy itself.
    #[must_use]
    pub fn response_headers(&self, headers: &Headers) -> HeaderEdits {
        let mut edits = self.policy.responses.edits(headers, self.over_tls);
        if let Some(standing) = self.standing {
            standing.add_to(&mut edits);
        }
        edits
    }

    /// What is known so far.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        Record {
            client: self.client.as_ref().map(|client| client.name.as_str()),
            provider: self.provider.as_deref(),
            refused: self.refused,
        }
    }

    /// Ends the exchange with a refusal that the steps do not know of.
    pub fn refuse(&mut self, refusal: &Refusal) -> Verdict {
        self.awaiting = None;
        self.refused = Some(refusal.reason);
        Verdict::Answer(refusal.reply(self.form))
    }

    fn judge_headers(&mut self, headers: &Headers, surroundings: &mut dyn Surroundings) -> Result<Verdict, Refusal> {
        let policy = Rc::clone(&self.policy);
        let method = headers.only(":method").unwrap_or_default();
        let path = headers.only(":path").unwrap_or_default();
        self.form = endpoint::error_form(path);
        let endpoint = endpoint::find(method, path)?;

        let now = surroundings.now();
        let client = policy.clients.identify(headers, now)?;
        self.client = Some(Rc::clone(&client));

        if let Some(limits) = &client.limits {
            let (taken, standing) = limits.take_request(surroundings, now);
            self.standing = standing;
            taken?;
        }

        if endpoint == Endpoint::Models {
            return Ok(Verdict::Answer(Reply::json(200, &policy.models.listing(&client))));
        }
        media::check(headers, policy.requests.max_body)?;
        self.awaiting = Some(Awaiting { endpoint, client, headers: stripped(headers) });
        Ok(Verdict::AwaitBody)
    }

    fn judge_body(&mut self, body: &[u8], surroundings: &mut dyn Surroundings) -> Result<Edits, Refusal> {
        let policy = Rc::clone(&self.policy);
        media::check_size(body.len(), policy.requests.max_body)?;
        let Some(Awaiting { endpoint, client, mut headers }) = self.awaiting.take() else {
            let message = "The gateway was handed a body that it did not ask for.";
            return Err(Refusal::new(Reason::Misconfigured, message));
        };

        let document = Document::parse(body, policy.requests.max_depth)?;
        let node = document.root().get("model").filter(|node| node.kind() == Kind::String);
        let model = node.and_then(Node::string);
        let rule = model.map(|model| policy.models.route(&model, &client));
        // The provider says which schema counts. Where there is none, what is wrong with the body comes before that.
        let dialect = match &rule {
            Some(Ok(rule)) => rule.provider.dialect,
            _ => Dialect::OpenAi,
        };
        policy.schemas.judge(endpoint, dialect, &document)?;
        let rule = rule.ok_or_else(model_missing)??;
        self.provider = Some(rule.provider.name.clone());

        let edited = rule.rewrite.as_ref().zip(node.and_then(Node::span)).map(|(name, span)| {
            let name = serde_json::Value::from(name.as_str()).to_string();
            edit::splice(body, vec![(span, name.into_bytes())])
        });
        if let Some(edited) = &edited {
            headers.set("content-length", edited.len().to_string());
        }

        let secret = match &rule.provider.credential {
            Credential::Secret(name) => surroundings.secret(name),
            Credential::None => None,
        };
        rule.provider.authorize(secret, &mut headers)?;
        Ok(Edits { headers, body: edited })
    }
}

/// Some schemas let a body pass that names no model; but then nothing says where it shall go.
fn model_missing() -> Refusal {
    let message = "Missing required parameter: 'model'. The gateway chooses the provider by it.";
    Refusal::new(Reason::Schema("missing_required_parameter"), message).at("model")
}

/// Takes away what a client may not pass on.
fn stripped(headers: &Headers) -> HeaderEdits {
    let mut edits = HeaderEdits::default();
    let credentials = KeyHeader::ALL.iter().map(|header| header.name());
    for name in credentials.chain(NOT_PASSED_ON).filter(|name| headers.has(name)) {
        edits.remove(name);
    }
    let mut own: Vec<_> = headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    own.sort_unstable();
    own.dedup();
    edits.remove.extend(own.into_iter().map(|name| Cow::Owned(name.to_owned())));
    edits
}
