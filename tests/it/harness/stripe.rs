//! Stripe's events, in the shape of its documentation (docs.stripe.com/api/events).
use super::sign;
use serde_json::{Value, json};

/// `payment_intent.succeeded` for one of the hub's payments; `minor` is the amount in cents.
pub fn succeeded(event: &str, payment: &str, minor: i64) -> Value {
    json!({
        "id": event, "object": "event", "api_version": "2024-10-28.acacia",
        "created": sign::now_s(), "livemode": false, "pending_webhooks": 1,
        "request": { "id": null, "idempotency_key": null },
        "type": "payment_intent.succeeded",
        "data": { "object": {
            "id": format!("pi_{payment}"), "object": "payment_intent", "status": "succeeded",
            "amount": minor, "amount_received": minor, "currency": "eur", "livemode": false,
            "metadata": { "payment_id": payment, "client": "cl-1", "attempt": "act_1" },
            "created": sign::now_s(), "last_payment_error": null, "next_action": null,
        } },
    })
}

/// An event of a type that Stripe has not had yet.
pub fn of_unknown_type(event: &str) -> Value {
    json!({
        "id": event, "object": "event", "created": sign::now_s(), "livemode": false,
        "type": "payment_intent.teleported", "data": { "object": { "id": "pi_1" } },
    })
}
