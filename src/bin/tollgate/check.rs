//! `tollgate check`

use std::path::PathBuf;
use std::process::ExitCode;

use crate::policy_file;

/// Say whether policies are right: every mistake with its place, and what would be right
///
/// Exit status: 0 when all are right, 1 otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Policies in YAML, or in JSON where the name ends in .json
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Checks each file; mistakes go to standard output, one a line.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut all_right = true;
    for file in &args.files {
        match policy_file::read(file) {
            Ok(_) => println!("{}: ok", file.display()),
            Err(mistakes) => {
                all_right = false;
                println!("{}", mistakes.join("\n"));
            }
        }
    }
    if all_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
