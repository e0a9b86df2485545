//! Accounts and their money. No I/O; each operation happens whole or not at all.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use super::books::{
    AccountBook, Deal, Mt5Books, Position, RIGHT_ENABLED, RIGHT_TRADE_DISABLED, Side,
    VOLUME_PER_LOT,
};
use super::dealer::Executed;
use super::params::Code;
use super::time::ServerTime;
use super::{Group, Mt5Config, retcode};
use crate::Ids;

/// Balance comments keep this many characters (32 with the end-of-line character).
const COMMENT_CHARS_MAX: usize = 31;
/// No balance operation may be larger than this.
const BALANCE_OPERATION_MAX: i64 = 1_000_000_000;
/// Units of the base currency in a lot.
pub(super) const CONTRACT_SIZE: u64 = 100_000;
/// Decimals of a price.
pub(super) const PRICE_DIGITS: u32 = 5;

/// Who did something: `EnDealReason` and the manager's login.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    Client,
    Manager(u64),
}

impl By {
    fn parts(self) -> (u8, u64) {
        match self {
            Self::Client => (0, 0),
            Self::Manager(login) => (2, login),
        }
    }
}

// No Debug: it holds passwords.
#[derive(Clone)]
pub(super) struct Account {
    pub login: u64,
    pub group: Group,
    pub name: String,
    pub leverage: u32,
    pub rights: u64,
    pub fields: BTreeMap<&'static str, String>,
    pub pass_main: String,
    pub pass_investor: String,
    pub registered_ms: i64,
    pub balance: Decimal,
    pub credit: Decimal,
    pub positions: BTreeMap<u64, Position>,
    pub deals: Vec<Deal>,
}

impl Account {
    pub fn floating(&self) -> Decimal {
        self.positions.values().map(|p| p.profit).sum()
    }

    pub fn equity(&self) -> Decimal {
        self.balance + self.credit + self.floating()
    }

    /// Notional over leverage, at opening prices: exact where the account's currency is the quote currency.
    pub fn margin(&self) -> Decimal {
        self.positions.values().map(|p| self.margin_of(p.volume, p.price_open)).sum()
    }

    pub fn margin_of(&self, volume: u64, price: Decimal) -> Decimal {
        let notional =
            Decimal::from(volume * CONTRACT_SIZE) / Decimal::from(VOLUME_PER_LOT) * price;
        self.money(notional / Decimal::from(self.leverage.max(1)))
    }

    pub fn margin_free(&self) -> Decimal {
        self.equity() - self.margin()
    }

    pub fn may_trade(&self) -> bool {
        self.rights & RIGHT_ENABLED != 0 && self.rights & RIGHT_TRADE_DISABLED == 0
    }

    /// Rounds to the currency's digits.
    pub fn money(&self, amount: Decimal) -> Decimal {
        amount.round_dp_with_strategy(
            self.group.currency_digits,
            RoundingStrategy::MidpointAwayFromZero,
        )
    }

    /// Gives open positions a floating profit of `total`, by volume. False when nothing is open.
    pub fn set_floating(&mut self, total: Decimal) -> bool {
        let volume: u64 = self.positions.values().map(|p| p.volume).sum();
        let mut rest = self.money(total);
        let last = self.positions.keys().last().copied();
        let shares: Vec<(u64, Decimal)> = self
            .positions
            .iter()
            .map(|(ticket, p)| {
                (*ticket, self.money(total * Decimal::from(p.volume) / Decimal::from(volume)))
            })
            .collect();
        for (ticket, share) in shares {
            let share = if Some(ticket) == last { rest } else { share };
            rest -= share;
            if let Some(position) = self.positions.get_mut(&ticket) {
                position.profit = share;
                position.price_current = price_for(position);
            }
        }
        last.is_some()
    }

    fn book(&self) -> AccountBook {
        AccountBook {
            login: self.login,
            group: self.group.name.clone(),
            name: self.name.clone(),
            leverage: self.leverage,
            rights: self.rights,
            fields: self
                .fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            balance: self.balance,
            credit: self.credit,
            floating: self.floating(),
            equity: self.equity(),
            margin: self.margin(),
            positions: self.positions.values().cloned().collect(),
            deals: self.deals.clone(),
        }
    }
}

/// The price at which `position` has its profit.
fn price_for(position: &Position) -> Decimal {
    let units = Decimal::from(position.volume * CONTRACT_SIZE) / Decimal::from(VOLUME_PER_LOT);
    let moved = if units.is_zero() { Decimal::ZERO } else { position.profit / units };
    let price = match position.side {
        Side::Buy => position.price_open + moved,
        Side::Sell => position.price_open - moved,
    };
    price.round_dp(PRICE_DIGITS)
}

/// A balance operation that is asked for.
#[derive(Debug)]
pub(super) struct BalanceOperation<'a> {
    pub login: u64,
    pub action: u8,
    pub amount: Decimal,
    pub comment: &'a str,
    pub check_margin: bool,
}

/// The whole platform.
pub(super) struct World {
    pub config: Mt5Config,
    pub time: ServerTime,
    pub ids: Ids,
    pub accounts: BTreeMap<u64, Account>,
    pub executed: BTreeMap<u64, Executed>,
    pub sessions_opened: u64,
    pub refused_calls: u64,
    next_login: u64,
    next_deal: u64,
    next_order: u64,
    next_request: u64,
}

impl World {
    pub fn new(config: Mt5Config, time: ServerTime) -> Self {
        Self {
            time,
            ids: Ids::new(config.seed),
            accounts: BTreeMap::new(),
            executed: BTreeMap::new(),
            sessions_opened: 0,
            refused_calls: 0,
            next_login: config.login_min,
            next_deal: 1,
            next_order: 1,
            next_request: 1,
            config,
        }
    }

    pub fn books(&self) -> Mt5Books {
        Mt5Books {
            accounts: self.accounts.values().map(Account::book).collect(),
            sessions_opened: self.sessions_opened,
            refused_calls: self.refused_calls,
        }
    }

    pub fn account(&self, login: u64) -> Result<&Account, Code> {
        self.accounts.get(&login).ok_or(retcode::NOT_FOUND)
    }

    pub fn account_mut(&mut self, login: u64) -> Result<&mut Account, Code> {
        self.accounts.get_mut(&login).ok_or(retcode::NOT_FOUND)
    }

    /// The next login that nobody has.
    pub fn free_login(&mut self) -> Result<u64, Code> {
        while self.accounts.contains_key(&self.next_login) {
            self.next_login += 1;
        }
        if self.next_login > self.config.login_max {
            Err(retcode::LOGINS_EXHAUSTED)
        } else {
            Ok(self.next_login)
        }
    }

    pub fn next_request(&mut self) -> u64 {
        next(&mut self.next_request)
    }

    /// Changes a balance or a credit, and gives the deal's ticket. Nothing makes it happen only once: a call that is
    /// repeated pays twice. (`/api/trade/balance`, notes.)
    pub fn balance(&mut self, by: By, operation: &BalanceOperation<'_>) -> Result<u64, Code> {
        let time_ms = self.time.now_ms();
        let account = self.accounts.get_mut(&operation.login).ok_or(retcode::NOT_FOUND)?;
        if !(2..=6).contains(&operation.action) {
            return Err(retcode::PARAMS);
        }
        let amount = account.money(operation.amount);
        if amount.abs() > Decimal::from(BALANCE_OPERATION_MAX) {
            return Err(retcode::MONEY_LIMIT);
        }
        if amount.is_zero() {
            return Err(retcode::PARAMS);
        }
        let credit = operation.action == 3;
        let held = if credit { account.credit } else { account.balance };
        if amount.is_sign_negative() {
            let beyond_free = operation.check_margin && -amount > account.margin_free();
            if -amount > held || beyond_free {
                return Err(retcode::NO_MONEY);
            }
        }
        if credit {
            account.credit += amount;
        } else {
            account.balance += amount;
        }
        let (reason, dealer) = by.parts();
        let ticket = next(&mut self.next_deal);
        account.deals.push(Deal {
            deal: ticket,
            action: operation.action,
            entry: 0,
            reason,
            dealer,
            order: 0,
            time_ms,
            symbol: String::new(),
            price: Decimal::ZERO,
            volume: 0,
            profit: amount,
            position: 0,
            comment: operation.comment.chars().take(COMMENT_CHARS_MAX).collect(),
        });
        Ok(ticket)
    }

    /// Opens a position, and gives its deal.
    pub fn open(
        &mut self,
        by: By,
        login: u64,
        symbol: &str,
        side: Side,
        volume: u64,
        price: Decimal,
    ) -> Result<Deal, Code> {
        let time_ms = self.time.now_ms();
        let account = self.accounts.get_mut(&login).ok_or(retcode::NOT_FOUND)?;
        if !account.may_trade() {
            return Err(retcode::TRADE_DISABLED);
        }
        if account.margin_of(volume, price) > account.margin_free() {
            return Err(retcode::NO_MONEY);
        }
        let order = next(&mut self.next_order);
        let (symbol, price) = (symbol.to_owned(), price.round_dp(PRICE_DIGITS));
        account.positions.insert(
            order,
            Position {
                position: order,
                symbol: symbol.clone(),
                side,
                volume,
                price_open: price,
                price_current: price,
                profit: Decimal::ZERO,
                time_ms,
            },
        );
        let (reason, dealer) = by.parts();
        let deal = Deal {
            deal: next(&mut self.next_deal),
            action: side.number(),
            entry: 0,
            reason,
            dealer,
            order,
            time_ms,
            symbol,
            price,
            volume,
            profit: Decimal::ZERO,
            position: order,
            comment: String::new(),
        };
        account.deals.push(deal.clone());
        Ok(deal)
    }

    /// Closes `volume` of a position at its current price, realises that share of its profit, and gives the deal.
    pub fn close(&mut self, by: By, login: u64, ticket: u64, volume: u64) -> Result<Deal, Code> {
        let time_ms = self.time.now_ms();
        let account = self.accounts.get_mut(&login).ok_or(retcode::NOT_FOUND)?;
        let position = account.positions.get(&ticket).ok_or(retcode::POSITION_CLOSED)?.clone();
        if volume == 0 || volume > position.volume {
            return Err(retcode::INVALID_VOLUME);
        }
        let share = Decimal::from(volume) / Decimal::from(position.volume);
        let profit = account.money(position.profit * share);
        account.balance += profit;
        if volume == position.volume {
            account.positions.remove(&ticket);
        } else if let Some(left) = account.positions.get_mut(&ticket) {
            left.volume -= volume;
            left.profit -= profit;
        }
        let (reason, dealer) = by.parts();
        let deal = Deal {
            deal: next(&mut self.next_deal),
            action: position.side.opposite().number(),
            entry: 1,
            reason,
            dealer,
            order: next(&mut self.next_order),
            time_ms,
            symbol: position.symbol,
            price: position.price_current,
            volume,
            profit,
            position: ticket,
            comment: String::new(),
        };
        account.deals.push(deal.clone());
        Ok(deal)
    }
}

fn next(counter: &mut u64) -> u64 {
    let value = *counter;
    *counter += 1;
    value
}
