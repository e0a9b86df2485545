//! Did a payment reach Stripe? Asked after an unknown outcome, before anything is sent again.
//!
//! Why the list, and not what seems nearer: sending the same request with the same key again
//! returns the kept answer if the first one arrived, but *makes* the payment if it did not, and
//! after 24 hours Stripe forgets keys; search (`/v1/payment_intents/search`) lags by up to a
//! minute, so that "none" proves nothing (docs.stripe.com/search). The list is read after write.
use crate::object::{Page, PaymentIntent};
use crate::settings::Settings;
use crate::{Stripe, api, map};
use hub_plugin_sdk::actions::psp::{FindPayment, FoundPayment};
use hub_plugin_sdk::prelude::*;

/// The hub's clock may be ahead of Stripe's by so much: as far as signatures are accepted.
const CLOCK_SKEW_S: i64 = 300;
/// docs.stripe.com/api/pagination
const PAGE: &str = "100";
/// The hub allows 16 steps a call.
const PAGES_MAX: usize = 14;

impl PspLookup for Stripe {
    async fn find_payment(ctx: &Ctx, asked: FindPayment) -> Result<FoundPayment, Error> {
        let url = ctx.settings::<Settings>()?.url("/v1/payment_intents");
        let since_s = (asked.sent_ms / 1_000).saturating_sub(CLOCK_SKEW_S);
        let key = asked.request.idempotency_key.as_str();
        let mut below: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut request = api::authorised(Request::get(&url))
                .query("limit", PAGE)
                .query("created[gte]", since_s.to_string());
            if let Some(last) = &below {
                request = request.query("starting_after", last);
            }
            let response = ctx.send(request).await?;
            if !response.is_success() {
                return Err(api::failure(&response, "list of payments"));
            }
            let page: Page<PaymentIntent> = response.json()?;
            if let Some(intent) = page.data.iter().find(|intent| is_of(intent, key)) {
                return Ok(FoundPayment { found: Some(map::result(intent)?) });
            }
            match page.data.last() {
                Some(last) if page.has_more => below = Some(last.id.clone()),
                _ => return Ok(FoundPayment { found: None }),
            }
        }
        Err(Error::transient(format!(
            "payment {}: not among the latest {PAGES_MAX} pages of {PAGE} payments, and there are \
             more: search metadata attempt {key:?} in Stripe's Dashboard",
            asked.request.payment
        )))
    }
}

fn is_of(intent: &PaymentIntent, key: &str) -> bool {
    intent.metadata.as_ref().is_some_and(|of| of.attempt.as_deref() == Some(key))
}
