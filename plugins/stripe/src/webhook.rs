//! Webhooks: docs.stripe.com/webhooks, "Verify webhook signatures manually".
use crate::Stripe;
use crate::event::StripeEvent;
use hub_plugin_sdk::prelude::*;

/// Allowed age of the signed time: what Stripe's own libraries use.
pub(crate) const TOLERANCE_S: u32 = 300;
/// Signatures that are tried: Stripe sends one for each active secret, which are two while a
/// secret is rolled.
const SIGNATURES_MAX: usize = 8;
const SHA256_BYTES: usize = 32;

/// `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>…]`. Other schemes (`v0`) are ignored, so
/// that nobody can choose a weaker one.
struct Signed<'a> {
    /// As it stands in the header: the signature covers the text.
    time: &'a str,
    signed_at_s: i64,
    signatures: Vec<Vec<u8>>,
}

fn parse(header: &str) -> Option<Signed<'_>> {
    let mut time = None;
    let mut signatures = Vec::new();
    for element in header.split(',') {
        match element.trim().split_once('=')? {
            ("t", text) if time.is_none() => time = Some(text),
            // Two times leave it open which one is signed.
            ("t", _) => return None,
            ("v1", text) => signatures.extend(hex::decode(text).ok()),
            _ => {}
        }
    }
    signatures.retain(|signature| signature.len() == SHA256_BYTES);
    signatures.truncate(SIGNATURES_MAX);
    let time = time?;
    Some(Signed { time, signed_at_s: time.parse().ok()?, signatures })
}

impl Webhook for Stripe {
    fn authenticate(_: &Ctx, delivery: &Delivery) -> Vec<Check> {
        let Some(signed) = delivery.header("stripe-signature").and_then(parse) else {
            return Vec::new();
        };
        let recipe = Recipe::new()
            .secret("webhook_secret")
            .push(format!("{}.", signed.time))
            .body()
            .concat(2)
            .hmac(Algorithm::Sha256);
        signed
            .signatures
            .into_iter()
            .map(|found| Check::new(recipe.clone(), found).signed_at_s(signed.signed_at_s))
            .collect()
    }

    async fn receive(ctx: &Ctx, delivery: Delivery) -> Result<Received, Error> {
        let event: StripeEvent<'_> = serde_json::from_slice(&delivery.body)?;
        Ok(Received::events(event.read(ctx.live())?))
    }
}
