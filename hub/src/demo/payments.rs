//! A client pays in.
use super::facts::{ClientFacts, DepositFacts};
use super::fates::Fate;
use super::journey::Journey;
use super::plan::DepositPlan;
use super::trouble::Armed;
use super::{DemoError, connection};
use serde_json::json;

/// A card that Stripe takes (docs.stripe.com/testing).
const GOOD_CARD: &str = "pm_card_visa";
/// The API call at both PSPs, as the simulators name it.
const CHARGE: &str = "create-payment";
/// `refusalReasonCode` 2: refused, and the issuer does not say why (docs.adyen.com, refusal
/// reasons).
const ADYEN_REFUSED: &str = "2";
/// Where a redirect would end.
const RETURN_URL: &str = "https://cashier.example/return";

impl Journey {
    /// Pays in as planned, one deposit after another.
    pub(super) async fn pay_in(&self, facts: &mut ClientFacts) -> Result<(), DemoError> {
        for (place, planned) in facts.plan.deposits.clone().iter().enumerate() {
            self.pause(0.4, facts).await;
            let done = self.deposit(facts, place, planned).await?;
            facts.deposits.push(done);
        }
        Ok(())
    }

    async fn deposit(
        &self,
        facts: &ClientFacts,
        place: usize,
        planned: &DepositPlan,
    ) -> Result<DepositFacts, DemoError> {
        let client = &facts.plan.client;
        // The trouble lasts until the deposit has come to its end.
        let _armed = self.arm(facts.plan.psp_marker(), planned.fate);
        let card = match planned.fate {
            Fate::Hard(card) => card,
            _ => GOOD_CARD,
        };
        let body = json!({
            "client": client,
            "amount": { "amount": planned.amount.to_string(), "currency": planned.currency },
            "method": "card",
            "method_tokens": { (connection::STRIPE): card },
            "return_url": RETURN_URL,
        });
        let key = self.key(client, &format!("deposit-{}", place + 1));
        let answer = self.hub.post("/v1/deposits", &key, &body).await?;
        let payment = answer["payment"]
            .as_str()
            .ok_or_else(|| DemoError::answer("POST /v1/deposits", "it has no payment"))?
            .to_owned();
        let awaited = format!("the end of {client}'s deposit");
        let end = self.watcher.until(&payment, &awaited, |view| view.deposit(&payment)).await?;
        Ok(DepositFacts {
            payment,
            amount: planned.amount,
            currency: planned.currency,
            credited: end == "credited",
        })
    }

    fn arm(&self, marker: &str, fate: Fate) -> Armed {
        let (stripe, adyen) = (self.world.stripe.faults(), self.world.adyen.faults());
        let mut armed = Armed::new(&self.world);
        match fate {
            Fate::Approved | Fate::Hard(_) => {}
            Fate::FallsBack(code) => armed.decline(stripe, CHARGE, marker, code),
            Fate::DeclinedTwice => {
                armed.decline(stripe, CHARGE, marker, "do_not_honor");
                armed.decline(adyen, CHARGE, marker, ADYEN_REFUSED);
            }
            Fate::Troubled(trouble) => armed.trouble(stripe, CHARGE, marker, trouble),
            Fate::FallsBackTroubled(trouble) => {
                armed.decline(stripe, CHARGE, marker, "do_not_honor");
                armed.trouble(adyen, CHARGE, marker, trouble);
            }
        }
        armed
    }
}
