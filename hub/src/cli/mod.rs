//! The command line. Commands about a running hub speak to it over HTTP; those about files need
//! no hub.
mod args;
mod backup;
mod bench;
mod check;
mod client;
mod clients;
mod connection;
mod events;
mod init;
mod output;
mod plugin;
mod proof;
mod quarantine;
mod rebuild;
mod serve;

pub use args::DemoArgs;
use args::{Cli, Command};
use clap::Parser as _;
use std::process::ExitCode;

/// An error, as the person at the terminal reads it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the async runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run(cli));
    // Threads that wait for a line of input or a slow disk do not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

async fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Demo(args) => crate::demo::run(args).await,
        Command::Init(args) => init::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Serve(args) => serve::run(&args).await,
        Command::Events(args) => events::run(args).await,
        Command::Quarantine(args) => quarantine::run(args).await,
        Command::Client(args) => clients::run(args).await,
        Command::Connection(args) => connection::run(args).await,
        Command::Plugin(args) => plugin::run(&args),
        Command::Rebuild(args) => rebuild::run(&args),
        Command::Backup(args) => backup::backup(&args).await,
        Command::Restore(args) => backup::restore(&args),
        Command::Bench(args) => bench::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Logs to standard error: `HUB_LOG` chooses what (`info` by default), `HUB_LOG_FORMAT=json` how.
pub fn init_tracing(default: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("HUB_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr);
    // A second call, as in tests, keeps the first subscriber.
    let json = std::env::var_os("HUB_LOG_FORMAT").is_some_and(|v| v == "json");
    drop(if json { builder.json().try_init() } else { builder.try_init() });
}
