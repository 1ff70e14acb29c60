//! `tollgate hash-key`

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tollgate::client::KeyHash;

/// Make a virtual key, or hash one: the client gets the key, the policy the hash
///
/// A new key holds 256 random bits. The hash is plain SHA-256, which is safe for such keys only: do not hash words or
/// short keys that somebody could guess.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A key that exists already; `-` reads it from standard input, where no list of processes shows it
    key: Option<String>,
}

/// Prints the key and its hash.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let key = match args.key.as_deref() {
        None => new_key()?,
        Some("-") => {
            let mut key = String::new();
            std::io::stdin().read_to_string(&mut key).context("cannot read the key from standard input")?;
            key.trim_end_matches(['\r', '\n']).to_owned()
        }
        Some(key) => key.to_owned(),
    };
    let is_token = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_token, "a key has printable ASCII characters only, and no spaces: it is sent in a header");
    println!("key:  {key}");
    println!("hash: {}", KeyHash::of(key.as_bytes()));
    Ok(())
}

fn new_key() -> anyhow::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    Ok(format!("tg-{}", BASE64_URL_SAFE_NO_PAD.encode(random)))
}
