//! The day: every client's journey, the rogue's attempts, and how far it all has come.
use super::facts::{ClientFacts, DayFacts};
use super::journey::{Journey, scaled};
use super::plan::{ClientPlan, Plan};
use super::progress::Progress;
use super::watcher::Watcher;
use super::{DemoError, HubApi, World, connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// In how many seconds clients come, at speed 1 and 200 of them.
const ARRIVALS_S: f64 = 14.0;
/// Clients that come in those seconds; more take longer.
const ARRIVALS_CLIENTS: f64 = 200.0;
/// Between two looks at how far it has come.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// What the rogue is told to do; every other word makes another body.
const ROGUE_DOES: [&str; 5] = ["panic", "loop", "flood", "alloc", "recurse"];
/// How often it is told.
const ROGUE_ROUNDS: usize = 2;

/// How the day shall be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayOptions {
    /// How many clients register.
    pub clients: usize,
    /// Who does what.
    pub seed: u64,
    /// How fast it passes: 1 is about half a minute.
    pub speed: f64,
    /// Clients at once; others wait until one has finished.
    pub at_once: usize,
}

impl Default for DayOptions {
    fn default() -> Self {
        Self { clients: 200, seed: 1, speed: 1.0, at_once: 64 }
    }
}

/// A day at a broker and prop firm. The hub may be killed and started again while it runs.
pub struct Day {
    pub(super) world: Arc<World>,
    pub(super) hub: HubApi,
    pub(super) watcher: Arc<Watcher>,
    options: DayOptions,
    began: Instant,
}

impl Day {
    /// A day against the hub at `http://host:port`, which must be configured for this world, have
    /// an empty log, and get the world's webhooks ([`World::point_webhooks_at`]).
    ///
    /// # Errors
    /// When no HTTP client can be built.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(world: Arc<World>, hub_url: &str, options: DayOptions) -> Result<Self, DemoError> {
        let hub = HubApi::new(hub_url)?;
        let watcher = Arc::new(Watcher::start(hub.clone()));
        Ok(Self { world, hub, watcher, options, began: Instant::now() })
    }

    /// Runs the day; says what was done once everyone is finished.
    ///
    /// # Errors
    /// When something that must come to pass does not: the first such thing.
    pub async fn run(
        &mut self,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<DayFacts, DemoError> {
        self.began = Instant::now();
        let plan = Plan::new(self.options.seed, self.options.clients);
        self.world.disturb();
        let (mut clients, mut rogue) = self.begin(plan).await?;
        let mut facts = DayFacts::default();
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        while !(clients.is_empty() && rogue.is_empty()) {
            tokio::select! {
                // A failure ends the day: dropping the set stops the other journeys.
                Some(done) = clients.join_next() => facts.clients.push(done??),
                Some(done) = rogue.join_next() => facts.rogue_bodies += done??,
                _ = ticks.tick() => progress(self.progress("the day", facts.clients.len())),
            }
        }
        facts.clients.sort_by(|a, b| a.plan.client.cmp(&b.plan.client));
        self.settle(&facts, progress).await?;
        facts.took = self.began.elapsed();
        Ok(facts)
    }

    pub(super) fn progress(&self, phase: &'static str, done: usize) -> Progress {
        let (elapsed, clients) = (self.began.elapsed(), self.options.clients);
        self.watcher.look(|view| Progress::of(view, phase, elapsed, done, clients))
    }

    /// Sends everyone on the way.
    async fn begin(&self, plan: Plan) -> Result<(Journeys, JoinSet<Sent>), DemoError> {
        let speed = self.options.speed;
        let journey = Arc::new(Journey {
            world: self.world.clone(),
            hub: self.hub.clone(),
            watcher: self.watcher.clone(),
            seed: self.options.seed,
            speed,
        });
        let arrivals_s = ARRIVALS_S * (plan.clients.len() as f64 / ARRIVALS_CLIENTS).max(0.2);
        let turns = Arc::new(Semaphore::new(self.options.at_once.max(1)));
        let mut clients = JoinSet::new();
        for client in plan.clients {
            let arrives = scaled(client.arrives * arrivals_s, speed);
            clients.spawn(one_client(journey.clone(), turns.clone(), client, arrives));
        }
        let mut rogue = JoinSet::new();
        if self.has_rogue().await? {
            rogue.spawn(misbehave(self.world.clone(), self.hub.clone(), arrivals_s / speed));
        }
        Ok((clients, rogue))
    }

    async fn has_rogue(&self) -> Result<bool, DemoError> {
        let answer = self.hub.get("/v1/connections").await?;
        let all = answer["connections"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(all.iter().any(|one| one["id"] == connection::ROGUE))
    }
}

type Journeys = JoinSet<Result<ClientFacts, DemoError>>;
type Sent = Result<usize, DemoError>;

async fn one_client(
    journey: Arc<Journey>,
    turns: Arc<Semaphore>,
    plan: ClientPlan,
    arrives: Duration,
) -> Result<ClientFacts, DemoError> {
    tokio::time::sleep(arrives).await;
    let _turn = turns.acquire().await;
    journey.run(ClientFacts::new(plan)).await
}

/// Sends the rogue connector what makes it trap, loop and flood; gives how many bodies.
async fn misbehave(world: Arc<World>, hub: HubApi, over_s: f64) -> Sent {
    let mut sent = 0;
    let bodies = (0..ROGUE_ROUNDS).flat_map(|round| ROGUE_DOES.map(|does| (round, does)));
    let pause = scaled(over_s / (ROGUE_ROUNDS * ROGUE_DOES.len()) as f64, 1.0);
    for (round, does) in bodies {
        tokio::time::sleep(pause).await;
        // What it does is read off the beginning; the rest makes the body another one.
        let body = format!("{does} {round}");
        let status = hub.hook(connection::ROGUE, &world.rogue_signature(&body), &body).await?;
        if status != 202 {
            let why = format!("{body:?} got {status}, and a quarantined delivery is answered 202");
            return Err(DemoError::answer(format!("POST /hooks/{}", connection::ROGUE), why));
        }
        sent += 1;
    }
    Ok(sent)
}
