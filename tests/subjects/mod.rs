//! Who is held to the cases: the decisions by themselves, and the compiled filter in its host.

mod emulated;
mod native;

pub(crate) use emulated::Emulated;
pub(crate) use native::Native;

use crate::cases::{Case, Outcome, Sent};
use crate::emulator::{HeaderMap, Message};

/// Something that decides what becomes of requests.
pub(crate) trait Subject {
    /// Puts a request through, and the upstream's answer where it gets that far.
    fn exchange(&mut self, sent: &Sent) -> Outcome;

    /// From now on the shared counters cannot be read.
    fn lose_counters(&mut self);
}

/// Puts a case through a subject that nothing has gone through yet.
///
/// # Errors
/// What is not as expected.
pub(crate) fn run(subject: &mut impl Subject, case: &Case) -> Result<Outcome, String> {
    if case.counters_fail {
        subject.lose_counters();
    }
    let sent = case.request.whole();
    for _ in 0..case.repeated {
        if subject.exchange(&sent).upstream.is_none() {
            return Err(format!("{}: an earlier request does not pass", case.name));
        }
    }
    let outcome = subject.exchange(&sent);
    case.check(&outcome)?;
    Ok(outcome)
}

/// What the upstream answers.
fn upstream_answer(sent: &Sent) -> Message {
    let body = br#"{"object":"chat.completion"}"#.to_vec();
    let mut headers = sent.answer.clone();
    headers.add("content-length", body.len().to_string());
    Message { headers, body }
}

fn sorted(message: Message) -> Message {
    Message { headers: HeaderMap::sorted(message.headers), ..message }
}
