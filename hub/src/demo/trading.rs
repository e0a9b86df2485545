//! A client trades on the platform, and the platform's state reaches the hub.
use super::facts::ClientFacts;
use super::fates::{Breaches, Trade};
use super::journey::Journey;
use super::{DemoError, connection};
use hub_simulators::mt5::{Market, Side, Trade as Order, VOLUME_PER_LOT};
use rust_decimal::Decimal;

/// Lots of a position: enough for the equities of the plan to be plausible.
const LOTS: u64 = 5;

impl Journey {
    /// Trades on every evaluation account as planned, on one after another.
    pub(super) async fn trade(&self, facts: &ClientFacts) -> Result<(), DemoError> {
        for (challenge, account) in facts.plan.challenges.iter().zip(&facts.accounts) {
            self.trade_on(account, &challenge.trade, facts).await?;
        }
        Ok(())
    }

    async fn trade_on(
        &self,
        account: &str,
        trade: &Trade,
        facts: &ClientFacts,
    ) -> Result<(), DemoError> {
        let login = login(account)?;
        self.watcher
            .until(account, "the opening balance", |view| {
                view.account(account).filter(|one| one.funded).map(drop)
            })
            .await?;
        let order = Order {
            login,
            symbol: "EURUSD".to_owned(),
            side: Side::Buy,
            volume: LOTS * VOLUME_PER_LOT,
            price: Decimal::new(108_500, 5),
        };
        let position = self.world.mt5.open_position(&order)?;
        for (place, equity) in trade.equities.iter().enumerate() {
            self.pause(0.25, facts).await;
            self.world.mt5.set_market(login, Market::Equity(*equity))?;
            let crossing = trade.breaches != Breaches::None && place + 1 == trade.equities.len();
            if crossing {
                self.breached(account, trade.breaches).await?;
            } else {
                // Held until the hub has seen it: a poll sees only what is there when it looks.
                self.watcher
                    .until(account, &format!("an equity of {equity}"), |view| {
                        view.account(account).filter(|one| one.equity == Some(*equity)).map(drop)
                    })
                    .await?;
            }
        }
        if trade.close {
            self.pause(0.2, facts).await;
            self.world.mt5.close_position(login, position)?;
        }
        Ok(())
    }

    async fn breached(&self, account: &str, breaches: Breaches) -> Result<(), DemoError> {
        let rules = breaches.rules();
        let awaited = format!("the breach of {}, and the account disabled", rules.join(" and "));
        self.watcher
            .until(account, &awaited, |view| {
                let seen = view.account(account)?;
                let all = rules.iter().all(|rule| seen.breaches.contains(*rule));
                (all && seen.disabled).then_some(())
            })
            .await
    }
}

/// The platform's number of an account.
pub(super) fn login(account: &str) -> Result<u64, DemoError> {
    let login = account.strip_prefix(connection::MT5).and_then(|rest| rest.strip_prefix(':'));
    login.and_then(|login| login.parse().ok()).ok_or_else(|| {
        DemoError::answer("the log", format!("{account} is not {}:{{login}}", connection::MT5))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_off_the_platforms_accounts_only() {
        assert_eq!(login("mt5-live:500001").unwrap(), 500_001);
        for other in ["mt5:1", "mt5-live:", "mt5-live:x", "mt5-live1", "500001"] {
            assert!(login(other).is_err(), "{other}");
        }
    }
}
