//! The capabilities. A connector implements those that it has, and names them in
//! [`crate::export!`]; what it lacks needs no stub.
#![allow(async_fn_in_trait, reason = "calls are driven by the SDK alone, in one thread")]
use crate::actions::{kyc, platform, psp};
use crate::manifest::Manifest;
use crate::{Check, Ctx, Delivery, Error, Polled, Received};

/// Every connector.
pub trait Connector {
    /// What the connector says of itself.
    fn manifest() -> Manifest;
}

/// It receives webhooks.
pub trait Webhook {
    /// How this delivery may prove where it came from. None means that it cannot: the hub refuses
    /// it. Called on bytes from anyone: it must not trust them.
    fn authenticate(ctx: &Ctx, delivery: &Delivery) -> Vec<Check>;
    /// What the delivery says. Called only after a check has passed for every item.
    async fn receive(ctx: &Ctx, delivery: Delivery) -> Result<Received, Error>;
}

/// It is asked from time to time.
pub trait Poll {
    /// What has happened since `cursor`; nothing means from the beginning.
    async fn next(ctx: &Ctx, cursor: Option<String>) -> Result<Polled, Error>;
}

/// It takes payments.
pub trait Psp {
    /// Charges the client, once per idempotency key.
    async fn create_payment(
        ctx: &Ctx,
        request: psp::CreatePayment,
    ) -> Result<psp::PaymentResult, Error>;
}

/// It can say whether a payment reached the vendor.
pub trait PspLookup {
    /// Looks the payment up by its idempotency key or reference.
    async fn find_payment(ctx: &Ctx, request: psp::FindPayment)
    -> Result<psp::FoundPayment, Error>;
}

/// It gives money back.
pub trait PspRefund {
    /// Gives back all or part of a payment, once per idempotency key.
    async fn refund(ctx: &Ctx, request: psp::Refund) -> Result<psp::RefundResult, Error>;
}

/// It pays out.
pub trait PspPayout {
    /// Sends money to the client, once per idempotency key.
    async fn payout(ctx: &Ctx, request: psp::Payout) -> Result<psp::PayoutResult, Error>;
}

/// It verifies people.
pub trait Kyc {
    /// Opens a verification; asking twice gives the same applicant.
    async fn create_applicant(
        ctx: &Ctx,
        request: kyc::CreateApplicant,
    ) -> Result<kyc::Applicant, Error>;
    /// A link under which the client verifies.
    async fn access_link(ctx: &Ctx, request: kyc::AccessLink) -> Result<kyc::Link, Error>;
    /// Where the verification stands.
    async fn get_result(ctx: &Ctx, request: kyc::GetResult) -> Result<kyc::KycResult, Error>;
}

/// It holds trading accounts.
pub trait Platform {
    /// Opens an account.
    async fn create_account(
        ctx: &Ctx,
        request: platform::CreateAccount,
    ) -> Result<platform::OpenedAccount, Error>;
    /// Finds the account of a request whose outcome is unknown.
    async fn find_account(
        ctx: &Ctx,
        request: platform::FindAccount,
    ) -> Result<platform::FoundAccount, Error>;
    /// Stops all trading on an account.
    async fn disable_account(
        ctx: &Ctx,
        request: platform::DisableAccount,
    ) -> Result<platform::Done, Error>;
    /// Moves an account to another group.
    async fn change_group(
        ctx: &Ctx,
        request: platform::ChangeGroup,
    ) -> Result<platform::Done, Error>;
}

/// It moves money on and off trading accounts.
pub trait PlatformBalance {
    /// One balance operation, once per operation id.
    async fn balance(
        ctx: &Ctx,
        request: platform::BalanceOperation,
    ) -> Result<platform::BalanceDone, Error>;
}

/// It can close positions.
pub trait PlatformPositions {
    /// Closes every open position at market.
    async fn close_positions(
        ctx: &Ctx,
        request: platform::ClosePositions,
    ) -> Result<platform::ClosedPositions, Error>;
}

/// It has a harmless authenticated call.
pub trait Probe {
    /// Succeeds if the vendor is there and the credentials hold.
    async fn probe(ctx: &Ctx) -> Result<(), Error>;
}
