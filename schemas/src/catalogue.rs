//! Every event type, its `data` and its version, in one table.
use crate::events::{account::*, action::*, breach::*, client::*, kyc::*, ops::*, payment::*};
use serde_json::Value;

/// An event's `data` that does not fit its type.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// No such type.
    #[error("event type {0:?} is not in the catalogue; see schemas/events/")]
    UnknownType(String),
    /// The data does not fit.
    #[error("data of a {event_type} event does not fit schemas/events/{event_type}.json: {source}")]
    Data {
        /// The event's type.
        event_type: &'static str,
        /// What serde found.
        source: serde_json::Error,
    },
}

macro_rules! catalogue {
    ($($name:literal => $variant:ident,)*) => {
        /// An event's `data`, typed.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant wraps the documented struct of its name")]
        pub enum Payload { $($variant($variant),)* }

        /// Every canonical event type.
        pub const EVENT_TYPES: &[&str] = &[$($name,)*];

        impl Payload {
            /// The event type that this data belongs to.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }
            /// Takes `data` as that of an event of `event_type`.
            pub fn parse(event_type: &str, data: Value) -> Result<Self, PayloadError> {
                match event_type {
                    $($name => serde_json::from_value(data).map(Self::$variant)
                        .map_err(|source| PayloadError::Data { event_type: $name, source }),)*
                    other => Err(PayloadError::UnknownType(other.to_owned())),
                }
            }
            /// As [`Payload::parse`], from JSON text, without building a tree first.
            pub fn parse_str(event_type: &str, data: &str) -> Result<Self, PayloadError> {
                match event_type {
                    $($name => serde_json::from_str(data).map(Self::$variant)
                        .map_err(|source| PayloadError::Data { event_type: $name, source }),)*
                    other => Err(PayloadError::UnknownType(other.to_owned())),
                }
            }
            /// The data as JSON.
            pub fn to_value(&self) -> Value {
                match self {
                    $(Self::$variant(data) => serde_json::to_value(data)
                        .expect("catalogue structs have string keys and no failing serialisers"),)*
                }
            }
        }

        $(impl From<$variant> for Payload {
            fn from(data: $variant) -> Self { Self::$variant(data) }
        })*

        #[cfg(feature = "json-schema")]
        pub(crate) fn event_schemas() -> Vec<(&'static str, schemars::Schema)> {
            vec![$(($name, crate::generate::schema_of::<$variant>()),)*]
        }
    };
}

catalogue! {
    "client.registered" => ClientRegistered,
    "client.stage.changed" => ClientStageChanged,
    "client.transition.refused" => ClientTransitionRefused,
    "client.erased" => ClientErased,
    "kyc.requested" => KycRequested,
    "kyc.applicant.created" => KycApplicantCreated,
    "kyc.review.started" => KycReviewStarted,
    "kyc.approved" => KycApproved,
    "kyc.rejected" => KycRejected,
    "deposit.requested" => DepositRequested,
    "deposit.credited" => DepositCredited,
    "deposit.failed" => DepositFailed,
    "payment.routed" => PaymentRouted,
    "payment.succeeded" => PaymentSucceeded,
    "payment.pending" => PaymentPending,
    "payment.failed" => PaymentFailed,
    "payment.refunded" => PaymentRefunded,
    "payment.refund_failed" => PaymentRefundFailed,
    "payment.disputed" => PaymentDisputed,
    "payment.foreign" => PaymentForeign,
    "payment.duplicate_charge" => PaymentDuplicateCharge,
    "payment.amount_mismatch" => PaymentAmountMismatch,
    "payout.paid" => PayoutPaid,
    "payout.failed" => PayoutFailed,
    "wallet.posted" => WalletPosted,
    "challenge.purchased" => ChallengePurchased,
    "provisioning.requested" => ProvisioningRequested,
    "provisioning.failed" => ProvisioningFailed,
    "account.opened" => AccountOpened,
    "account.funded" => AccountFunded,
    "account.equity" => AccountEquity,
    "account.deal" => AccountDeal,
    "account.disabled" => AccountDisabled,
    "account.disable_failed" => AccountDisableFailed,
    "breach.detected" => BreachDetected,
    "action.requested" => ActionRequested,
    "action.started" => ActionStarted,
    "action.retrying" => ActionRetrying,
    "action.completed" => ActionCompleted,
    "action.failed" => ActionFailed,
    "config.applied" => ConfigApplied,
    "delivery.quarantined" => DeliveryQuarantined,
    "delivery.conflict" => DeliveryConflict,
    "quarantine.released" => QuarantineReleased,
    "quarantine.discarded" => QuarantineDiscarded,
    "connection.circuit.opened" => CircuitOpened,
    "connection.circuit.closed" => CircuitClosed,
    "connection.paused" => ConnectionPaused,
    "connection.resumed" => ConnectionResumed,
    "timer.set" => TimerSet,
    "timer.elapsed" => TimerElapsed,
}

impl Payload {
    /// The subject that events of this kind go under: `client/…`, `payment/…`, `account/…`, and
    /// so on. What a reader filters by.
    pub fn subject(&self) -> String {
        fn or_vendor(payment: &Option<crate::PaymentId>, vendor: &str) -> String {
            payment.as_ref().map_or_else(|| format!("vendor/{vendor}"), |p| format!("payment/{p}"))
        }
        match self {
            Self::ClientRegistered(d) => format!("client/{}", d.client),
            Self::ClientStageChanged(d) => format!("client/{}", d.client),
            Self::ClientTransitionRefused(d) => format!("client/{}", d.client),
            Self::ClientErased(d) => format!("client/{}", d.client),
            Self::KycRequested(d) => format!("client/{}", d.client),
            Self::KycApplicantCreated(d) => format!("client/{}", d.client),
            Self::KycReviewStarted(d) => format!("client/{}", d.client),
            Self::KycApproved(d) => format!("client/{}", d.client),
            Self::KycRejected(d) => format!("client/{}", d.client),
            Self::DepositRequested(d) => format!("payment/{}", d.payment),
            Self::DepositCredited(d) => format!("payment/{}", d.payment),
            Self::DepositFailed(d) => format!("payment/{}", d.payment),
            Self::PaymentRouted(d) => format!("payment/{}", d.payment),
            Self::PaymentSucceeded(d) => format!("payment/{}", d.payment),
            Self::PaymentPending(d) => format!("payment/{}", d.payment),
            Self::PaymentFailed(d) => format!("payment/{}", d.payment),
            Self::PaymentRefunded(d) => or_vendor(&d.payment, &d.vendor_payment),
            Self::PaymentRefundFailed(d) => or_vendor(&d.payment, &d.vendor_payment),
            Self::PaymentDisputed(d) => or_vendor(&d.payment, &d.vendor_payment),
            Self::PaymentForeign(d) => format!("vendor/{}", d.vendor_payment),
            Self::PaymentDuplicateCharge(d) => format!("payment/{}", d.payment),
            Self::PaymentAmountMismatch(d) => format!("payment/{}", d.payment),
            Self::PayoutPaid(d) => or_vendor(&d.payment, &d.vendor_payout),
            Self::PayoutFailed(d) => or_vendor(&d.payment, &d.vendor_payout),
            Self::WalletPosted(d) => format!("wallet/{}", d.reference),
            Self::ChallengePurchased(d) => format!("client/{}", d.client),
            Self::ProvisioningRequested(d) => format!("provisioning/{}", d.provisioning),
            Self::ProvisioningFailed(d) => format!("provisioning/{}", d.provisioning),
            Self::AccountOpened(d) => format!("account/{}", d.account),
            Self::AccountFunded(d) => format!("account/{}", d.account),
            Self::AccountEquity(d) => format!("account/{}", d.account),
            Self::AccountDeal(d) => format!("account/{}", d.account),
            Self::AccountDisabled(d) => format!("account/{}", d.account),
            Self::AccountDisableFailed(d) => format!("account/{}", d.account),
            Self::BreachDetected(d) => format!("account/{}", d.account),
            Self::ActionRequested(d) => format!("action/{}", d.action),
            Self::ActionStarted(d) => format!("action/{}", d.action),
            Self::ActionRetrying(d) => format!("action/{}", d.action),
            Self::ActionCompleted(d) => format!("action/{}", d.action),
            Self::ActionFailed(d) => format!("action/{}", d.action),
            Self::ConfigApplied(_) => "hub/config".to_owned(),
            Self::DeliveryQuarantined(d) => format!("quarantine/{}", d.quarantine),
            Self::DeliveryConflict(d) => format!("connection/{}", d.connection),
            Self::QuarantineReleased(d) => format!("quarantine/{}", d.quarantine),
            Self::QuarantineDiscarded(d) => format!("quarantine/{}", d.quarantine),
            Self::CircuitOpened(d) => format!("connection/{}", d.connection),
            Self::CircuitClosed(d) => format!("connection/{}", d.connection),
            Self::ConnectionPaused(d) => format!("connection/{}", d.connection),
            Self::ConnectionResumed(d) => format!("connection/{}", d.connection),
            Self::TimerSet(d) => format!("timer/{}", d.timer),
            Self::TimerElapsed(d) => format!("timer/{}", d.timer),
        }
    }
}

impl Payload {
    /// The data as JSON text.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }
}
