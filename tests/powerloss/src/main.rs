//! The long run, and the child of every run. See the library.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use hub_powerloss::check::{Acked, Work};
use hub_powerloss::disk::Beliefs;
use hub_powerloss::explore::{Search, Summary, again, explore};
use hub_powerloss::rig::{Recording, Rig, copy_dir, scratch};
use hub_powerloss::{child, faults, room, trace};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Cuts the power of the event log, many times, and looks for what it acknowledged.
#[derive(Parser)]
struct Args {
    /// Cuts for each scenario.
    #[arg(long, default_value_t = 1000)]
    cuts: usize,
    /// Decides everything but the timing of threads; random without.
    #[arg(long)]
    seed: Option<u64>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// The process under test; for the harness itself.
    #[command(subcommand, hide = true)]
    Child(Child),
    /// Makes one cut of a kept recording again.
    Repeat {
        /// Where it was kept.
        dir: PathBuf,
        /// After how many events.
        #[arg(long)]
        at: usize,
        /// The cut's seed.
        #[arg(long)]
        seed: u64,
        /// The model's seed, if that was the work.
        #[arg(long)]
        model: Option<u64>,
    },
}

#[derive(Subcommand)]
enum Child {
    Writers {
        #[arg(long)]
        disk: PathBuf,
        #[arg(long)]
        batches: u64,
        #[arg(long)]
        opens: u64,
        #[arg(long, default_value_t = 0)]
        fill: u64,
    },
    Model {
        #[arg(long)]
        disk: PathBuf,
        #[arg(long)]
        seed: u64,
        #[arg(long)]
        operations: u64,
    },
    Open {
        #[arg(long)]
        disk: PathBuf,
    },
    Faults {
        #[arg(long)]
        disk: PathBuf,
        #[arg(long)]
        order: Vec<String>,
        #[arg(long)]
        shows: bool,
        #[arg(long)]
        restarts: bool,
    },
    Opening {
        #[arg(long)]
        disk: PathBuf,
        #[arg(long)]
        order: String,
    },
    Full {
        #[arg(long)]
        disk: PathBuf,
    },
    Overfull {
        #[arg(long)]
        disk: PathBuf,
    },
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    match args.what {
        Some(What::Child(child)) => be(child).map(|()| ExitCode::SUCCESS),
        Some(What::Repeat { dir, at, seed, model }) => repeat(dir, at, seed, model),
        None => long(args.cuts, args.seed.unwrap_or_else(|| rand::rng().random())),
    }
}

fn be(child: Child) -> Result<()> {
    match child {
        Child::Writers { disk, batches, opens, fill } => {
            child::run_writers(&disk, batches, opens, fill)
        }
        Child::Model { disk, seed, operations } => child::run_model(&disk, seed, operations),
        Child::Open { disk } => child::run_open(&disk),
        Child::Faults { disk, order, shows, restarts } => {
            faults::run(&disk, &order, shows, restarts)
        }
        Child::Opening { disk, order } => faults::run_opening(&disk, &order),
        Child::Full { disk } => room::filled_by_another(&disk),
        Child::Overfull { disk } => room::filled_by_itself(&disk),
    }
}

/// Cuts of one recording: more recordings see more, but take their time.
const CUTS_EACH: usize = 50;

/// Their names, and which share of the cuts they get: one part in so many.
const SCENARIOS: [(&str, usize); 5] = [
    ("an empty directory", 1),
    ("an existing log", 1),
    ("several segments", 1),
    ("random operations", 1),
    ("the dedup index", 20),
];

fn long(cuts: usize, seed: u64) -> Result<ExitCode> {
    println!("seed {seed}");
    let rig = Rig::new(std::env::current_exe()?)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut all_kept = true;
    for (name, share) in SCENARIOS {
        let mut total = Summary::default();
        let mut rest = cuts.div_ceil(share);
        while rest > 0 {
            let seed = random.random();
            let (recording, work, before) = scenario(&rig, name, seed)?;
            let search = Search {
                cuts: rest.min(CUTS_EACH),
                seed,
                beliefs: Beliefs::SOUND,
                recovery_every: 10,
                stop: false,
            };
            rest -= search.cuts;
            let found = explore(&rig, &recording, work, &before, search)?;
            if !found.failures.is_empty() {
                let kept = recording.keep(&before)?;
                for failure in &found.failures {
                    println!("FAILED after {} events: {}", failure.at, failure.error);
                    println!("  again: {}", kept.again(failure.at, seed, work));
                }
                all_kept = false;
            }
            total += found;
        }
        println!("{name}: {total}");
    }
    Ok(if all_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn scenario(rig: &Rig, name: &str, seed: u64) -> Result<(Recording, Work, Acked)> {
    let writers = |batches: u64, opens: u64| {
        vec!["writers".into(), format!("--batches={batches}"), format!("--opens={opens}")]
    };
    let none = Acked::default();
    Ok(match name {
        "an empty directory" => {
            (rig.record(None, &writers(80 + seed % 300, 1 + seed % 4))?, Work::Writers, none)
        }
        "random operations" => {
            let args = ["model".into(), format!("--seed={seed}"), "--operations=300".into()];
            (rig.record(None, &args)?, Work::Model(seed), none)
        }
        "the dedup index" => {
            let with = |fill: u64, batches, opens| {
                [writers(batches, opens), vec![format!("--fill={fill}")]].concat()
            };
            // Just before the fourth part of the index, after which all four become one.
            let first = rig.record(None, &with(254, 80, 1 + seed % 2))?;
            let before = acked(&first);
            let more = rig.record(Some(&first.disk()), &with(44, 160, 2))?;
            (more, Work::Writers, before)
        }
        other => {
            let many = if other == "several segments" { 1_600 } else { 500 };
            let first = rig.record(None, &writers(many, 2))?;
            let before = acked(&first);
            let more = rig.record(Some(&first.disk()), &writers(many, 3))?;
            (more, Work::Writers, before)
        }
    })
}

/// What a recording acknowledges.
fn acked(recording: &Recording) -> Acked {
    let mut acked = Acked::default();
    for event in &recording.events {
        if let trace::Event::Mark(mark) = event {
            acked.note(mark);
        }
    }
    acked
}

fn repeat(kept: PathBuf, at: usize, seed: u64, model: Option<u64>) -> Result<ExitCode> {
    ensure!(kept.join("trace").is_file(), "{} holds no recording", kept.display());
    let dir = scratch()?;
    copy_dir(&kept, dir.path())?;
    let mut before = Acked::default();
    std::fs::read_to_string(kept.join("before"))?.lines().for_each(|line| before.note(line));
    let events = trace::read(&kept.join("trace"))?;
    let recording = Recording { dir, events };
    let work = model.map_or(Work::Writers, Work::Model);
    let beliefs = Beliefs::SOUND;
    let search = Search { cuts: 1, seed, beliefs, recovery_every: 10, stop: false };
    let rig = Rig::new(std::env::current_exe()?)?;
    let found = again(&rig, &recording, work, &before, search, at)?;
    println!("{found}");
    found.failures.iter().for_each(|failure| println!("{}", failure.error));
    Ok(if found.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
