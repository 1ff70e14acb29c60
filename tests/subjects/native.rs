//! The decisions by themselves, with a world in memory.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use tollgate::exchange::{Exchange, Surroundings, Verdict};
use tollgate::headers::{HeaderEdits, Headers};
use tollgate::limit::{SharedState, Unavailable, Version};
use tollgate::policy::Policy;

use super::{Subject, sorted, upstream_answer};
use crate::cases::{Outcome, Record, Sent, world};
use crate::emulator::{HeaderMap, Message};

/// The decisions.
pub(crate) struct Native {
    policy: Rc<Policy>,
    memory: Memory,
}

struct Memory {
    values: BTreeMap<String, (Vec<u8>, u32)>,
    secrets: BTreeMap<String, Vec<u8>>,
    is_lost: bool,
}

impl Native {
    /// With the policy and the secrets of the cases.
    pub(crate) fn new() -> Self {
        let policy = Policy::from_json(world::policy().to_string().as_bytes());
        let policy = policy.unwrap_or_else(|mistakes| panic!("the cases' policy is wrong: {mistakes:#?}"));
        let mut memory = Memory { values: BTreeMap::new(), secrets: world::secrets(), is_lost: false };
        policy.create_counters(&mut memory).expect("counters in memory");
        Self { policy: Rc::new(policy), memory }
    }

    /// Shows the exchange the request as it arrives, until it has decided.
    fn decide(&mut self, exchange: &mut Exchange, sent: &Sent) -> Verdict {
        let headers = to_headers(&sent.headers);
        let mut verdict = exchange.request_headers(&headers, sent.is_headers_only(), &mut self.memory);
        let mut body = Vec::new();
        for (index, part) in sent.parts.iter().enumerate() {
            if verdict != Verdict::AwaitBody {
                return verdict;
            }
            body.extend_from_slice(part);
            let is_last = index + 1 == sent.parts.len() && !sent.trailers;
            verdict = if is_last {
                exchange.request_body(&body, &mut self.memory)
            } else {
                exchange.request_body_part(body.len())
            };
        }
        if verdict == Verdict::AwaitBody { exchange.request_body(&body, &mut self.memory) } else { verdict }
    }
}

impl Subject for Native {
    fn exchange(&mut self, sent: &Sent) -> Outcome {
        let mut exchange = Exchange::new(Rc::clone(&self.policy));
        let (upstream, mut answer) = match self.decide(&mut exchange, sent) {
            Verdict::Pass(edits) => {
                let mut headers = sent.headers.clone();
                apply(&edits.headers, &mut headers);
                let body = edits.body.unwrap_or_else(|| sent.body());
                (Some(Message { headers, body }), upstream_answer(sent))
            }
            Verdict::Answer(reply) => {
                let mut headers: HeaderMap = reply.header_map().iter().collect();
                // Envoy counts the body that it is given.
                headers.add("content-length", reply.body.len().to_string());
                (None, Message { headers, body: reply.body })
            }
            Verdict::AwaitBody => panic!("no verdict on a whole request"),
        };
        let edits = exchange.response_headers(&to_headers(&answer.headers));
        apply(&edits, &mut answer.headers);
        let record = exchange.record();
        let record = Record {
            decision: Some(record.refused.map_or("pass", |reason| reason.code()).to_owned()),
            client: record.client.map(str::to_owned),
            provider: record.provider.map(str::to_owned),
        };
        Outcome { upstream: upstream.map(sorted), answer: sorted(answer), record }
    }

    fn lose_counters(&mut self) {
        self.memory.is_lost = true;
    }
}

impl Surroundings for Memory {
    fn now(&mut self) -> SystemTime {
        world::now()
    }

    fn secret(&mut self, name: &str) -> Option<Vec<u8>> {
        self.secrets.get(name).cloned()
    }
}

impl SharedState for Memory {
    fn load(&mut self, key: &str) -> Result<Option<(Vec<u8>, Version)>, Unavailable> {
        if self.is_lost {
            return Err(Unavailable);
        }
        Ok(self.values.get(key).map(|(value, version)| (value.clone(), Version(*version))))
    }

    fn create(&mut self, key: &str, value: &[u8]) -> Result<(), Unavailable> {
        self.values.insert(key.to_owned(), (value.to_vec(), 1));
        Ok(())
    }

    fn replace(&mut self, key: &str, value: &[u8], version: Version) -> Result<bool, Unavailable> {
        let Some((current, number)) = self.values.get_mut(key).filter(|(_, number)| *number == version.0) else {
            return Ok(false);
        };
        *current = value.to_vec();
        *number += 1;
        Ok(true)
    }
}

fn to_headers(headers: &HeaderMap) -> Headers {
    headers.iter().collect()
}

fn apply(edits: &HeaderEdits, headers: &mut HeaderMap) {
    edits.remove.iter().for_each(|name| headers.remove(name));
    edits.set.iter().for_each(|(name, value)| headers.replace(name, value.as_slice()));
}
