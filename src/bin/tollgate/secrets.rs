//! The secrets of a run: where they come from, and the SDS files from which Envoy reads them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tollgate::provider::is_usable;

/// `NAME=@FILE` or `NAME=env:VAR`.
#[derive(Debug, Clone)]
pub(crate) struct SecretArg {
    /// The name by which the policy knows the secret.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) source: Source,
}

/// Where a secret is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

impl SecretArg {
    /// Reads `NAME=@FILE` or `NAME=env:VAR`.
    pub(crate) fn parse(written: &str) -> anyhow::Result<Self> {
        let (name, source) = written.split_once('=').unwrap_or((written, ""));
        let source = if let Some(file) = source.strip_prefix('@').filter(|file| !file.is_empty()) {
            Source::File(file.into())
        } else if let Some(variable) = source.strip_prefix("env:").filter(|variable| !variable.is_empty()) {
            Source::Env(variable.to_owned())
        } else {
            // What stands there may be the secret itself: it is not repeated.
            bail!("--secret: write NAME=@FILE or NAME=env:VAR; a secret itself never stands on a command line");
        };
        Ok(Self { name: name.to_owned(), source })
    }
}

impl Source {
    fn read(&self) -> anyhow::Result<String> {
        let secret = match self {
            Self::File(file) => {
                fs::read_to_string(file).with_context(|| format!("cannot read the secret in {}", file.display()))?
            }
            Self::Env(variable) => {
                std::env::var(variable).with_context(|| format!("cannot read the secret in ${variable}"))?
            }
        };
        let secret = secret.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            bail!("the secret in {self} is empty");
        }
        if !is_usable(secret.as_bytes()) {
            bail!(
                "the secret in {self} has characters that no header can carry: spaces, line breaks, or other than ASCII"
            );
        }
        Ok(secret.to_owned())
    }

    /// An Envoy `DataSource` that reads the same.
    pub(crate) fn data_source(&self) -> anyhow::Result<Value> {
        Ok(match self {
            Self::File(file) => {
                self.read()?;
                json!({ "filename": std::path::absolute(file)? })
            }
            // May be set where Envoy will run only.
            Self::Env(variable) => json!({ "environment_variable": variable }),
        })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => file.display().fmt(f),
            Self::Env(variable) => write!(f, "${variable}"),
        }
    }
}

/// SDS files that are kept in step with the secrets' sources.
#[derive(Debug)]
pub(crate) struct SdsFiles {
    dir: PathBuf,
    written: Vec<(SecretArg, String)>,
    /// The last reason for which a source could not be read, so that it is told once.
    unreadable: Option<String>,
}

impl SdsFiles {
    /// Writes one file for each secret into `dir`, readable by this user alone.
    pub(crate) fn write(dir: &Path, secrets: &[SecretArg]) -> anyhow::Result<Self> {
        let mut files = Self { dir: dir.to_owned(), written: Vec::new(), unreadable: None };
        for secret in secrets {
            let value = secret.source.read()?;
            files.write_one(&secret.name, &value)?;
            files.written.push((secret.clone(), value));
        }
        Ok(files)
    }

    /// Writes the files again of which the source has another secret now. A source that cannot be read, as in the middle
    /// of a rotation, leaves what was there.
    pub(crate) fn refresh(&mut self) -> anyhow::Result<()> {
        let mut unreadable = None;
        let mut changed = Vec::new();
        for (secret, current) in &mut self.written {
            match secret.source.read() {
                Ok(value) if value != *current => {
                    current.clone_from(&value);
                    changed.push((secret.name.clone(), value));
                }
                Ok(_) => {}
                Err(error) => unreadable = Some(format!("secret {}: {error:#}; the one before stays", secret.name)),
            }
        }
        for (name, value) in changed {
            self.write_one(&name, &value)?;
            eprintln!("tollgate: secret {name} has changed; Envoy takes it on");
        }
        if let Some(reason) = unreadable.as_ref().filter(|reason| self.unreadable.as_ref() != Some(*reason)) {
            eprintln!("tollgate: {reason}");
        }
        self.unreadable = unreadable;
        Ok(())
    }

    /// Envoy reads a file again when another takes its place by a rename; it must never see half of one.
    fn write_one(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let path = sds_path(&self.dir, name);
        let partial = path.with_extension("partial");
        let secret = json!({
            "resources": [{
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
                "name": name,
                "generic_secret": { "secret": { "inline_string": value } },
            }]
        });
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(secret.to_string().as_bytes())?;
        drop(file);
        fs::rename(&partial, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The SDS file of the secret `name` in `dir`.
pub(crate) fn sds_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.json"))
}
