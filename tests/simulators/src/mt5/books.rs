//! What the simulated platform holds: accounts, positions, deals, as an assertion sees them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// `Volume` units in a lot (`Volume`: one unit is 1/10000 lot).
pub const VOLUME_PER_LOT: u64 = 10_000;

/// `USER_RIGHT_ENABLED`: may connect.
pub const RIGHT_ENABLED: u64 = 0x1;
/// `USER_RIGHT_TRADE_DISABLED`: may not trade.
pub const RIGHT_TRADE_DISABLED: u64 = 0x4;
/// What an account gets when its creator names no rights: the documentation's own example, 483 (enabled, may change
/// its password, trailing stops, experts, 0x80, reports).
pub const RIGHTS_DEFAULT: u64 = 0x1e3;

/// Buy or sell. On the wire 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Profits when the price rises.
    Buy,
    /// Profits when the price falls.
    Sell,
}

impl Side {
    /// As on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Buy => 0,
            Self::Sell => 1,
        }
    }

    /// What closes a position of this side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its ticket.
    pub position: u64,
    /// The symbol.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// In units of 1/10000 lot.
    pub volume: u64,
    /// The price it was opened at.
    pub price_open: Decimal,
    /// The price now, so that it fits the profit.
    pub price_current: Decimal,
    /// Floating profit in the account's currency.
    pub profit: Decimal,
    /// Server time (not UTC) of opening, in milliseconds.
    pub time_ms: i64,
}

/// One deal: a trade or a balance operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// Its ticket.
    pub deal: u64,
    /// `EnDealAction`: 0 buy, 1 sell, 2 balance, 3 credit, 4 charge, 5 correction, 6 bonus.
    pub action: u8,
    /// `EnDealEntry`: 0 in, 1 out.
    pub entry: u8,
    /// `EnDealReason`: 0 client, 2 dealer.
    pub reason: u8,
    /// The manager who made it; 0 for the client.
    pub dealer: u64,
    /// The order behind a trade; 0 for a balance operation.
    pub order: u64,
    /// Server time (not UTC), in milliseconds.
    pub time_ms: i64,
    /// Empty for a balance operation.
    pub symbol: String,
    /// Zero for a balance operation.
    pub price: Decimal,
    /// In units of 1/10000 lot.
    pub volume: u64,
    /// The amount of a balance operation, or the profit that a trade realised.
    pub profit: Decimal,
    /// The position it opened or closed; 0 for a balance operation.
    pub position: u64,
    /// At most 31 characters: longer comments are cut, as the platform does.
    pub comment: String,
}

/// A trading account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountBook {
    /// The login.
    pub login: u64,
    /// The group.
    pub group: String,
    /// The client's name.
    pub name: String,
    /// 1:n.
    pub leverage: u32,
    /// The bit mask of `EnUsersRights`.
    pub rights: u64,
    /// Other fields that were given (`EMail`, `Country`, `Comment` …), by the platform's name for them.
    pub fields: std::collections::BTreeMap<String, String>,
    /// Closed money.
    pub balance: Decimal,
    /// Credit.
    pub credit: Decimal,
    /// Profit of open positions.
    pub floating: Decimal,
    /// Balance, credit and floating profit.
    pub equity: Decimal,
    /// Margin that open positions hold.
    pub margin: Decimal,
    /// Open positions.
    pub positions: Vec<Position>,
    /// All deals, oldest first.
    pub deals: Vec<Deal>,
}

impl AccountBook {
    /// May connect and trade.
    #[must_use]
    pub fn may_trade(&self) -> bool {
        self.rights & RIGHT_ENABLED != 0 && self.rights & RIGHT_TRADE_DISABLED == 0
    }

    /// Balance operations (deals of action 2) whose comment holds `text`: more than one for one payment is a double
    /// credit.
    #[must_use]
    pub fn balance_operations(&self, text: &str) -> Vec<&Deal> {
        self.deals.iter().filter(|d| d.action == 2 && d.comment.contains(text)).collect()
    }
}

/// Everything the simulated platform holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mt5Books {
    /// By login.
    pub accounts: Vec<AccountBook>,
    /// Times a manager has logged in.
    pub sessions_opened: u64,
    /// Calls that came on a connection with no session.
    pub refused_calls: u64,
}

impl Mt5Books {
    /// The account with this login.
    #[must_use]
    pub fn account(&self, login: u64) -> Option<&AccountBook> {
        self.accounts.iter().find(|a| a.login == login)
    }
}
