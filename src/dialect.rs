//! Dialects: which parameters a provider knows beside those of the API that it is compatible with.

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// OpenAI's API as OpenAI serves it, and what is compatible with it.
    OpenAi,
    /// OpenAI's API as vLLM serves it, with parameters of its own.
    Vllm,
    /// Anthropic's API.
    Anthropic,
}

impl Dialect {
    /// The names that policies use.
    pub const NAMES: [(&'static str, Self); 3] =
        [("openai", Self::OpenAi), ("vllm", Self::Vllm), ("anthropic", Self::Anthropic)];
}
