//! `tollgate bootstrap`, and the options that it shares with `tollgate run`.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use tollgate::provider::BaseUrl;

use crate::admin::Admin;
use crate::envoy::{self, Sds};
use crate::policy_file::{self, PolicyFile};
use crate::secrets::SecretArg;

/// Print the Envoy configuration that `tollgate run` would run with the same options
///
/// Envoy reads the secrets from where the options say, once; with --sds-dir, from SDS files, which it reads again when one is
/// replaced by a rename.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// Take each secret NAME from the SDS file DIR/NAME.json
    #[arg(long, value_name = "DIR")]
    sds_dir: Option<PathBuf>,
}

/// What `run` and `bootstrap` have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The policy
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// Where clients connect; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Serve TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where Envoy's admin interface listens; without it, on a socket in the run directory
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) admin: Option<SocketAddr>,
    /// Worker threads of Envoy; without it, one for each core
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<u32>,
    /// Where a provider is; prevails over the policy's `url`
    // Not parsed by clap, for the same reason as secrets.
    #[arg(long, value_name = "PROVIDER=URL")]
    upstream: Vec<String>,
    /// A secret that the policy names
    // Not parsed by clap, whose error would repeat a secret that somebody wrote there.
    #[arg(long, value_name = "NAME=@FILE|NAME=env:VAR")]
    secret: Vec<String>,
    /// The Envoy to run; without it: $ENVOY, then `envoy` on the PATH, then func-e's
    #[arg(long, value_name = "PATH")]
    pub(crate) envoy: Option<PathBuf>,
    /// The compiled filter; without it, tollgate.wasm beside this command or in the folder above
    #[arg(long, value_name = "FILE", env = "TOLLGATE_FILTER")]
    pub(crate) filter: Option<PathBuf>,
    /// Write the access log there, one JSON object a line; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) access_log: Option<PathBuf>,
}

/// `PROVIDER=URL`.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) provider: String,
    pub(crate) url: BaseUrl,
}

impl Upstream {
    fn parse(written: &str) -> anyhow::Result<Self> {
        let (provider, url) = written.split_once('=').context("--upstream: write PROVIDER=URL")?;
        let url = BaseUrl::parse(url).map_err(|problem| anyhow!("--upstream {provider}=…: {problem}"))?;
        Ok(Self { provider: provider.to_owned(), url })
    }
}

/// Prints the configuration as YAML.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let policy = args.options.read_policy()?;
    let admin = args.options.admin.map(Admin::Address);
    let sds_dir = args.sds_dir.as_ref().map(std::path::absolute).transpose()?;
    let sds = sds_dir.as_deref().map_or(Sds::Static, Sds::Dir);
    let configuration = envoy::configuration(&args.options, &policy, admin.as_ref(), sds)?;
    print!("{}", serde_saphyr::to_string(&configuration)?);
    Ok(())
}

impl Options {
    /// Reads the policy; its mistakes, all of them, are the error.
    pub(crate) fn read_policy(&self) -> anyhow::Result<PolicyFile> {
        policy_file::read(&self.policy).map_err(|mistakes| anyhow!("the policy is not right:\n{}", mistakes.join("\n")))
    }

    /// The secrets, where they are well-formed.
    pub(crate) fn secrets(&self) -> anyhow::Result<Vec<SecretArg>> {
        self.secret.iter().map(|written| SecretArg::parse(written)).collect()
    }

    /// The upstreams, where they are well-formed.
    pub(crate) fn upstreams(&self) -> anyhow::Result<Vec<Upstream>> {
        self.upstream.iter().map(|written| Upstream::parse(written)).collect()
    }

    /// The compiled filter.
    pub(crate) fn find_filter(&self) -> anyhow::Result<PathBuf> {
        let beside = |up: usize| Some(std::env::current_exe().ok()?.ancestors().nth(up)?.join("tollgate.wasm"));
        let given = self.filter.clone();
        let places: Vec<_> = match given {
            Some(given) => vec![given],
            None => [beside(1), beside(2)].into_iter().flatten().collect(),
        };
        let found = places.iter().find(|place| place.is_file()).context(
            "the compiled filter is not there: build it with `make filter`, or say where it is with --filter",
        )?;
        std::path::absolute(found).context("the filter's path")
    }
}
