//! Actions of a vendor that does not exist.
use crate::{Hostile, Settings, misdeeds};
use hub_plugin_sdk::actions::psp::{CreatePayment, PaymentResult, PaymentStatus};
use hub_plugin_sdk::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Answer {
    id: String,
}

impl Psp for Hostile {
    async fn create_payment(ctx: &Ctx, pay: CreatePayment) -> Result<PaymentResult, Error> {
        misdeeds::commit(ctx, &pay.method).await?;
        let settings: Settings = ctx.settings()?;
        let request = Request::post(format!("{}/payments", settings.api_base))
            .header("authorization", [text("Bearer "), secret("api_key")])
            .header("idempotency-key", [text(&pay.idempotency_key)])
            .json(&serde_json::json!({ "reference": pay.payment, "amount": pay.amount }))
            .unsafe_to_repeat();
        let response = ctx.send(request).await?;
        if !response.is_success() {
            return Err(response.error("create payment"));
        }
        let answer: Answer = response.json()?;
        Ok(PaymentResult {
            vendor_payment: answer.id,
            status: PaymentStatus::Pending,
            amount: pay.amount,
            redirect_url: None,
            decline: None,
        })
    }
}

impl Probe for Hostile {
    async fn probe(ctx: &Ctx) -> Result<(), Error> {
        let settings: Settings = ctx.settings()?;
        let request = Request::get(format!("{}/ping", settings.api_base))
            .header("authorization", [text("Bearer "), secret("api_key")]);
        let response = ctx.send(request).await?;
        if response.is_success() { Ok(()) } else { Err(response.error("ping")) }
    }
}
