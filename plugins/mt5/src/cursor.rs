//! What a poll remembers.
use crate::reference::fnv1a;
use crate::wire::Account;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Deals of this long before the last known moment are read again: a deal may be written a little
/// later than its time says.
pub(crate) const OVERLAP_S: i64 = 120;

/// The cursor; times in seconds are the server's own.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cursor {
    /// The server's zone, as a POSIX `TZ` string.
    pub(crate) zone: String,
    /// When the zone was read, Unix milliseconds.
    pub(crate) zone_at_ms: i64,
    /// All deals up to here have been told, except late ones. 0 before the first poll.
    pub(crate) deals_to_s: i64,
    /// Deals within the overlap that have been told: ticket and time.
    pub(crate) told: Vec<(i64, i64)>,
    /// In a round over many accounts: the last login that has been looked at; 0 between rounds.
    pub(crate) after_login: i64,
    /// A fingerprint of each account's last state, by login.
    pub(crate) states: BTreeMap<i64, u32>,
}

impl Cursor {
    /// From its text. One that cannot be read is begun anew: deals keep their ids, so that the hub
    /// drops those that it knows, and a state that is told again does no harm.
    pub(crate) fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Notes that these deals have been told, and that all is known up to `to_s`. A deal that is
    /// told twice, since the clock went back, stands there twice and does no harm.
    pub(crate) fn tell(&mut self, deals: impl Iterator<Item = (i64, i64)>, to_s: i64) {
        self.told.extend(deals);
        self.deals_to_s = self.deals_to_s.max(to_s);
        let oldest = self.deals_to_s - OVERLAP_S;
        self.told.retain(|(_, time_s)| *time_s >= oldest);
    }

    /// Whether the account's state differs from the last one; the new one is noted.
    pub(crate) fn changed(&mut self, account: &Account) -> bool {
        let now = fingerprint(account);
        self.states.insert(account.login.0, now) != Some(now)
    }
}

/// 32 bits of a state. Two states in a row that differ share them once in four thousand million
/// times, and then the next change tells.
fn fingerprint(account: &Account) -> u32 {
    let margin = account.margin.map(|margin| margin.0.normalize());
    let state = format!(
        "{}|{}|{}|{margin:?}",
        account.balance.0.normalize(),
        account.equity.0.normalize(),
        account.credit.0.normalize()
    );
    let hash = fnv1a(state.bytes()).to_be_bytes();
    let [a, b, c, d, e, f, g, h] = hash;
    u32::from_be_bytes([a ^ e, b ^ f, c ^ g, d ^ h])
}
