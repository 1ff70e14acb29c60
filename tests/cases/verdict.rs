//! What becomes of a request, and what is expected to.

use serde_json::Value;

use super::request::Sent;
use super::world::{CANARY, CLIENT_CANARY};
use crate::emulator::Message;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What the upstream got, headers sorted.
    pub(crate) upstream: Option<Message>,
    /// What the client got, headers sorted.
    pub(crate) answer: Message,
    /// What the access log got.
    pub(crate) record: Record,
}

/// What the access log gets of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// `pass`, or why not.
    pub(crate) decision: Option<String>,
    /// The client's name.
    pub(crate) client: Option<String>,
    /// The provider's name.
    pub(crate) provider: Option<String>,
}

/// What is expected to become of a request.
pub(super) struct Expected {
    verdict: Verdict,
    answer: Vec<(&'static str, Option<String>)>,
}

enum Verdict {
    /// It is sent on with these changes and no others.
    Passes { without: Vec<&'static str>, with: Vec<(&'static str, String)>, body: Option<Vec<u8>> },
    /// It is answered with an error.
    Refused { status: u16, code: &'static str, param: Option<String>, says: &'static str },
    /// It is answered with a body.
    Answered { body: Value },
}

/// What every answer has, whoever gave it.
const SECURITY: [(&str, &str); 7] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "interest-cohort=()"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-permitted-cross-domain-policies", "none"),
];

/// It is sent on to `provider`, without the key that it came with.
pub(super) fn passes(provider: &str) -> Expected {
    let with = vec![("x-tollgate-provider", provider.to_owned())];
    Expected { verdict: Verdict::Passes { without: vec!["authorization"], with, body: None }, answer: vec![] }
}

/// It is answered with an error of this status and code.
pub(super) fn refused(status: u16, code: &'static str) -> Expected {
    let expected = Expected { verdict: Verdict::Refused { status, code, param: None, says: "" }, answer: vec![] };
    if status == 401 {
        expected.answer("www-authenticate", "Bearer")
    } else {
        expected.answer_lacks("www-authenticate")
    }
}

/// It is answered with this body.
pub(super) fn answered(body: Value) -> Expected {
    Expected { verdict: Verdict::Answered { body }, answer: vec![] }
}

impl Expected {
    /// The upstream does not get the header.
    pub(super) fn without(mut self, name: &'static str) -> Self {
        if let Verdict::Passes { without, .. } = &mut self.verdict {
            without.push(name);
        }
        self
    }

    /// The upstream gets one header of the name, and this one.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Verdict::Passes { with, .. } = &mut self.verdict {
            with.push((name, value.into()));
        }
        self
    }

    /// The upstream gets this body in place of the client's.
    pub(super) fn with_body(self, new: impl Into<Vec<u8>>) -> Self {
        let new = new.into();
        let mut expected = self.with("content-length", new.len().to_string());
        if let Verdict::Passes { body, .. } = &mut expected.verdict {
            *body = Some(new);
        }
        expected
    }

    /// The error names this parameter.
    pub(super) fn at(mut self, place: &str) -> Self {
        if let Verdict::Refused { param, .. } = &mut self.verdict {
            *param = Some(place.to_owned());
        }
        self
    }

    /// The error's sentence has these words in it.
    pub(super) fn saying(mut self, words: &'static str) -> Self {
        if let Verdict::Refused { says, .. } = &mut self.verdict {
            *says = words;
        }
        self
    }

    /// The answer has one header of the name, and this one.
    pub(super) fn answer(mut self, name: &'static str, value: &str) -> Self {
        self.answer.push((name, Some(value.to_owned())));
        self
    }

    /// The answer has no such header.
    pub(super) fn answer_lacks(mut self, name: &'static str) -> Self {
        self.answer.push((name, None));
        self
    }

    pub(super) fn check(&self, sent: &Sent, outcome: &Outcome) -> Result<(), String> {
        for (name, value) in &self.answer {
            let values = outcome.answer.headers.all(name);
            same(&format!("the answer's {name}"), values, value.iter().map(String::as_bytes).collect())?;
        }
        match &self.verdict {
            Verdict::Passes { without, with, body } => {
                let mut headers = sent.headers.clone();
                for name in without {
                    headers.remove(name);
                }
                for (name, value) in with {
                    headers.replace(name, value.as_bytes());
                }
                let body = body.clone().unwrap_or_else(|| sent.body());
                same("what the upstream got", &outcome.upstream, &Some(Message { headers: headers.sorted(), body }))?;
                same("the decision", outcome.record.decision.as_deref(), Some("pass"))?;
                let provider = with.iter().find(|(name, _)| *name == "x-tollgate-provider");
                same("the provider", outcome.record.provider.as_ref(), provider.map(|(_, name)| name))
            }
            Verdict::Refused { status, code, param, says } => {
                same("what the upstream got", &outcome.upstream, &None)?;
                same("the decision", outcome.record.decision.as_deref(), Some(*code))?;
                check_error(&outcome.answer, *status, code, param.as_deref(), says)
            }
            Verdict::Answered { body } => {
                same("what the upstream got", &outcome.upstream, &None)?;
                same("the decision", outcome.record.decision.as_deref(), Some("pass"))?;
                same("the status", status(&outcome.answer), 200)?;
                same("the answer", &json(&outcome.answer)?, body)
            }
        }
    }
}

/// What holds for every request, whatever becomes of it.
pub(super) fn check_always(sent: &Sent, outcome: &Outcome) -> Result<(), String> {
    let Outcome { upstream, answer, .. } = outcome;
    for (name, value) in SECURITY {
        same(&format!("the answer's {name}"), answer.headers.all(name), vec![value.as_bytes()])?;
    }
    for name in ["server", "x-powered-by"] {
        same(&format!("the answer's {name}"), answer.headers.all(name), vec![])?;
    }
    let over_tls = sent.headers.all(":scheme") == [b"https"];
    same("strict-transport-security", answer.headers.all("strict-transport-security").len(), usize::from(over_tls))?;
    if shows(answer, CANARY) {
        return Err("the answer shows what it must not".to_owned());
    }
    if upstream.as_ref().is_some_and(|request| shows(request, CLIENT_CANARY)) {
        return Err("the upstream sees the client's key".to_owned());
    }
    Ok(())
}

/// An error as OpenAI's API has it: four members, and a sentence for a person.
fn check_error(answer: &Message, status: u16, code: &str, param: Option<&str>, says: &str) -> Result<(), String> {
    same("the status", self::status(answer), status)?;
    same("content-type", answer.headers.all("content-type"), vec![b"application/json".as_slice()])?;
    let body = json(answer)?;
    let error = &body["error"];
    same("the code", &error["code"], &Value::from(code))?;
    same("the param", &error["param"], &Value::from(param))?;
    same("the members", error.as_object().map(serde_json::Map::len), Some(4))?;
    let kind = match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    same("the type", &error["type"], &Value::from(kind))?;
    let message = error["message"].as_str().unwrap_or_default();
    if message.contains(says) && message.ends_with('.') {
        return Ok(());
    }
    Err(format!("the message is {message:?}, not a sentence with {says:?}"))
}

fn status(answer: &Message) -> u16 {
    let status = answer.headers.all(":status");
    String::from_utf8_lossy(&status.concat()).parse().unwrap_or_default()
}

fn json(answer: &Message) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|error| format!("the answer is not JSON: {error}"))
}

fn shows(message: &Message, word: &str) -> bool {
    let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(word);
    message.headers.iter().any(|(name, value)| name.contains(word) || has(value)) || has(&message.body)
}

#[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have just made to compare")]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:#?} instead of {expected:#?}")) }
}
