//! Balance operations: MetaTrader takes no idempotency key, so the operation's reference is in the
//! deal's comment, and the deals are searched before anything is booked.
use crate::Mt5;
use crate::api::login_of;
use crate::map;
use crate::reference::reference;
use crate::session::Manager;
use crate::settings::Settings;
use crate::time::server_now_s;
use crate::wire::{Booked, Deal};
use hub_plugin_sdk::actions::platform::{BalanceDone, BalanceOperation};
use hub_plugin_sdk::prelude::*;

const WHAT: &str = "a balance operation";
/// The Web API gives at most this many deals a page.
const DEALS_PER_PAGE: usize = 100;
/// Pages of one search: two searches, the clock, a log-in and the booking stay within 16 steps.
const PAGES_MAX: usize = 5;
/// Deals are searched from this long before the operation can have been made: the clocks differ by
/// less, and by an hour more if daylight saving changed since.
const SLACK_S: i64 = 3_600 + 300;

impl PlatformBalance for Mt5 {
    /// Books the operation unless it is there. If the booking gets no clear answer, the deals are
    /// searched once more; if that does not show it, the outcome is unknown, and the hub may ask
    /// again: the next call begins with the search.
    async fn balance(ctx: &Ctx, operation: BalanceOperation) -> Result<BalanceDone, Error> {
        let settings: Settings = ctx.settings()?;
        let manager = Manager::new(ctx, &settings);
        let search = Search {
            login: login_of(ctx, &operation.account)?,
            comment: reference(&operation.operation),
            server_now_s: server_now_s(&manager).await?,
        };
        if let Some(ticket) = search.run(&manager, &operation).await? {
            return Ok(BalanceDone { ticket, already_done: true });
        }
        match search.book(&manager, &operation).await {
            Err(Error::UnknownOutcome(why)) => match search.run(&manager, &operation).await {
                Ok(Some(ticket)) => Ok(BalanceDone { ticket, already_done: false }),
                _ => Err(Error::UnknownOutcome(why)),
            },
            booked => booked,
        }
    }
}

struct Search {
    login: String,
    comment: String,
    server_now_s: i64,
}

impl Search {
    /// The ticket of the operation's deal, if there is one.
    async fn run(
        &self,
        manager: &Manager<'_>,
        operation: &BalanceOperation,
    ) -> Result<Option<String>, Error> {
        let ago_s = manager.ctx.now_ms().saturating_sub(operation.since_ms).div_euclid(1000).max(0);
        let from = (self.server_now_s - ago_s - SLACK_S).to_string();
        let to = (self.server_now_s + SLACK_S).to_string();
        for page in 0..PAGES_MAX {
            let offset = (page * DEALS_PER_PAGE).to_string();
            let query = [
                ("login", self.login.as_str()),
                ("from", &from),
                ("to", &to),
                ("offset", &offset),
                ("total", "100"),
            ];
            let deals: Vec<Deal> = manager.list(WHAT, "/api/deal/get_page", &query).await?;
            if let Some(deal) = deals.iter().find(|deal| deal.comment == self.comment) {
                return self.same(deal, operation).map(Some);
            }
            if deals.len() < DEALS_PER_PAGE {
                return Ok(None);
            }
        }
        Err(Error::InvalidRequest(format!(
            "{WHAT}: {} has more than {} deals since it was first asked for; whether {} is one of \
             them must be looked up by hand",
            self.login,
            PAGES_MAX * DEALS_PER_PAGE,
            self.comment
        )))
    }

    /// A deal with our comment and another amount is another operation: nothing is booked.
    fn same(&self, deal: &Deal, operation: &BalanceOperation) -> Result<String, Error> {
        let is_same = deal.profit.0 == operation.amount.amount
            && deal.action.0 == map::deal_action(operation.kind);
        if is_same {
            return Ok(deal.deal.to_string());
        }
        Err(Error::InvalidRequest(format!(
            "{WHAT}: deal {} of {} has the comment {}, but is of {} and type {}",
            deal.deal, self.login, self.comment, deal.profit.0, deal.action
        )))
    }

    async fn book(
        &self,
        manager: &Manager<'_>,
        operation: &BalanceOperation,
    ) -> Result<BalanceDone, Error> {
        let action = map::deal_action(operation.kind).to_string();
        let amount = operation.amount.amount.normalize().to_string();
        let query = [
            ("login", self.login.as_str()),
            ("type", &action),
            ("balance", &amount),
            ("comment", &self.comment),
        ];
        let request = Request::post(manager.settings.url("/api/trade/balance", &query));
        match manager.once::<Booked>(WHAT, request).await?.answer {
            Some(booked) if booked.ticket.0 > 0 => {
                Ok(BalanceDone { ticket: booked.ticket.to_string(), already_done: false })
            }
            _ => Err(Error::UnknownOutcome(format!(
                "{WHAT}: MetaTrader answered Done, and named no ticket"
            ))),
        }
    }
}
