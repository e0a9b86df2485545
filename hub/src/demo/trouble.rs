//! Makes things go wrong at the vendors.
//!
//! What changes how something ends is bound to one client, so that the seed alone says who it
//! meets. What a hub must get over without a trace is left to the simulators' own chance.
use super::World;
use super::fates::Trouble;
use hub_simulators::{Fault, Faults, Rule, WebhookFault, When};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Longer than the hub waits for an answer (`request_timeout_ms` of the demo's `hub.toml`).
const SILENCE: Duration = Duration::from_secs(3);
/// By how much a webhook is late, if it is.
const LATE: Duration = Duration::from_millis(700);
/// By how much a stale signature is stale: beyond any vendor's tolerance.
const STALE_S: u32 = 3600;

impl Trouble {
    /// The fault, and how often it happens in a row.
    fn fault(self) -> (Fault, u32) {
        match self {
            Self::SilentBefore => (Fault::TimeoutBeforeActing(SILENCE), 1),
            Self::SilentAfter => (Fault::TimeoutAfterActing(SILENCE), 1),
            Self::BreaksAfter => (Fault::ResetAfterActing, 1),
            Self::Garbage => (Fault::GarbageBody, 1),
            Self::HalfAnAnswer => (Fault::TruncatedBody, 1),
            Self::ErrorAfter => (Fault::StatusAfterActing { status: 500 }, 1),
            Self::RateLimited => (Fault::Status { status: 429, retry_after_s: Some(1) }, 1),
            Self::Unavailable => (Fault::Status { status: 503, retry_after_s: None }, 2),
        }
    }
}

/// Rules that end with this.
#[derive(Debug)]
pub(super) struct Armed {
    rules: Vec<(Faults, u64)>,
    applied: Arc<AtomicU64>,
}

impl Armed {
    /// No rules yet.
    pub fn new(world: &World) -> Self {
        Self { rules: Vec::new(), applied: world.faults_applied.clone() }
    }

    /// The vendor declines every `operation` that holds `marker`.
    pub fn decline(&mut self, faults: &Faults, operation: &str, marker: &str, code: &str) {
        let fault = Fault::Decline { code: code.to_owned() };
        let rule = Rule::always(operation, fault).containing(marker);
        self.rules.push((faults.clone(), faults.add(rule)));
    }

    /// The next `operation` that holds `marker` meets trouble.
    pub fn trouble(&mut self, faults: &Faults, operation: &str, marker: &str, trouble: Trouble) {
        let (fault, times) = trouble.fault();
        let rule = Rule::next(operation, times, fault).containing(marker);
        self.rules.push((faults.clone(), faults.add(rule)));
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        for (faults, id) in &self.rules {
            let rule = faults.call_rules().into_iter().find(|rule| rule.id == *id);
            self.applied.fetch_add(rule.map_or(0, |rule| u64::from(rule.applied)), Relaxed);
            faults.remove(*id);
        }
    }
}

impl World {
    /// The ordinary trouble of a day: nothing of it may show in how the day ends.
    pub(super) fn disturb(&self) {
        for faults in [self.stripe.faults(), self.adyen.faults(), self.sumsub.faults()] {
            for (share, fault) in [
                (0.10, WebhookFault::Duplicate { times: 2 }),
                (0.08, WebhookFault::Reorder),
                (0.08, WebhookFault::Delay(LATE)),
                (0.03, WebhookFault::WrongSignature),
                (0.03, WebhookFault::TruncatedBody),
            ] {
                faults.add_webhook(Rule::probability("*", share, fault));
            }
        }
        let stale = WebhookFault::StaleTimestamp(STALE_S);
        self.stripe.faults().add_webhook(Rule::probability("*", 0.03, stale));
        for (operation, share, fault) in [
            ("create-applicant", 0.04, Fault::ResetAfterActing),
            ("create-applicant", 0.03, Fault::Status { status: 503, retry_after_s: None }),
            ("create-applicant", 0.02, Fault::Status { status: 429, retry_after_s: Some(1) }),
        ] {
            self.sumsub.faults().add(Rule::probability(operation, share, fault));
        }
        let mt5 = self.mt5.faults();
        for (operation, share, fault) in [
            ("trade-balance", 0.06, Fault::ResetAfterActing),
            ("trade-balance", 0.04, Fault::Status { status: 500, retry_after_s: None }),
            ("user-update", 0.15, Fault::ResetAfterActing),
            ("user-update", 0.10, Fault::Status { status: 503, retry_after_s: None }),
            ("*", 0.003, Fault::ResetConnection),
        ] {
            mt5.add(Rule::probability(operation, share, fault));
        }
        // However small the day: of these there is one each.
        for (operation, fault) in
            [("trade-balance", Fault::ResetAfterActing), ("user-update", Fault::ResetAfterActing)]
        {
            mt5.add(Rule { when: When::Nth(2), ..Rule::always(operation, fault) });
        }
    }
}
