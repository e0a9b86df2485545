//! The MetaTrader 5 Web API simulator: a session bound to its TCP connection, accounts, balance operations,
//! positions, deals, and a clock in the broker's own time.
//!
//! Facts are MetaQuotes' Web API documentation (`support.metaquotes.net`): log-in in [`auth`], server time in
//! [`time`]. The traps of the real thing are here on purpose: balance operations take no
//! idempotency key, comments are cut at 31 characters, numbers are strings, times look like UTC and are not, an
//! account with no deal has no trade state, and what is asked of a dealer is only queued.
//!
//! Operation names for [`Rule`](crate::Rule) are the path with dashes: `auth-start`, `auth-answer`, `test-access`,
//! `user-add`, `user-get`, `user-update`, `user-logins`, `user-account-get`, `user-account-get-batch`,
//! `trade-balance`, `position-get-page`, `deal-get-page`, `dealer-send-request`, `dealer-get-request-result` … A
//! decline's code is a return code (`3006`).
//!
//! From memory rather than the documentation: HTTP 403 for calls with no session and for a failed log-in, and the
//! spelling of the single-value answers (see [`AnswerKeys`]). Left out: swaps, commission, pending orders, stops,
//! netting accounts, symbols' settings, HTTPS.

pub mod auth;
pub mod books;
mod control;
mod dealer;
mod handlers;
mod params;
mod queries;
pub mod retcode;
pub mod time;
mod users;
mod wire;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use books::{AccountBook, Deal, Mt5Books, Position, Side, VOLUME_PER_LOT};

use crate::{Clock, Faults, Server, SimError, Simulator};
use time::{NEW_YORK_CLOSE, ServerTime};
use world::{By, World};

/// A group of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// With its path, as in `demo\forex-usd`.
    pub name: String,
    /// The accounts' currency.
    pub currency: String,
    /// Decimals of money.
    pub currency_digits: u32,
    /// The shortest password; below 8 counts as 8.
    pub password_chars_min: usize,
}

impl Group {
    /// A group of accounts in `currency` with two decimals.
    #[must_use]
    pub fn new(name: &str, currency: &str) -> Self {
        Self {
            name: name.into(),
            currency: currency.into(),
            currency_digits: 2,
            password_chars_min: 8,
        }
    }
}

/// How `ticket`, `id` and `total` are spelled in answers. The documentation prints `Ticket`, `ID`, `Total`; clients
/// that work against real servers read `ticket` and `id`. A connector should not care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKeys {
    /// As working clients read them.
    Lowercase,
    /// As the documentation prints them.
    Documented,
}

/// How the simulator is set up.
#[derive(Debug, Clone)]
pub struct Mt5Config {
    /// The manager who may log in.
    pub manager_login: u64,
    /// The manager's password.
    pub manager_password: String,
    /// Groups that exist and that the manager may use.
    pub groups: Vec<Group>,
    /// The first login to give out.
    pub login_min: u64,
    /// The last login to give out; after it, accounts are refused with 3002.
    pub login_max: u64,
    /// The broker's zone, a POSIX TZ string.
    pub time_zone: String,
    /// The spelling of single-value answers.
    pub answer_keys: AnswerKeys,
    /// Whether an account with no deal has no trade state (`/api/user/account/get` answers `13 Not found`), as the
    /// documentation says.
    pub state_needs_activity: bool,
    /// How long a challenge may wait for its answer.
    pub auth_window: Duration,
    /// A session ends after so long without a request.
    pub idle_max: Duration,
    /// How long a dealer's request takes before its result can be fetched.
    pub dealer_delay: Duration,
    /// Seed of identifiers and chance.
    pub seed: u64,
    /// Where to listen.
    pub bind: SocketAddr,
    /// The time, before it is turned into server time.
    pub clock: Clock,
}

impl Default for Mt5Config {
    fn default() -> Self {
        Self {
            manager_login: 1000,
            manager_password: "Sim#Manager1".into(),
            groups: vec![
                Group::new("demo\\forex-usd", "USD"),
                Group::new("demo\\forex-eur", "EUR"),
                Group::new("real\\forex-usd", "USD"),
                Group::new("prop\\challenge-usd", "USD"),
                Group::new("prop\\verification-usd", "USD"),
                Group::new("prop\\funded-usd", "USD"),
            ],
            login_min: 500_001,
            login_max: 599_999,
            time_zone: NEW_YORK_CLOSE.into(),
            answer_keys: AnswerKeys::Lowercase,
            state_needs_activity: true,
            auth_window: Duration::from_secs(10),
            idle_max: Duration::from_secs(180),
            dealer_delay: Duration::ZERO,
            seed: 0,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::system(),
        }
    }
}

/// Where the market puts an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// Its open positions have this floating profit together.
    Floating(Decimal),
    /// Its equity is this much: the floating profit follows.
    Equity(Decimal),
}

/// A trade that a client makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The account.
    pub login: u64,
    /// The symbol, such as `EURUSD`.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// In units of 1/10000 lot.
    pub volume: u64,
    /// The opening price.
    pub price: Decimal,
}

/// Why the market could not do that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarketError {
    /// The platform refuses, with its return code.
    #[error("MT5 refuses for account {login}: {}", retcode::wire(*.code))]
    Refused {
        /// The account.
        login: u64,
        /// The return code.
        code: u32,
    },
    /// There is nothing to move.
    #[error("MT5 account {0} has no open position, so its equity cannot float: open one first")]
    NothingOpen(u64),
}

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    world: Arc<Mutex<World>>,
    faults: Faults,
}

impl Shared {
    fn with_world<R>(&self, f: impl FnOnce(&mut World) -> R) -> R {
        f(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_market(&self, login: u64, market: Market) -> Result<(), MarketError> {
        self.with_world(|world| {
            let refused = |code| MarketError::Refused { login, code };
            let account = world.account_mut(login).map_err(refused)?;
            let floating = match market {
                Market::Floating(floating) => floating,
                Market::Equity(equity) => equity - account.balance - account.credit,
            };
            if account.set_floating(floating) {
                Ok(())
            } else {
                Err(MarketError::NothingOpen(login))
            }
        })
    }

    fn open(&self, trade: &Trade) -> Result<u64, MarketError> {
        let Trade { login, symbol, side, volume, price } = trade;
        self.with_world(|world| world.open(By::Client, *login, symbol, *side, *volume, *price))
            .map(|deal| deal.position)
            .map_err(|code| MarketError::Refused { login: *login, code })
    }

    fn close(&self, login: u64, position: u64) -> Result<Deal, MarketError> {
        self.with_world(|world| {
            let volume = world.account(login)?.positions.get(&position).map_or(0, |p| p.volume);
            world.close(By::Client, login, position, volume)
        })
        .map_err(|code| MarketError::Refused { login, code })
    }
}

impl Simulator for Shared {
    type Books = Mt5Books;

    fn books(&self) -> Mt5Books {
        self.with_world(|world| world.books())
    }

    fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// A running MetaTrader 5 Web API. Dropping it frees the port without waiting.
pub struct Mt5Sim {
    shared: Shared,
    server: Server,
}

impl Mt5Sim {
    /// Starts it.
    ///
    /// # Errors
    /// When the address cannot be bound, or the time zone is not a POSIX TZ string.
    pub async fn start(config: Mt5Config) -> Result<Self, SimError> {
        let time = ServerTime::new(config.clock.clone(), &config.time_zone)?;
        let (bind, faults) = (config.bind, Faults::new(config.seed));
        let world = Arc::new(Mutex::new(World::new(config, time)));
        let shared = Shared { world, faults };
        let router = handlers::router(shared.clone())
            .merge(crate::control::routes(shared.clone()))
            .merge(control::routes(shared.clone()));
        let server = Server::start(bind, router).await?;
        Ok(Self { shared, server })
    }

    /// `http://127.0.0.1:<port>`, with no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.server.base_url()
    }

    /// The handle on what goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Everything it holds.
    #[must_use]
    pub fn books(&self) -> Mt5Books {
        self.shared.books()
    }

    /// Moves the market for one account: its open positions' floating profit changes, split by volume.
    ///
    /// # Errors
    /// When there is no such account, or it has no open position.
    pub fn set_market(&self, login: u64, market: Market) -> Result<(), MarketError> {
        self.shared.set_market(login, market)
    }

    /// The client opens a position; gives its ticket.
    ///
    /// # Errors
    /// When the account may not trade (10017) or lacks free margin (10019).
    pub fn open_position(&self, trade: &Trade) -> Result<u64, MarketError> {
        self.shared.open(trade)
    }

    /// The client closes a position at its current price, which realises its floating profit.
    ///
    /// # Errors
    /// When the account has no such position.
    pub fn close_position(&self, login: u64, position: u64) -> Result<Deal, MarketError> {
        self.shared.close(login, position)
    }

    /// Stops, and frees the port.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}
