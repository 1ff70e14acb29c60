//! Step 1: which endpoint of which API a request is for.

use crate::dialect::Dialect;
use crate::refusal::{ErrorForm, Reason, Refusal};

/// An endpoint that Tollgate knows.
///
/// Sources: the API references of [OpenAI](https://platform.openai.com/docs/api-reference),
/// [Anthropic](https://docs.anthropic.com/en/api) and
/// [vLLM](https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Chat completions.
    ChatCompletions,
    /// Completions.
    Completions,
    /// Embeddings.
    Embeddings,
    /// Responses.
    Responses,
    /// How many tokens the input of a response has.
    ResponsesInputTokens,
    /// Moderations.
    Moderations,
    /// Images made from a prompt.
    ImagesGenerations,
    /// Speech made from text.
    AudioSpeech,
    /// Anthropic's messages.
    Messages,
    /// How many tokens a message of Anthropic's API has.
    MessagesCountTokens,
    /// vLLM: how alike texts are.
    Score,
    /// vLLM: documents in the order of their relevance.
    Rerank,
    /// vLLM: hidden states, pooled.
    Pooling,
    /// vLLM: classes.
    Classify,
    /// vLLM: from text to tokens.
    Tokenize,
    /// vLLM: from tokens to text.
    Detokenize,
    /// The models: answered by Tollgate itself.
    Models,
}

/// An endpoint as it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Served {
    path: &'static str,
    method: &'static str,
    endpoint: Endpoint,
}

const fn post(path: &'static str, endpoint: Endpoint) -> Served {
    Served { path, method: "POST", endpoint }
}

const SERVED: [Served; 22] = [
    post("/v1/chat/completions", Endpoint::ChatCompletions),
    post("/v1/completions", Endpoint::Completions),
    post("/v1/embeddings", Endpoint::Embeddings),
    post("/v1/responses", Endpoint::Responses),
    post("/v1/responses/input_tokens", Endpoint::ResponsesInputTokens),
    post("/v1/moderations", Endpoint::Moderations),
    post("/v1/images/generations", Endpoint::ImagesGenerations),
    post("/v1/audio/speech", Endpoint::AudioSpeech),
    Served { path: "/v1/models", method: "GET", endpoint: Endpoint::Models },
    post("/v1/messages", Endpoint::Messages),
    post("/v1/messages/count_tokens", Endpoint::MessagesCountTokens),
    post("/score", Endpoint::Score),
    post("/v1/score", Endpoint::Score),
    post("/rerank", Endpoint::Rerank),
    post("/v1/rerank", Endpoint::Rerank),
    post("/v2/rerank", Endpoint::Rerank),
    post("/pooling", Endpoint::Pooling),
    post("/v1/pooling", Endpoint::Pooling),
    post("/classify", Endpoint::Classify),
    post("/v1/classify", Endpoint::Classify),
    post("/tokenize", Endpoint::Tokenize),
    post("/detokenize", Endpoint::Detokenize),
];

impl Endpoint {
    /// The dialect in which a provider that speaks `dialect` serves the endpoint: Anthropic serves OpenAI's endpoints as
    /// OpenAI does, and the endpoints that only vLLM has are vLLM's wherever they are.
    #[must_use]
    pub fn spoken_as(self, dialect: Dialect) -> Dialect {
        match self {
            Self::Messages | Self::MessagesCountTokens => match dialect {
                Dialect::OpenAi | Dialect::Anthropic => Dialect::Anthropic,
                Dialect::Vllm => Dialect::Vllm,
            },
            Self::Score | Self::Rerank | Self::Pooling | Self::Classify | Self::Tokenize | Self::Detokenize => {
                Dialect::Vllm
            }
            Self::ChatCompletions
            | Self::Completions
            | Self::Embeddings
            | Self::Responses
            | Self::ResponsesInputTokens
            | Self::Moderations
            | Self::ImagesGenerations
            | Self::AudioSpeech
            | Self::Models => match dialect {
                Dialect::OpenAi | Dialect::Anthropic => Dialect::OpenAi,
                Dialect::Vllm => Dialect::Vllm,
            },
        }
    }
}

/// The endpoint of `method` on `path` (with its query, as in `:path`).
///
/// A path is compared as it is: Envoy has normalised it before, and a path that only resembles a listed one is not
/// listed.
///
/// # Errors
/// [`Reason::UnknownPath`] and [`Reason::MethodNotAllowed`].
pub fn find(method: &str, path: &str) -> Result<Endpoint, Refusal> {
    let path = path.split_once('?').map_or(path, |(path, _query)| path);
    let served = SERVED.iter().find(|served| served.path == path).ok_or_else(unknown_path)?;
    if method == served.method {
        return Ok(served.endpoint);
    }
    let message = format!("This path takes {} requests only.", served.method);
    Err(Refusal { allow: Some(served.method), ..Refusal::new(Reason::MethodNotAllowed, message) })
}

fn unknown_path() -> Refusal {
    let message = "There is nothing at this path. The gateway's documentation lists the paths that are served.";
    Refusal::new(Reason::UnknownPath, message)
}

/// The form in which the API of `path` tells errors, also where there is nothing at the path.
#[must_use]
pub fn error_form(path: &str) -> ErrorForm {
    if path.starts_with("/v1/messages") { ErrorForm::Anthropic } else { ErrorForm::OpenAi }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_listed_or_it_is_not() {
        assert_eq!(find("POST", "/v1/chat/completions"), Ok(Endpoint::ChatCompletions));
        assert_eq!(find("POST", "/v1/chat/completions?beta=true"), Ok(Endpoint::ChatCompletions));
        assert_eq!(find("GET", "/v1/models"), Ok(Endpoint::Models));
        for path in ["/", "", "/v1/chat/completions/", "/V1/chat/completions", "//v1/chat/completions", "*"] {
            assert_eq!(find("POST", path).map_err(|refusal| refusal.reason), Err(Reason::UnknownPath), "{path}");
        }
    }

    #[test]
    fn whatever_takes_a_body_has_a_schema_in_every_dialect() {
        let dialects = Dialect::NAMES.map(|(_, dialect)| dialect);
        let schemas = crate::schema::Bundled::compile(&dialects).unwrap();
        for served in SERVED.iter().filter(|served| served.method == "POST") {
            assert!(dialects.iter().all(|dialect| schemas.get(served.endpoint, *dialect).is_some()), "{served:?}");
        }
    }

    #[test]
    fn another_method_learns_the_right_one() {
        for method in ["GET", "PUT", "OPTIONS", "post", "CONNECT", ""] {
            let refusal = find(method, "/v1/chat/completions").unwrap_err();
            assert_eq!((refusal.reason, refusal.allow), (Reason::MethodNotAllowed, Some("POST")), "{method}");
        }
    }
}
