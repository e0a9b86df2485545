//! `hub demo`.
use super::audit::{Evidence, judge};
use super::progress::Shown;
use super::{Day, DayOptions, DemoError, World, summary};
use crate::cli::DemoArgs;
use crate::{app, config, plugins};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// What the hub says while the day runs. The table in the end says the rest, and the rogue
/// connector's last words are part of the day.
const LOG_DEFAULT: &str = "error,connector=off";

/// Runs the command: a day, its summary, and then the console until Ctrl-C.
///
/// # Errors
/// When the day cannot be run to its end.
pub async fn run(args: DemoArgs) -> Result<ExitCode, crate::cli::Failure> {
    crate::cli::init_tracing(LOG_DEFAULT);
    let scratch = match &args.data {
        Some(_) => None,
        None => Some(Scratch::new()?),
    };
    let dir = args.data.as_deref().or(scratch.as_ref().map(Scratch::path));
    let dir = dir.ok_or("no directory for the demo's data")?;
    Ok(if whole(&args, dir).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The day in `dir`; true if every invariant held.
async fn whole(args: &DemoArgs, dir: &Path) -> Result<bool, DemoError> {
    refuse_used(dir)?;
    crate::install_crypto();
    let world = Arc::new(World::start(args.seed).await?);
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let rogue = PathBuf::from("rogue.wasm");
    let path = world.write_config(dir, listen, Some(&rogue))?;
    let component = dir.join(&rogue);
    std::fs::write(&component, plugins::ROGUE).map_err(DemoError::file(&component))?;
    eprintln!("starting four simulated vendors and the hub; data in {}", dir.display());
    let mut running = app::start(&config::load(&path)?).await?;
    let url = running.base_url();
    world.point_webhooks_at(&url);
    eprintln!("console: {url}/");
    let held = tokio::select! {
        held = the_day(args, &world, &url) => held,
        () = interrupted() => {
            eprintln!("\ninterrupted: the day is not over");
            Ok(false)
        }
        () = running.wait() => {
            let why = running.hub.engine_failure();
            let why = why.unwrap_or_else(|| "it was told to stop".to_owned());
            Err(DemoError::answer("the hub", format!("it stopped in the middle of the day: {why}")))
        }
    };
    if let (Ok(held), false) = (&held, args.once) {
        let how = if *held { "every invariant held" } else { "AN INVARIANT DID NOT HOLD" };
        eprintln!("{how}; the console stays at {url}/ until Ctrl-C");
        tokio::select! {
            () = running.wait() => {}
            () = interrupted() => eprintln!(),
        }
    }
    running.stop().await;
    held
}

/// Waits for Ctrl-C; forever, where it cannot be heard.
async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "Ctrl-C cannot be heard");
        std::future::pending::<()>().await;
    }
}

async fn the_day(args: &DemoArgs, world: &Arc<World>, url: &str) -> Result<bool, DemoError> {
    let options = DayOptions {
        clients: args.clients,
        seed: args.seed,
        speed: args.speed,
        ..DayOptions::default()
    };
    let mut day = Day::new(world.clone(), url, options)?;
    let mut shown = Shown::new();
    let facts = day.run(&mut |progress| shown.show(&progress)).await;
    shown.end();
    let evidence = Evidence::gather(world, url, &facts?).await?;
    let invariants = judge(&evidence);
    println!("{}", summary::table(&evidence, &invariants));
    Ok(invariants.iter().all(|invariant| invariant.held))
}

/// A day is audited against a whole log, so the log must be its own.
fn refuse_used(dir: &Path) -> Result<(), DemoError> {
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(DemoError::NotEmpty { path: dir.to_owned() }),
        Ok(false) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(DemoError::file(dir)(error)),
    }
}

/// A directory for this demo alone, gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, DemoError> {
        let name = format!("hub-demo-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        // Fails if it is there: nobody else can have made it for us.
        builder.create(&path).map_err(DemoError::file(&path))?;
        Ok(Self(path))
    }
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the demo's data was not removed");
        }
    }
}
