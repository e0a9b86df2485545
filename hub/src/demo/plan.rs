//! Who does what on the day, drawn from the seed before anything happens: timing changes nothing.
use super::config::{PROP_ENTITY, RETAIL_ENTITY};
use super::fates::{self, Fate, KycPath, Trade, Trouble};
use super::people::{self, Person};
use hub_simulators::Ids;
use rust_decimal::Decimal;

/// Mixed into the seed of the plan, so that it is not the simulators' identifiers.
const PLAN_STREAM: u64 = 0x9_1a7;
/// Of all clients.
const PROP_SHARE: f64 = 0.4;
/// Of prop clients: buy before they are verified.
const EARLY_SHARE: f64 = 0.1;
/// Of prop clients: buy a second evaluation.
const SECOND_CHALLENGE_SHARE: f64 = 0.06;
/// Of clients whose deposit failed: try again with another card.
const AGAIN_SHARE: f64 = 0.6;
/// Of the others: pay in a second time.
const SECOND_DEPOSIT_SHARE: f64 = 0.25;

/// The whole day.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// By number.
    pub clients: Vec<ClientPlan>,
}

/// One client's day.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPlan {
    /// The broker's own id: `cl-00001`.
    pub client: String,
    /// The entity that serves the client.
    pub entity: &'static str,
    /// Who it is.
    pub person: Person,
    /// When the client comes, as a share of the time in which clients come.
    pub arrives: f64,
    /// How quick the client is; 1 is usual, 2 takes twice as long.
    pub pace: f64,
    /// Verification.
    pub kyc: KycPath,
    /// Deposits, one after another; none before verification is passed.
    pub deposits: Vec<DepositPlan>,
    /// Evaluations, of a prop client.
    pub challenges: Vec<Challenge>,
    /// Trouble while the first account is opened.
    pub opening: Option<Trouble>,
}

/// One deposit.
#[derive(Debug, Clone, PartialEq)]
pub struct DepositPlan {
    /// In major units.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: &'static str,
    /// How it goes.
    pub fate: Fate,
}

/// One evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    /// The purchase in the broker's shop.
    pub purchase: String,
    /// Bought before verification.
    pub early: bool,
    /// What the account goes through.
    pub trade: Trade,
}

impl ClientPlan {
    /// The client is of the prop firm.
    pub fn is_prop(&self) -> bool {
        self.entity == PROP_ENTITY
    }
    /// Verification is passed at some time of the day.
    pub fn is_verified(&self) -> bool {
        self.kyc != KycPath::Final
    }
    /// Accounts on the platform at the end of the day.
    pub fn accounts(&self) -> usize {
        match (self.is_verified(), self.is_prop()) {
            (false, _) => 0,
            (true, true) => self.challenges.len(),
            (true, false) => 1,
        }
    }
    /// What stands in every request about the client at a PSP.
    pub(super) fn psp_marker(&self) -> &str {
        &self.client
    }
    /// What stands in every request for an account of the client, however it is escaped.
    pub(super) fn platform_marker(&self) -> &str {
        self.person.email.split('@').next().unwrap_or_default()
    }
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, clients: usize) -> Self {
        let mut dice = Ids::new(seed ^ PLAN_STREAM);
        let kyc = fates::kyc(&mut dice, clients);
        let fates = fates::deposits(&mut dice, clients);
        let openings = fates::openings(&mut dice, clients);
        let prop = (clients as f64 * PROP_SHARE).round() as usize;
        // The first deck is used up whole; who buys twice draws from the second.
        let [first, second] = [(); 2].map(|()| fates::trades(&mut dice, prop));
        let mut trades = first.into_iter().chain(second);
        let clients = (0..clients)
            .map(|place| {
                let number = place + 1;
                // Every place of a run of prop clients among the others is the same share.
                let is_prop = (number * prop) / clients != (place * prop) / clients;
                let mut client = ClientPlan {
                    client: format!("cl-{number:05}"),
                    entity: if is_prop { PROP_ENTITY } else { RETAIL_ENTITY },
                    person: people::person(&mut dice, number, is_prop),
                    arrives: place as f64 / clients as f64,
                    pace: 0.6 + dice.unit() * 0.8,
                    kyc: kyc[place],
                    deposits: Vec::new(),
                    challenges: Vec::new(),
                    opening: openings[place],
                };
                if client.is_verified() {
                    client.deposits = deposits(&mut dice, fates[place], client.person.currency);
                }
                if is_prop {
                    client.challenges = challenges(&mut dice, number, &mut trades);
                }
                client
            })
            .collect();
        Self { clients }
    }
}

fn deposits(dice: &mut Ids, first: Fate, currency: &'static str) -> Vec<DepositPlan> {
    let mut planned = |fate| DepositPlan { amount: people::amount(dice, currency), currency, fate };
    let first = planned(first);
    let second = planned(Fate::Approved);
    let share = if first.fate.credits() { SECOND_DEPOSIT_SHARE } else { AGAIN_SHARE };
    match dice.unit() < share {
        true => vec![first, second],
        false => vec![first],
    }
}

fn challenges(
    dice: &mut Ids,
    number: usize,
    trades: &mut impl Iterator<Item = Trade>,
) -> Vec<Challenge> {
    let early = dice.unit() < EARLY_SHARE;
    let bought = 1 + usize::from(dice.unit() < SECOND_CHALLENGE_SHARE);
    let challenge =
        |(n, trade)| Challenge { purchase: format!("po-{number:05}-{n}"), early, trade };
    (1..=bought).zip(trades).map(challenge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_seed_gives_the_same_day() {
        assert_eq!(Plan::new(7, 60), Plan::new(7, 60));
        assert_ne!(Plan::new(7, 60), Plan::new(8, 60));
    }

    #[test]
    fn a_day_has_its_shares_and_unique_names() {
        let plan = Plan::new(1, 200);
        let prop = plan.clients.iter().filter(|client| client.is_prop()).count();
        assert_eq!(prop, 80);
        let unique: BTreeSet<_> = plan.clients.iter().map(|c| c.platform_marker()).collect();
        assert_eq!(unique.len(), 200);
        for client in &plan.clients {
            assert_eq!(client.challenges.is_empty(), !client.is_prop());
            assert_eq!(client.deposits.is_empty(), !client.is_verified());
        }
    }

    #[test]
    fn any_size_of_day_can_be_planned() {
        for clients in 0..40 {
            assert_eq!(Plan::new(5, clients).clients.len(), clients);
        }
    }
}
