//! The poll: states of accounts that have changed, and new deals.
//!
//! The states are read first and the deals after them, and told the other way round: whatever a
//! state already contains has been told as a deal before it. So no state is told while deals are
//! still to be caught up with.
use crate::Mt5;
use crate::api::joined;
use crate::cursor::{Cursor, OVERLAP_S};
use crate::map;
use crate::session::Manager;
use crate::settings::Settings;
use crate::time::{self, Zone};
use crate::wire::{Account, Deal, Int};
use hub_plugin_sdk::events::account::AccountEquity;
use hub_plugin_sdk::prelude::*;
use hub_plugin_sdk::schemas::ConnectionId;
use std::collections::BTreeSet;

/// Accounts in one request: keeps its URL under 5 KB.
const ACCOUNTS_PER_REQUEST: usize = 400;
/// Requests for accounts in one call: with a log-in, times, the list and the deals they stay
/// within the hub's 16 steps.
const ACCOUNT_REQUESTS_MAX: usize = 8;
/// States told in one call; with the deals below the hub's 1,000 events a call.
const STATES_MAX: usize = 540;
/// Deals told in one call.
const DEALS_MAX: usize = 450;
/// Deals are read in windows of at most this long, so that a long pause does not bring them all
/// in one answer.
const WINDOW_S: i64 = 6 * 3_600;
/// Deals are read up to this long after the server's clock of the beginning of the call.
const AHEAD_S: i64 = 60;
/// The zone is read again after this long.
const ZONE_MS: i64 = 15 * 60 * 1_000;

impl Poll for Mt5 {
    async fn next(ctx: &Ctx, cursor: Option<String>) -> Result<Polled, Error> {
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let mut cursor = Cursor::parse(cursor.as_deref());
        let server_now_s = time::server_now_s(&manager).await?;
        if cursor.zone.is_empty() || ctx.now_ms() - cursor.zone_at_ms >= ZONE_MS {
            cursor.zone = time::zone(&manager, server_now_s).await?;
            cursor.zone_at_ms = ctx.now_ms();
        }
        let round = Round {
            connection: ConnectionId::new(ctx.connection())?,
            zone: Zone::new(&cursor.zone)?,
            server_now_s,
            manager: &manager,
        };
        let (events, more) = round.events(&mut cursor).await?;
        Ok(Polled { events, cursor: serde_json::to_string(&cursor)?, more })
    }
}

/// States that have changed.
struct States {
    events: Vec<Event>,
    logins: Vec<i64>,
    /// There are accounts left to look at.
    more: bool,
}

struct Round<'a> {
    manager: &'a Manager<'a>,
    connection: ConnectionId,
    zone: Zone,
    server_now_s: i64,
}

impl Round<'_> {
    /// What this call tells, and whether there is more.
    async fn events(&self, cursor: &mut Cursor) -> Result<(Vec<Event>, bool), Error> {
        if cursor.deals_to_s == 0 {
            let back_s = i64::from(self.manager.settings.deals_since_h) * 3_600;
            cursor.deals_to_s = self.server_now_s - back_s;
        }
        // The server's clock goes back an hour when daylight saving ends: what it writes from now
        // on must be read, and what has been told before keeps its id.
        cursor.deals_to_s = cursor.deals_to_s.min(self.server_now_s);
        if cursor.deals_to_s + WINDOW_S < self.server_now_s {
            return Ok((self.deals(cursor).await?.0, true));
        }
        let after_login = cursor.after_login;
        let states = self.states(cursor).await?;
        let (mut events, more_deals) = self.deals(cursor).await?;
        if more_deals {
            // The states may contain deals that are still to be told: they are read again.
            cursor.after_login = after_login;
            for login in &states.logins {
                cursor.states.remove(login);
            }
            return Ok((events, true));
        }
        events.extend(states.events);
        Ok((events, states.more))
    }

    async fn states(&self, cursor: &mut Cursor) -> Result<States, Error> {
        const WHAT: &str = "reading the accounts";
        let group = self.manager.settings.group_masks();
        let mut logins: Vec<Int> =
            self.manager.list(WHAT, "/api/user/logins", &[("group", &group)]).await?;
        logins.sort_unstable();
        logins.dedup();
        cursor.states.retain(|login, _| logins.binary_search(&Int(*login)).is_ok());
        let rest = &logins[logins.partition_point(|login| login.0 <= cursor.after_login)..];
        let time_ms = self.zone.utc_ms(self.server_now_s * 1000, self.manager.ctx.now_ms())?;
        let mut states = States { events: Vec::new(), logins: Vec::new(), more: true };
        for page in rest.chunks(ACCOUNTS_PER_REQUEST).take(ACCOUNT_REQUESTS_MAX) {
            if states.events.len() + page.len() > STATES_MAX {
                return Ok(states);
            }
            let query = joined(page);
            let accounts: Vec<Account> = self
                .manager
                .list(WHAT, "/api/user/account/get_batch", &[("login", &query)])
                .await?;
            for account in accounts.iter().filter(|account| cursor.changed(account)) {
                states.events.push(self.state(account, time_ms)?);
                states.logins.push(account.login.0);
            }
            cursor.after_login = page.last().map_or(0, |login| login.0);
        }
        states.more = logins.last().is_some_and(|last| cursor.after_login < last.0);
        if !states.more {
            cursor.after_login = 0;
        }
        Ok(states)
    }

    /// The id holds the server's time and the call's: the same figures at another time are another
    /// state, and must not be dropped as known.
    fn state(&self, account: &Account, time_ms: i64) -> Result<Event, Error> {
        let login = account.login.to_string();
        let id = format!("equity-{login}-{}-{}", self.server_now_s, self.manager.ctx.now_ms());
        let data = AccountEquity {
            account: AccountId::of(&self.connection, &login)?,
            balance: account.balance.0,
            equity: account.equity.0,
            credit: account.credit.0,
            margin: account.margin.map(|margin| margin.0),
        };
        Ok(Event::new(data).id(id).at_ms(time_ms))
    }

    /// The deals that have not been told, oldest first, and whether there are more.
    async fn deals(&self, cursor: &mut Cursor) -> Result<(Vec<Event>, bool), Error> {
        let settings = self.manager.settings;
        let end_s = (cursor.deals_to_s + WINDOW_S).min(self.server_now_s);
        let from = (cursor.deals_to_s - OVERLAP_S).to_string();
        let to = (end_s + AHEAD_S).to_string();
        let query = [("group", settings.group_masks()), ("from", from), ("to", to)];
        let query = query.each_ref().map(|(name, value)| (*name, value.as_str()));
        let mut deals: Vec<Deal> =
            self.manager.list("reading the deals", "/api/deal/get_batch", &query).await?;

        let told: BTreeSet<i64> = cursor.told.iter().map(|(ticket, _)| *ticket).collect();
        deals.retain(|deal| !told.contains(&deal.deal.0));
        deals.sort_by_key(|deal| (deal.time, deal.deal));
        deals.dedup_by_key(|deal| deal.deal);
        let is_cut = deals.len() > DEALS_MAX;
        deals.truncate(DEALS_MAX);
        let known_to_s = match deals.last() {
            Some(last) if is_cut => last.time.0,
            _ => end_s,
        };
        let events = deals.iter().map(|deal| self.deal(deal)).collect::<Result<_, _>>()?;
        cursor.tell(deals.iter().map(|deal| (deal.deal.0, deal.time.0)), known_to_s);
        Ok((events, is_cut || end_s < self.server_now_s))
    }

    fn deal(&self, deal: &Deal) -> Result<Event, Error> {
        let account = AccountId::of(&self.connection, &deal.login.to_string())?;
        let server_ms = match deal.time_msc {
            Some(Int(milliseconds)) if milliseconds > 0 => milliseconds,
            _ => deal.time.0.saturating_mul(1000),
        };
        Ok(Event::new(map::deal(account, deal)?)
            .id(format!("deal-{}", deal.deal))
            .at_ms(self.zone.utc_ms(server_ms, self.manager.ctx.now_ms())?))
    }
}
