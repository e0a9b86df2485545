//! What the day did: the plan, and what came of it on the side of the broker.
use super::plan::ClientPlan;
use rust_decimal::Decimal;
use std::time::Duration;

/// What the day did.
#[derive(Debug, Clone, Default)]
pub struct DayFacts {
    /// By number.
    pub clients: Vec<ClientFacts>,
    /// Bodies sent to the rogue connector, each another; none if it is not configured.
    pub rogue_bodies: usize,
    /// From the first registration to the last end.
    pub took: Duration,
}

/// What one client did.
#[derive(Debug, Clone)]
pub struct ClientFacts {
    /// What was planned.
    pub plan: ClientPlan,
    /// Deposits, in the order of the plan.
    pub deposits: Vec<DepositFacts>,
    /// Accounts on the platform, in the order of the plan: `{connection}:{login}`.
    pub accounts: Vec<String>,
    /// Times that the client handed documents in at the KYC vendor.
    pub submissions: u32,
    /// Reviews that the KYC vendor ended with yes.
    pub approvals: u32,
    /// Reviews that the KYC vendor ended with no.
    pub rejections: u32,
}

/// One deposit.
#[derive(Debug, Clone, PartialEq)]
pub struct DepositFacts {
    /// The hub's id.
    pub payment: String,
    /// What was asked, in major units.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: &'static str,
    /// The hub says that it was credited.
    pub credited: bool,
}

impl ClientFacts {
    /// Nothing done yet.
    pub(super) fn new(plan: ClientPlan) -> Self {
        Self {
            plan,
            deposits: Vec::new(),
            accounts: Vec::new(),
            submissions: 0,
            approvals: 0,
            rejections: 0,
        }
    }
}

impl DayFacts {
    /// Every deposit with its client.
    pub fn deposits(&self) -> impl Iterator<Item = (&ClientFacts, &DepositFacts)> {
        self.clients.iter().flat_map(|client| client.deposits.iter().map(move |one| (client, one)))
    }
}
