//! One client's day, from registration to the last trade.
use super::facts::ClientFacts;
use super::fates::KycPath;
use super::plan::Challenge;
use super::trouble::Armed;
use super::watcher::{PATIENCE, Watcher};
use super::{DemoError, HubApi, World, config};
use hub_simulators::sumsub::{NoSuchChange, Review};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at a simulator.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Why documents are sent back (docs.sumsub.com, rejection labels).
const SEND_BACK: [&str; 2] = ["DOCUMENT_PAGE_MISSING", "BAD_SELFIE"];
/// Why a client is turned away.
const TURN_AWAY: [&str; 1] = ["FORGERY"];

/// What a client's day needs; clients share it.
pub(super) struct Journey {
    pub world: Arc<World>,
    pub hub: HubApi,
    pub watcher: Arc<Watcher>,
    /// Mixed into idempotency keys.
    pub seed: u64,
    /// How fast the day passes: 2 is twice as fast.
    pub speed: f64,
}

impl Journey {
    /// The client's whole day.
    pub async fn run(&self, mut facts: ClientFacts) -> Result<ClientFacts, DemoError> {
        self.register(&facts).await?;
        self.purchase(&facts, |challenge| challenge.early).await?;
        let opening = facts.plan.opening.map(|trouble| {
            let mut armed = Armed::new(&self.world);
            let faults = self.world.mt5.faults();
            armed.trouble(faults, "user-add", facts.plan.platform_marker(), trouble);
            armed
        });
        self.verify(&mut facts).await?;
        if facts.plan.is_verified() {
            self.pay_in(&mut facts).await?;
            self.purchase(&facts, |challenge| !challenge.early).await?;
            self.accounts(&mut facts).await?;
            drop(opening);
            self.trade(&facts).await?;
        }
        if facts.plan.kyc == KycPath::GreenThenRed {
            self.pause(0.5, &facts).await;
            self.reject(&mut facts, true).await?;
        }
        Ok(facts)
    }

    /// The same key whenever the same thing is tried, and on the same seed's next day.
    pub(super) fn key(&self, client: &str, what: &str) -> String {
        format!("demo-{}-{client}-{what}", self.seed)
    }

    /// A client takes so many seconds, more or less.
    pub(super) async fn pause(&self, seconds: f64, facts: &ClientFacts) {
        tokio::time::sleep(scaled(seconds * facts.plan.pace, self.speed)).await;
    }

    async fn register(&self, facts: &ClientFacts) -> Result<(), DemoError> {
        let plan = &facts.plan;
        let person = &plan.person;
        let mut body = json!({
            "client": plan.client, "entity": plan.entity, "country": person.country,
            "email": person.email, "phone": person.phone,
            "first_name": person.first_name, "last_name": person.last_name,
        });
        if let Some(campaign) = person.campaign {
            body["source"] = json!({ "campaign": campaign });
        }
        self.hub.post("/v1/clients", &self.key(&plan.client, "register"), &body).await.map(drop)
    }

    /// Buys the evaluations that `which` picks.
    async fn purchase(
        &self,
        facts: &ClientFacts,
        which: impl Fn(&Challenge) -> bool,
    ) -> Result<(), DemoError> {
        let client = &facts.plan.client;
        for challenge in facts.plan.challenges.iter().filter(|one| which(one)) {
            let data = json!({
                "client": client, "purchase": challenge.purchase, "programme": config::PROGRAMME,
            });
            let fact: Value = json!({ "type": "challenge.purchased", "data": data });
            self.hub.post("/v1/facts", &self.key(client, &challenge.purchase), &fact).await?;
        }
        Ok(())
    }

    async fn verify(&self, facts: &mut ClientFacts) -> Result<(), DemoError> {
        self.hand_in(facts).await?;
        self.pause(0.5, facts).await;
        match facts.plan.kyc {
            KycPath::Final => return self.reject(facts, true).await,
            KycPath::RetryThenGreen | KycPath::RestartThenGreen => {
                self.reject(facts, false).await?;
                if facts.plan.kyc == KycPath::RestartThenGreen {
                    self.restart(facts).await?;
                }
                self.pause(0.6, facts).await;
                self.hand_in(facts).await?;
                self.pause(0.5, facts).await;
            }
            KycPath::Green | KycPath::GreenThenRed => {}
        }
        self.approve(facts).await
    }

    /// Hands everything in, as soon as the vendor knows the client.
    async fn hand_in(&self, facts: &mut ClientFacts) -> Result<(), DemoError> {
        let client = &facts.plan.client;
        let started = Instant::now();
        loop {
            match self.world.sumsub.pending(client) {
                Ok(()) => break,
                Err(NoSuchChange::Unknown(_)) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Err(NoSuchChange::Unknown(_)) => {
                    return Err(DemoError::TimedOut {
                        awaited: format!("an applicant for {client} at Sumsub"),
                        waited_s: started.elapsed().as_secs(),
                        seen: self.watcher.look(|view| view.seen(client)),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        facts.submissions += 1;
        Ok(())
    }

    async fn approve(&self, facts: &mut ClientFacts) -> Result<(), DemoError> {
        let client = &facts.plan.client;
        self.world.sumsub.review(client, Review::Green)?;
        facts.approvals += 1;
        let told = |seen: &super::view::ClientView| seen.approvals >= facts.approvals;
        self.watcher
            .until(client, "the approval", |view| view.client(client).filter(|c| told(c)).map(drop))
            .await
    }

    async fn reject(&self, facts: &mut ClientFacts, finally: bool) -> Result<(), DemoError> {
        let client = &facts.plan.client;
        let labels = |labels: &[&str]| labels.iter().map(|one| (*one).to_owned()).collect();
        let review = match finally {
            true => Review::RedFinal { labels: labels(&TURN_AWAY) },
            false => Review::RedRetry { labels: labels(&SEND_BACK) },
        };
        self.world.sumsub.review(client, review)?;
        facts.rejections += 1;
        let told = |seen: &super::view::ClientView| seen.rejections >= facts.rejections;
        self.watcher
            .until(client, "the rejection", |view| {
                view.client(client).filter(|c| told(c)).map(drop)
            })
            .await
    }

    /// The broker asks for another go; the vendor knows the client already.
    async fn restart(&self, facts: &ClientFacts) -> Result<(), DemoError> {
        let client = &facts.plan.client;
        let path = format!("/v1/clients/{client}/kyc");
        self.hub.post(&path, &self.key(client, "kyc-again"), &json!({})).await?;
        // A second account of the applicant follows once the vendor has answered.
        self.watcher
            .until(client, "the second request for verification", |view| {
                view.client(client).filter(|one| one.kyc_requests >= 2).map(drop)
            })
            .await
    }

    /// Waits for the accounts that the rules promise.
    async fn accounts(&self, facts: &mut ClientFacts) -> Result<(), DemoError> {
        let (client, wanted) = (&facts.plan.client, facts.plan.accounts());
        let opened = self
            .watcher
            .until(client, &format!("{wanted} trading accounts"), |view| {
                let seen = view.client(client)?;
                (seen.accounts.len() >= wanted).then(|| {
                    let request = |account: &String| {
                        view.account(account).map(|one| one.provisioning.clone())
                    };
                    seen.accounts.iter().map(|a| (request(a), a.clone())).collect::<Vec<_>>()
                })
            })
            .await?;
        facts.accounts = in_order_of_purchase(&facts.plan.challenges, opened);
        Ok(())
    }
}

/// The platform may be quicker with the second evaluation than with the first.
fn in_order_of_purchase(
    challenges: &[Challenge],
    opened: Vec<(Option<String>, String)>,
) -> Vec<String> {
    let place = |request: &Option<String>| {
        let request = request.as_deref().unwrap_or_default();
        challenges.iter().position(|one| request.contains(&one.purchase))
    };
    let mut opened = opened;
    opened.sort_by_key(|(request, _)| place(request));
    opened.into_iter().map(|(_, account)| account).collect()
}

/// Seconds of the day as a time on the clock.
pub(super) fn scaled(seconds: f64, speed: f64) -> Duration {
    Duration::try_from_secs_f64(seconds / speed.max(f64::MIN_POSITIVE)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_makes_pauses_shorter_and_nonsense_makes_them_nothing() {
        assert_eq!(scaled(1.0, 2.0), Duration::from_millis(500));
        assert_eq!(scaled(1.0, 0.0), Duration::ZERO);
        assert_eq!(scaled(1.0, f64::NAN), Duration::ZERO);
    }
}
