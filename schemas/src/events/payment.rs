//! Deposits, attempts at PSPs, and the wallet (section P of the domain).
use crate::{ClientId, ConnectionId, Country, Decline, Money, PaymentId};
use serde::{Deserialize, Serialize};

/// `deposit.requested`: the client wants to pay in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepositRequested {
    /// The deposit's id over every attempt.
    pub payment: PaymentId,
    /// Who.
    pub client: ClientId,
    /// How much.
    pub amount: Money,
    /// How, such as `card`.
    pub method: String,
    /// The vendor's token of the method, by connection, where the cashier page collected one.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub method_tokens: std::collections::BTreeMap<ConnectionId, String>,
    /// The country that the payment comes from; absent means the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Where a vendor sends the client back after a redirect. It may name the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub return_url: Option<String>,
}

/// A PSP that was looked at for a payment, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Which.
    pub connection: ConnectionId,
    /// It may be asked.
    pub eligible: bool,
    /// Why it was chosen, passed over or ruled out, in words.
    pub reason: String,
}

/// `payment.routed`: the decision which PSP to ask, with everything that led to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRouted {
    /// The deposit.
    pub payment: PaymentId,
    /// 1 for the first PSP asked.
    pub attempt: u32,
    /// The rule that won; absent if none matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Digest of the rule set in force (`config.applied`).
    pub rules_version: String,
    /// The rule's strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Who is asked; absent if nobody can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<ConnectionId>,
    /// Every PSP of the rule, and what became of it.
    pub candidates: Vec<Candidate>,
    /// The decision in a sentence.
    pub explanation: String,
}

/// `payment.succeeded`: a PSP says that the money is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentSucceeded {
    /// The deposit.
    pub payment: PaymentId,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The amount that the vendor says.
    pub amount: Money,
}

/// `payment.pending`: a PSP has the payment, and will say more later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentPending {
    /// The deposit.
    pub payment: PaymentId,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The client must act first, at the vendor's page.
    #[serde(default)]
    pub requires_action: bool,
}

/// `payment.failed`: a PSP declined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentFailed {
    /// The deposit.
    pub payment: PaymentId,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// Why.
    pub decline: Decline,
}

/// `payment.refunded`: a PSP gave money back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefunded {
    /// The deposit, where the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The vendor's id of the refund.
    pub vendor_refund: String,
    /// How much went back.
    pub amount: Money,
}

/// `payment.refund_failed`: a refund did not reach the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefundFailed {
    /// The deposit, where the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The vendor's id of the refund.
    pub vendor_refund: String,
    /// The vendor's reason, in its own words.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub reason: String,
}

/// `payment.disputed`: a chargeback or an enquiry was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentDisputed {
    /// The deposit, where the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The vendor's id of the dispute.
    pub vendor_dispute: String,
    /// How much is disputed.
    pub amount: Money,
    /// The vendor's reason, in its own words.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub reason: String,
}

/// `payment.foreign`: a PSP tells of a payment that carries no reference of ours, such as one made
/// in the vendor's dashboard. Kept for reconciliation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentForeign {
    /// The vendor's id of the payment.
    pub vendor_payment: String,
    /// The vendor's event type.
    pub vendor_type: String,
    /// The amount, where the vendor says one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// `payment.duplicate_charge`: two PSPs took the money for one deposit; the later one is refunded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentDuplicateCharge {
    /// The deposit.
    pub payment: PaymentId,
    /// Who took it a second time.
    pub connection: ConnectionId,
    /// That vendor's id of the payment.
    pub vendor_payment: String,
    /// How much.
    pub amount: Money,
}

/// `payment.amount_mismatch`: the vendor took another amount than was asked. What was taken is
/// credited; finance must look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentAmountMismatch {
    /// The deposit.
    pub payment: PaymentId,
    /// What was asked.
    pub asked: Money,
    /// What the vendor says it took.
    pub taken: Money,
}

/// `deposit.credited`: the client's wallet has the money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepositCredited {
    /// The deposit.
    pub payment: PaymentId,
    /// Who.
    pub client: ClientId,
    /// What was credited.
    pub amount: Money,
    /// Who took it.
    pub connection: ConnectionId,
    /// That vendor's id of the payment.
    pub vendor_payment: String,
}

/// `deposit.failed`: no PSP took it, and none will be asked any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DepositFailed {
    /// The deposit.
    pub payment: PaymentId,
    /// Who.
    pub client: ClientId,
    /// Why, in words.
    pub reason: String,
    /// The last decline, if it came to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<Decline>,
}

/// One line of a posting. Credit to a client's wallet is positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LedgerLine {
    /// The ledger account: `client:{id}` or `psp:{connection}`.
    pub account: String,
    /// Signed amount.
    pub amount: Money,
}

/// `wallet.posted`: a double entry; the lines sum to zero in each currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WalletPosted {
    /// What it is for, and the key under which it is posted once: `deposit:{payment}`.
    pub reference: String,
    /// The lines.
    pub lines: Vec<LedgerLine>,
}

/// `payout.paid`: a PSP says that the client has the money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayoutPaid {
    /// The withdrawal, where the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The vendor's id of the payout.
    pub vendor_payout: String,
    /// How much.
    pub amount: Money,
}

/// `payout.failed`: a payout did not reach the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayoutFailed {
    /// The withdrawal, where the vendor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// The vendor's id of the payout.
    pub vendor_payout: String,
    /// How much came back.
    pub amount: Money,
    /// The vendor's reason, in its own words.
    #[cfg_attr(feature = "json-schema", schemars(extend("x-personal" = true)))]
    pub reason: String,
}
