//! The day of the demo with the hub killed again and again, against one that is left alone.
use crate::harness::{Hub, Setup};
use hub::demo::audit::{Invariant, audit};
use hub::demo::{Day, DayFacts, DayOptions, World, books};
use hub_simulators::Ids;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

const CLIENTS: usize = 60;
const KILLS: usize = 20;
/// Of the day, and of the moments at which the hub is killed.
const SEED: u64 = 9;
/// How long a hub lives at least and at most before it is killed.
const LIFE_MS: (u64, u64) = (100, 1_000);
/// Slow enough that all the kills are in the midst of the day.
const SPEED_WHILE_KILLED: f64 = 0.4;

/// What a day came to.
struct Ended {
    invariants: Vec<Invariant>,
    books: String,
}

async fn world() -> Arc<World> {
    Arc::new(World::start(SEED).await.expect("the vendors"))
}

/// A hub for this world; its configuration is the demo's own.
async fn hub(world: &World) -> Hub {
    let setup = Setup::new();
    let listen: SocketAddr = free_address();
    let rogue = Path::new(Setup::HOSTILE);
    world.write_config(setup.root(), listen, Some(rogue)).expect("hub.toml");
    let hub = Hub::start_written(setup).await;
    world.point_webhooks_at(&hub.base_url());
    hub
}

fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

fn options(speed: f64) -> DayOptions {
    DayOptions { clients: CLIENTS, seed: SEED, speed, ..DayOptions::default() }
}

async fn ended(world: &World, url: &str, facts: &DayFacts) -> Ended {
    let invariants = audit(world, url, facts).await.expect("the audit");
    let books = books::digest(world, url, facts).await.expect("the books");
    Ended { invariants, books }
}

async fn undisturbed() -> Ended {
    let world = world().await;
    let hub = hub(&world).await;
    let url = hub.base_url();
    let mut day = Day::new(world.clone(), &url, options(1.0)).expect("a day");
    let facts = day.run(&mut |_| {}).await.expect("the day goes to its end");
    ended(&world, &url, &facts).await
}

/// The day, and how often the hub was killed in it.
async fn disturbed() -> (Ended, usize) {
    let world = world().await;
    let mut hub = hub(&world).await;
    let url = hub.base_url();
    let over = Arc::new(AtomicBool::new(false));
    let (driven, told) = (world.clone(), over.clone());
    let address = url.clone();
    let day = tokio::spawn(async move {
        let mut day = Day::new(driven, &address, options(SPEED_WHILE_KILLED))?;
        let facts = day.run(&mut |_| {}).await;
        told.store(true, SeqCst);
        facts
    });
    let mut dice = Ids::new(SEED);
    let mut kills = 0;
    while kills < KILLS && !over.load(SeqCst) {
        let span = (LIFE_MS.1 - LIFE_MS.0) as f64;
        let life = LIFE_MS.0 + (dice.unit() * span) as u64;
        tokio::time::sleep(Duration::from_millis(life)).await;
        if over.load(SeqCst) {
            break;
        }
        hub.kill9().await;
        kills += 1;
        hub.start_written_again().await;
    }
    let facts = day.await.expect("the day's task").expect("the day goes to its end");
    (ended(&world, &url, &facts).await, kills)
}

#[track_caller]
fn all_held(what: &str, ended: &Ended) {
    let broken: Vec<_> = ended.invariants.iter().filter(|i| !i.held).collect();
    assert!(broken.is_empty(), "{what}: {broken:#?}");
    assert!(!ended.invariants.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_in_a_day_leave_the_same_books() {
    let started = Instant::now();
    let calm = undisturbed().await;
    all_held("the undisturbed day", &calm);
    eprintln!("the undisturbed day took {:?}", started.elapsed());
    let started = Instant::now();
    let (ended, kills) = disturbed().await;
    eprintln!("the day with {kills} kills took {:?}", started.elapsed());
    all_held("the day with kills", &ended);
    assert_eq!(kills, KILLS, "the day was over before the hub was killed often enough");
    for (calm, disturbed) in calm.books.lines().zip(ended.books.lines()) {
        assert_eq!(calm, disturbed, "the books differ");
    }
    assert_eq!(calm.books, ended.books);
}
