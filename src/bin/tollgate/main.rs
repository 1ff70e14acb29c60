//! The `tollgate` command: check a policy, try it in an Envoy of one's own, make keys.

mod admin;
mod bootstrap;
mod check;
mod envoy;
mod hash_key;
mod judge;
mod policy_file;
mod run;
mod secrets;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks and tries policies of Tollgate, the filter that makes Envoy a safe front door for LLM traffic.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tollgate hash-key                             make a key for a client
  tollgate check policy.yaml                    find every mistake in a policy
  tollgate judge --path /v1/chat/completions body.json
  tollgate run --policy policy.yaml --secret openai=@openai.key
  tollgate bootstrap --policy policy.yaml > envoy.yaml && envoy --mode validate -c envoy.yaml";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Judge(judge::Args),
    Run(run::Args),
    Bootstrap(bootstrap::Args),
    HashKey(hash_key::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Check(args) => Ok(check::run(&args)),
        Command::Judge(args) => Ok(judge::run(&args)),
        Command::Run(args) => run::run(&args),
        Command::Bootstrap(args) => bootstrap::run(&args).map(|()| ExitCode::SUCCESS),
        Command::HashKey(args) => hash_key::run(&args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("tollgate: {error:#}");
        ExitCode::FAILURE
    })
}
