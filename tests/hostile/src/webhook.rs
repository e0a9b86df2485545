//! Deliveries: a word is an order, JSON is an event.
use crate::{Hostile, misdeeds};
use hub_plugin_sdk::events::payment::{PaymentForeign, PaymentSucceeded};
use hub_plugin_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Said {
    id: String,
    payment: Option<PaymentId>,
    amount: Money,
}

impl Webhook for Hostile {
    fn authenticate(_: &Ctx, delivery: &Delivery) -> Vec<Check> {
        match misdeeds::word(&delivery.body) {
            "authenticate-loop" => misdeeds::run_forever(),
            "authenticate-guess" => {
                // Were this compared as it is, the answer would tell whether the guess is right.
                return vec![Check::new(Recipe::new().secret("webhook_secret"), "a guess")];
            }
            _ => {}
        }
        let signature = delivery.header("x-signature").unwrap_or_default();
        let recipe = Recipe::new()
            .secret("webhook_secret")
            .body()
            .hmac(Algorithm::Sha256)
            .encode(Encoding::Hex);
        vec![Check::new(recipe, signature)]
    }

    async fn receive(ctx: &Ctx, delivery: Delivery) -> Result<Received, Error> {
        if let Some(received) = misdeeds::commit(ctx, misdeeds::word(&delivery.body)).await? {
            return Ok(received);
        }
        let said: Said = delivery.json()?;
        let id = said.id;
        let event = match said.payment {
            Some(payment) => Event::new(PaymentSucceeded {
                payment,
                vendor_payment: id.clone(),
                amount: said.amount,
            }),
            None => Event::new(PaymentForeign {
                vendor_payment: id.clone(),
                vendor_type: "payment".to_owned(),
                amount: Some(said.amount),
            }),
        };
        Ok(Received::events([event.id(id)]))
    }
}
