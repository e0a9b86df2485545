//! Calls that only read: accounts, positions, deals.

use serde_json::{Value, json};

use super::books::Deal;
use super::params::{Code, Params, group_matches};
use super::world::{Account, World};
use super::{retcode, wire};

/// The most entries that one page has.
const PAGE_MAX: usize = 100;

impl World {
    /// `/api/user/logins`.
    pub fn logins(&self, params: &Params) -> Result<Value, Code> {
        let masks = params.required("group")?;
        let logins = self.accounts.values().filter(|a| group_matches(masks, &a.group.name));
        Ok(logins.map(|a| json!(a.login.to_string())).collect())
    }

    /// `/api/user/account/get`.
    pub fn trade_state(&self, params: &Params) -> Result<Value, Code> {
        let account = self.account(params.required_number("login")?)?;
        if self.has_state(account) { Ok(wire::account(account)) } else { Err(retcode::NOT_FOUND) }
    }

    /// `/api/user/account/get_batch`: by logins or by groups, never both. What has no state is left out.
    pub fn trade_states(&self, params: &Params) -> Result<Value, Code> {
        if params.get("login").is_some() == params.get("group").is_some() {
            return Err(retcode::PARAMS);
        }
        let accounts = self.chosen(params)?;
        Ok(accounts.into_iter().filter(|a| self.has_state(a)).map(wire::account).collect())
    }

    /// `/api/user/get_batch`: by logins or by groups, never both.
    pub fn users(&self, params: &Params) -> Result<Value, Code> {
        if params.get("login").is_some() == params.get("group").is_some() {
            return Err(retcode::PARAMS);
        }
        Ok(self.chosen(params)?.into_iter().map(wire::user).collect())
    }

    fn has_state(&self, account: &Account) -> bool {
        !self.config.state_needs_activity || !account.deals.is_empty()
    }

    /// `/api/position/get_total`: how many.
    pub fn position_total(&self, params: &Params) -> Result<u64, Code> {
        Ok(self.account(params.required_number("login")?)?.positions.len() as u64)
    }

    /// `/api/position/get_page`.
    pub fn position_page(&self, params: &Params) -> Result<Value, Code> {
        let account = self.account(params.required_number("login")?)?;
        let (offset, total) = page(params)?;
        Ok(account
            .positions
            .values()
            .skip(offset)
            .take(total)
            .map(|p| wire::position(account, p))
            .collect())
    }

    /// `/api/position/get_batch`: by logins, groups, tickets; any symbol or one.
    pub fn position_batch(&self, params: &Params) -> Result<Value, Code> {
        let (tickets, symbol) = (params.numbers("ticket")?, params.get("symbol"));
        let mut found = vec![];
        for account in self.chosen(params)? {
            found.extend(
                account
                    .positions
                    .values()
                    .filter(|p| tickets.as_ref().is_none_or(|t| t.contains(&p.position)))
                    .filter(|p| symbol.is_none_or(|s| s == p.symbol))
                    .map(|p| wire::position(account, p)),
            );
        }
        Ok(Value::Array(found))
    }

    /// `/api/deal/get`.
    pub fn deal(&self, params: &Params) -> Result<Value, Code> {
        let ticket: u64 = params.required_number("ticket")?;
        self.accounts
            .values()
            .find_map(|a| a.deals.iter().find(|d| d.deal == ticket).map(|d| wire::deal(a, d)))
            .ok_or(retcode::NOT_FOUND)
    }

    /// `/api/deal/get_total`: how many.
    pub fn deal_total(&self, params: &Params) -> Result<u64, Code> {
        let account = self.account(params.required_number("login")?)?;
        let period = Period::read(params)?;
        Ok(account.deals.iter().filter(|d| period.holds(d)).count() as u64)
    }

    /// `/api/deal/get_page`: oldest first.
    pub fn deal_page(&self, params: &Params) -> Result<Value, Code> {
        let account = self.account(params.required_number("login")?)?;
        let (period, (offset, total)) = (Period::read(params)?, page(params)?);
        let deals = account.deals.iter().filter(|d| period.holds(d)).skip(offset).take(total);
        Ok(deals.map(|d| wire::deal(account, d)).collect())
    }

    /// `/api/deal/get_batch`: by logins, groups, tickets; within a period when one is given.
    pub fn deal_batch(&self, params: &Params) -> Result<Value, Code> {
        let (tickets, symbol) = (params.numbers("ticket")?, params.get("symbol"));
        let period = if params.get("from").is_some() { Some(Period::read(params)?) } else { None };
        let mut found = vec![];
        for account in self.chosen(params)? {
            found.extend(
                account
                    .deals
                    .iter()
                    .filter(|d| tickets.as_ref().is_none_or(|t| t.contains(&d.deal)))
                    .filter(|d| symbol.is_none_or(|s| s == d.symbol))
                    .filter(|d| period.as_ref().is_none_or(|p| p.holds(d)))
                    .map(|d| wire::deal(account, d)),
            );
        }
        Ok(Value::Array(found))
    }

    /// The accounts that `login`, `group` or `ticket` choose; at least one of them must be given.
    fn chosen(&self, params: &Params) -> Result<Vec<&Account>, Code> {
        let (logins, masks) = (params.numbers("login")?, params.get("group"));
        if logins.is_none() && masks.is_none() && params.get("ticket").is_none() {
            return Err(retcode::PARAMS);
        }
        let chosen = |a: &&Account| {
            let by_login = logins.as_ref().is_some_and(|l| l.contains(&a.login));
            let by_group = masks.is_some_and(|m| group_matches(m, &a.group.name));
            by_login || by_group || (logins.is_none() && masks.is_none())
        };
        Ok(self.accounts.values().filter(chosen).collect())
    }
}

/// From and to, in seconds of server time, both included.
struct Period {
    from_s: i64,
    to_s: i64,
}

impl Period {
    fn read(params: &Params) -> Result<Self, Code> {
        Ok(Self { from_s: params.required_number("from")?, to_s: params.required_number("to")? })
    }

    fn holds(&self, deal: &Deal) -> bool {
        (self.from_s..=self.to_s).contains(&(deal.time_ms.div_euclid(1000)))
    }
}

/// Offset and size. More than a page holds, or no size at all, is a full page.
fn page(params: &Params) -> Result<(usize, usize), Code> {
    let total = params.number::<usize>("total")?.filter(|total| *total > 0).unwrap_or(PAGE_MAX);
    Ok((params.number("offset")?.unwrap_or(0), total.min(PAGE_MAX)))
}
