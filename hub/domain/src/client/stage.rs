//! The stage that is shown, derived from the facets (C1), and the words for what moved it.
use super::Client;
use crate::Event;
use crate::kyc::KycStatus;
use hub_schemas::Payload;
use hub_schemas::events::client::Stage;

/// The facet that needs attention first wins: a restriction, a rejection, then how far the client
/// has come with money and trading, then how far with verification.
pub(super) fn derive(client: &Client) -> Stage {
    let kyc = client.kyc.status;
    if client.restriction.is_some() {
        return Stage::Restricted;
    }
    if matches!(kyc, KycStatus::Rejected | KycStatus::RejectedFinal) {
        return Stage::KycRejected;
    }
    if client.trading.first_ms.is_some() {
        return Stage::Traded;
    }
    if client.funding.credited > 0 {
        return Stage::Funded;
    }
    match kyc {
        KycStatus::Approved if client.funding.last_failed => Stage::DepositFailed,
        KycStatus::Approved => Stage::Verified,
        KycStatus::InReview => Stage::KycInReview,
        KycStatus::Requested | KycStatus::Started => Stage::KycStarted,
        // Rejections were dealt with above.
        KycStatus::None | KycStatus::Rejected | KycStatus::RejectedFinal => Stage::Registered,
    }
}

/// What moved the client, in words. Of a decision, the id is that of the input that led to it.
pub(super) fn because(event: &Event) -> String {
    let words = match &event.payload {
        Payload::KycRequested(_) => "verification was asked for".to_owned(),
        Payload::KycApplicantCreated(_) => "the KYC vendor knows the client".to_owned(),
        Payload::KycReviewStarted(_) => "the KYC vendor is looking".to_owned(),
        Payload::KycApproved(_) => "verification was passed".to_owned(),
        Payload::KycRejected(d) => {
            let how = if d.r#final { "finally " } else { "" };
            let reasons =
                if d.reasons.is_empty() { "no reason given".into() } else { d.reasons.join(", ") };
            format!("verification was {how}rejected: {reasons}")
        }
        Payload::DepositCredited(d) => format!("{} of {} was credited", d.amount, d.payment),
        Payload::DepositFailed(d) => format!("deposit {} failed: {}", d.payment, d.reason),
        Payload::AccountDeal(d) => format!("first trade, deal {} on {}", d.deal, d.account),
        other => other.event_type().to_owned(),
    };
    format!("{words} ({}, {})", event.payload.event_type(), event.id())
}
