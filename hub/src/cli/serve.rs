//! `hub serve`
use super::{Failure, args::ConfigArgs};
use crate::{app, config};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the hub until SIGTERM or Ctrl-C.
pub async fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    super::init_tracing("info");
    let loaded = config::load(&args.config)?;
    // Before anybody is told that the hub is there: who hears it may stop it at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let running = app::start(&loaded).await?;
    // The one line on standard output: scripts and tests wait for it.
    println!("listening on {}", running.base_url());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = running.hub.stop.cancelled() => {}
    }
    tracing::info!("stopping: finishing what is under way");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}
