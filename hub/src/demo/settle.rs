//! The end of the day: nothing is under way any more, at the vendors or in the hub.
use super::facts::DayFacts;
use super::progress::Progress;
use super::trading::login;
use super::view::View;
use super::{Day, DemoError};
use hub_simulators::mt5::{AccountBook, Mt5Books};
use std::time::Duration;
use tokio::time::Instant;

/// How long it may take.
const SETTLE_MAX: Duration = Duration::from_secs(120);
/// Between two looks; longer than a poll, so that two quiet ones have a poll between them.
const LOOK_EVERY: Duration = Duration::from_millis(450);
/// Quiet looks in a row that are believed.
const QUIET_LOOKS: u32 = 2;
/// How long one look waits for what a vendor still has to do.
const VENDOR_WAIT: Duration = Duration::from_millis(300);
/// Unfinished things that a message names.
const NAMED_MAX: usize = 8;

impl Day {
    /// Waits until no webhook is pending, no action is open, and the hub has seen everything that
    /// the platform holds. Then the vendors' faults end.
    ///
    /// # Errors
    /// When that is not so within two minutes: what is left is named.
    pub async fn settle(
        &self,
        facts: &DayFacts,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), DemoError> {
        let started = Instant::now();
        let (mut quiet, mut last) = (0, 0);
        while quiet < QUIET_LOOKS {
            progress(self.progress("settling", facts.clients.len()));
            let left = self.unfinished().await?;
            let now = self.watcher.look(|view| view.last);
            quiet = if left.is_empty() && now == last { quiet + 1 } else { 0 };
            last = now;
            if started.elapsed() > SETTLE_MAX {
                let more = left.len().saturating_sub(NAMED_MAX);
                let named: Vec<_> = left.into_iter().take(NAMED_MAX).collect();
                return Err(DemoError::TimedOut {
                    awaited: "the day to settle".to_owned(),
                    waited_s: started.elapsed().as_secs(),
                    seen: format!("{}; and {more} more", named.join("; ")),
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.world.calm();
        Ok(())
    }

    /// What is still under way, in words.
    async fn unfinished(&self) -> Result<Vec<String>, DemoError> {
        let mut left = Vec::new();
        let world = &self.world;
        let (stripe, adyen, sumsub) = tokio::join!(
            world.stripe.quiesce(VENDOR_WAIT),
            world.adyen.quiesce(VENDOR_WAIT),
            world.sumsub.quiesce(VENDOR_WAIT)
        );
        for (vendor, quiet) in [("Stripe", stripe), ("Adyen", adyen), ("Sumsub", sumsub)] {
            if let Err(pending) = quiet {
                left.push(format!("{vendor}: {pending}"));
            }
        }
        let ready = self.hub.ready().await?;
        let number = |field: &str| ready[field].as_u64().unwrap_or(u64::MAX);
        if number("open_actions") > 0 {
            left.push(format!("the hub has {} open actions", number("open_actions")));
        }
        let (seen, input) = self.watcher.look(|view| (view.last, view.last_input));
        if seen < number("last") {
            left.push(format!("{seen} of {} events were read", number("last")));
        }
        if number("engine_position") < input {
            let at = number("engine_position");
            left.push(format!("the hub's engine is at event {at} of {input}"));
        }
        let books = world.mt5.books();
        left.extend(self.watcher.look(|view| unseen(view, &books)));
        Ok(left)
    }
}

/// What the platform holds and the hub has not seen.
fn unseen(view: &View, books: &Mt5Books) -> Vec<String> {
    let accounts: std::collections::BTreeMap<u64, _> =
        view.accounts().filter_map(|(account, seen)| Some((login(account).ok()?, seen))).collect();
    let unseen = |book: &AccountBook| {
        let login = book.login;
        let Some(seen) = accounts.get(&login) else {
            return Some(format!("account {login} is not in the hub's log"));
        };
        if book.deals.iter().any(|deal| !seen.deals.contains(&deal.deal.to_string())) {
            let (told, there) = (seen.deals.len(), book.deals.len());
            return Some(format!("account {login}: {told} of {there} deals were told"));
        }
        // An account that nothing was ever done on has no state on the platform.
        let current = seen.equity == Some(book.equity) && seen.balance == Some(book.balance);
        (!book.deals.is_empty() && !current).then(|| {
            format!(
                "account {login}: the hub has seen an equity of {:?}, and it is {}",
                seen.equity, book.equity
            )
        })
    };
    books.accounts.iter().filter_map(unseen).collect()
}
