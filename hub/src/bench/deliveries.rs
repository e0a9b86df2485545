//! Stripe webhooks by the thousand: each with ids of its own, each correctly signed.
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The connection that they are sent to.
pub(super) const CONNECTION: &str = "stripe-bench";
/// The endpoint's signing secret.
pub(super) const SECRET: &str = "whsec_of_the_benchmark";
/// The header that carries the signature.
pub(super) const SIGNATURE: &str = "stripe-signature";

/// A real `payment_intent.succeeded` of 2 KB, as Stripe formats it.
const TEMPLATE: &str = include_str!("../../../plugins/stripe/fixtures/succeeded/delivery.json");
/// The ids in it that differ from payment to payment.
const EVENT_ID: &str = "evt_1Pgc76B7WZ01zgkWwyRHS12y";
const PAYMENT_ID: &str = "pay_01";
const INTENT_ID: &str = "\"pi_1\"";

/// Every delivery of a process has its own number, over all turns and contenders.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A webhook, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// The raw body.
    pub(super) body: String,
    /// `t=…,v1=…`
    pub(super) signature: String,
}

impl Signed {
    /// One that was never sent before, signed at this time (Unix seconds).
    pub(super) fn new(now_s: i64) -> Self {
        let number = NUMBER.fetch_add(1, Relaxed);
        let body = TEMPLATE
            .replace(EVENT_ID, &format!("evt_bench{number:019}"))
            .replace(PAYMENT_ID, &format!("pay_bench{number}"))
            .replace(INTENT_ID, &format!("\"pi_bench{number}\""));
        let mut mac = <Hmac<Sha256>>::new_from_slice(SECRET.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(format!("{now_s}.").as_bytes());
        mac.update(body.as_bytes());
        let signature = format!("t={now_s},v1={}", hex::encode(mac.finalize().into_bytes()));
        Self { body, signature }
    }

    /// As an HTTP/1.1 request to [`CONNECTION`], whole.
    pub(super) fn request(&self) -> Vec<u8> {
        let Self { body, signature } = self;
        format!(
            "POST /hooks/{CONNECTION} HTTP/1.1\r\nhost: hub\r\nuser-agent: Stripe/1.0\r\n\
             accept: */*\r\ncontent-type: application/json; charset=utf-8\r\n\
             {SIGNATURE}: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_deliveries_share_an_id() {
        let ids = |signed: &Signed| {
            let json: serde_json::Value = serde_json::from_str(&signed.body).unwrap();
            let object = &json["data"]["object"];
            [&json["id"], &object["id"], &object["metadata"]["payment_id"]].map(ToString::to_string)
        };
        let (one, other) = (Signed::new(1), Signed::new(1));
        for (a, b) in ids(&one).iter().zip(ids(&other)) {
            assert!(a.contains("bench") && *a != b, "{a} {b}");
        }
        assert_ne!(one.signature, other.signature);
        assert!((1_900..2_200).contains(&one.body.len()), "{} bytes", one.body.len());
    }
}
