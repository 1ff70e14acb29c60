//! `tollgate judge`

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use serde_json::json;
use tollgate::dialect::Dialect;
use tollgate::document::Document;
use tollgate::endpoint::{self, Endpoint};
use tollgate::media;
use tollgate::policy::{Policy, RequestRules};
use tollgate::refusal::Refusal;
use tollgate::schema::Bundled;

use crate::policy_file;

/// Say what the filter's verdict on request bodies would be, and why
///
/// Judges size, document and schema, by the filter's own code. Who calls, limits and models do not count here.
/// Exit status: 0 when all bodies pass, 1 when one is refused, 2 when one cannot be judged.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy whose bounds and providers count; without it, the defaults
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The path that the bodies are sent to, such as /v1/chat/completions
    #[arg(long)]
    path: String,
    /// The dialect of the provider; without it, that of the policy's provider for the model, or the endpoint's own
    #[arg(long, value_enum)]
    dialect: Option<DialectArg>,
    /// One line of text a file, or one JSON object a line
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Files that hold one body each
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DialectArg {
    Openai,
    Vllm,
    Anthropic,
}

impl From<DialectArg> for Dialect {
    fn from(dialect: DialectArg) -> Self {
        match dialect {
            DialectArg::Openai => Self::OpenAi,
            DialectArg::Vllm => Self::Vllm,
            DialectArg::Anthropic => Self::Anthropic,
        }
    }
}

/// Judges each file.
pub(crate) fn run(args: &Args) -> ExitCode {
    judge_all(args).unwrap_or_else(|error| {
        eprintln!("tollgate: {error:#}");
        ExitCode::from(2)
    })
}

fn judge_all(args: &Args) -> anyhow::Result<ExitCode> {
    let endpoint = endpoint::find("POST", &args.path).map_err(|refusal| anyhow!("--path: {}", refusal.message))?;
    let policy = args.policy.as_deref().map(policy_file::read).transpose();
    let policy = policy.map_err(|mistakes| anyhow!("the policy is not right:\n{}", mistakes.join("\n")))?;
    let policy = policy.map(|file| file.policy);
    let dialects = Dialect::NAMES.map(|(_, dialect)| dialect);
    let schemas = Bundled::compile(&dialects).map_err(|mistake| anyhow!("a bundled schema: {mistake}"))?;
    let judge = Judge { endpoint, given: args.dialect.map(Dialect::from), policy, schemas };

    let mut all_pass = true;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in &args.files {
        let Ok(body) = std::fs::read(file).map_err(|error| eprintln!("{}: {error}", file.display())) else {
            return Ok(ExitCode::from(2));
        };
        let verdict = judge.judge(&body);
        all_pass &= verdict.is_ok();
        writeln!(out, "{}", told(file, verdict.err().as_ref(), args.format))?;
    }
    out.flush()?;
    Ok(if all_pass { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What bodies are judged by.
struct Judge {
    endpoint: Endpoint,
    given: Option<Dialect>,
    policy: Option<Policy>,
    schemas: Bundled,
}

impl Judge {
    fn judge(&self, body: &[u8]) -> Result<(), Refusal> {
        let bounds = self.policy.as_ref().map_or_else(RequestRules::default, |policy| policy.requests);
        media::check_size(body.len(), bounds.max_body)?;
        let document = Document::parse(body, bounds.max_depth)?;
        let dialect = self.given.or_else(|| self.of_provider(&document)).unwrap_or(Dialect::OpenAi);
        self.schemas.judge(self.endpoint, dialect, &document)
    }

    /// The dialect of the provider to which the policy sends the body's model.
    fn of_provider(&self, document: &Document<'_>) -> Option<Dialect> {
        let model = document.root().get("model")?.string()?;
        Some(self.policy.as_ref()?.models.find(&model)?.provider.dialect)
    }
}

fn told(file: &Path, refusal: Option<&Refusal>, format: Format) -> String {
    match (format, refusal) {
        (Format::Text, None) => format!("{}: pass", file.display()),
        (Format::Text, Some(refusal)) => {
            format!(
                "{}: refuse, {} {}: {}",
                file.display(),
                refusal.reason.status(),
                refusal.reason.code(),
                refusal.message
            )
        }
        (Format::Jsonl, refusal) => json!({
            "file": file,
            "verdict": if refusal.is_some() { "refuse" } else { "pass" },
            "status": refusal.map_or(200, |refusal| refusal.reason.status()),
            "code": refusal.map(|refusal| refusal.reason.code()),
            "param": refusal.and_then(|refusal| refusal.param.as_deref()),
            "message": refusal.map(|refusal| refusal.message.as_str()),
        })
        .to_string(),
    }
}
