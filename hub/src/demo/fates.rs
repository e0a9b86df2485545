//! What is to happen to whom, in shares, so that every kind happens on every day.
use hub_simulators::Ids;
use rust_decimal::Decimal;

/// How a client's verification goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KycPath {
    /// Passed at once.
    Green,
    /// Rejected, handed in again, passed.
    RetryThenGreen,
    /// As before, and the broker asks the vendor for another go in between.
    RestartThenGreen,
    /// Rejected for good.
    Final,
    /// Passed, and rejected for good at the end of the day.
    GreenThenRed,
}

/// How a deposit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The first PSP takes it.
    Approved,
    /// The first PSP declines softly with this code; the second takes it.
    FallsBack(&'static str),
    /// Both decline.
    DeclinedTwice,
    /// The first PSP declines this test card for good.
    Hard(&'static str),
    /// The first PSP takes it, with trouble on the way.
    Troubled(Trouble),
    /// The first declines softly, and the second takes it with trouble on the way.
    FallsBackTroubled(Trouble),
}

impl Fate {
    /// The client gets the money into the wallet.
    pub fn credits(self) -> bool {
        !matches!(self, Self::DeclinedTwice | Self::Hard(_))
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No answer, and nothing was done.
    SilentBefore,
    /// No answer, and everything was done: nobody knows.
    SilentAfter,
    /// The connection breaks after everything was done.
    BreaksAfter,
    /// Everything was done, and the answer is a page of something else.
    Garbage,
    /// Everything was done, and half of the answer arrives.
    HalfAnAnswer,
    /// Everything was done, and the answer says 500.
    ErrorAfter,
    /// Too many requests, once.
    RateLimited,
    /// Out of service, twice.
    Unavailable,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::SilentBefore,
        Self::SilentAfter,
        Self::BreaksAfter,
        Self::Garbage,
        Self::HalfAnAnswer,
        Self::ErrorAfter,
        Self::RateLimited,
        Self::Unavailable,
    ];
}

/// Which rules an evaluation account breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breaches {
    /// None.
    None,
    /// The daily loss.
    Daily,
    /// The maximum loss, and with it the daily one: it is the account's first day.
    DailyAndMax,
}

impl Breaches {
    /// The rules' names.
    pub fn rules(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Daily => &["daily-loss"],
            Self::DailyAndMax => &["daily-loss", "max-loss"],
        }
    }
}

/// What an evaluation account goes through.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// Equities, one after another; each is held until the hub has seen it.
    pub equities: Vec<Decimal>,
    /// The client closes the position in the end; otherwise it stays open, unless a breach closes
    /// it.
    pub close: bool,
    /// What follows from the last equity.
    pub breaches: Breaches,
}

/// The kinds of trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TradeKind {
    Profit,
    Calm,
    OnTheFloor,
    Daily,
    Max,
}

pub(super) fn kyc(dice: &mut Ids, clients: usize) -> Vec<KycPath> {
    let shares = [
        (KycPath::Final, 0.04, 1),
        (KycPath::GreenThenRed, 0.02, 1),
        (KycPath::RetryThenGreen, 0.08, 1),
        (KycPath::RestartThenGreen, 0.05, 1),
    ];
    deck(dice, clients, &shares, KycPath::Green)
}

pub(super) fn deposits(dice: &mut Ids, clients: usize) -> Vec<Fate> {
    let mut shares = vec![
        (Fate::FallsBack("do_not_honor"), 0.06, 1),
        (Fate::FallsBack("generic_decline"), 0.04, 1),
        (Fate::DeclinedTwice, 0.02, 1),
        (Fate::Hard("pm_card_visa_chargeDeclinedStolenCard"), 0.02, 1),
        (Fate::Hard("pm_card_visa_chargeDeclinedLostCard"), 0.015, 1),
        (Fate::Hard("pm_card_visa_chargeDeclinedFraudulent"), 0.015, 1),
        (Fate::FallsBackTroubled(Trouble::SilentAfter), 0.01, 1),
        (Fate::FallsBackTroubled(Trouble::BreaksAfter), 0.01, 1),
        (Fate::FallsBackTroubled(Trouble::RateLimited), 0.01, 1),
    ];
    shares.extend(Trouble::ALL.map(|trouble| (Fate::Troubled(trouble), 0.015, 1)));
    deck(dice, clients, &shares, Fate::Approved)
}

/// Trouble while a client's account is opened. The platform answers one call after another, so a
/// silence holds up everyone: there are few.
pub(super) fn openings(dice: &mut Ids, clients: usize) -> Vec<Option<Trouble>> {
    let shares = [
        (Some(Trouble::SilentBefore), 0.005, 1),
        (Some(Trouble::SilentAfter), 0.005, 1),
        (Some(Trouble::BreaksAfter), 0.04, 1),
        (Some(Trouble::Unavailable), 0.03, 1),
        (Some(Trouble::Garbage), 0.02, 1),
    ];
    deck(dice, clients, &shares, None)
}

pub(super) fn trades(dice: &mut Ids, accounts: usize) -> Vec<Trade> {
    let shares = [
        (TradeKind::Daily, 0.12, 1),
        (TradeKind::Max, 0.06, 1),
        (TradeKind::OnTheFloor, 0.10, 1),
        (TradeKind::Calm, 0.40, 0),
    ];
    let kinds = deck(dice, accounts, &shares, TradeKind::Profit);
    kinds.into_iter().map(|kind| trade(dice, kind)).collect()
}

fn trade(dice: &mut Ids, kind: TradeKind) -> Trade {
    // In cents; the bands do not touch, so that no equity follows on itself.
    let mut cents =
        |low: i64, high: i64| Decimal::new(low + (dice.unit() * (high - low) as f64) as i64, 2);
    let first = cents(9_900_000, 9_980_000);
    let (rest, close, breaches) = match kind {
        TradeKind::Profit => {
            (vec![cents(10_020_000, 10_200_000), cents(10_300_000, 10_800_000)], true, 0)
        }
        TradeKind::Calm => (vec![cents(9_700_000, 9_850_000)], false, 0),
        // Exactly on the floor is not below it.
        TradeKind::OnTheFloor => {
            (vec![Decimal::new(9_500_000, 2), cents(9_600_000, 9_700_000)], true, 0)
        }
        TradeKind::Daily => (vec![cents(9_100_000, 9_499_999)], false, 1),
        TradeKind::Max => {
            (vec![cents(9_550_000, 9_650_000), cents(8_500_000, 8_999_999)], false, 2)
        }
    };
    let breaches = [Breaches::None, Breaches::Daily, Breaches::DailyAndMax][breaches];
    Trade { equities: [vec![first], rest].concat(), close, breaches }
}

/// `size` cards in a drawn order: of each kind its share, but at least so many, and the rest of
/// one kind. A small deck has the first kinds only.
fn deck<T: Clone>(dice: &mut Ids, size: usize, shares: &[(T, f64, usize)], rest: T) -> Vec<T> {
    let mut cards: Vec<T> = Vec::with_capacity(size);
    for (kind, share, at_least) in shares {
        let wanted = ((size as f64 * share).round() as usize).max(*at_least);
        cards.extend(std::iter::repeat_n(kind.clone(), wanted.min(size - cards.len())));
    }
    cards.resize(size, rest);
    // Fisher and Yates.
    for last in (1..cards.len()).rev() {
        let other = (dice.unit() * (last + 1) as f64) as usize;
        cards.swap(last, other.min(last));
    }
    cards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_happens_on_an_ordinary_day() {
        let mut dice = Ids::new(3);
        let fates = deposits(&mut dice, 200);
        assert_eq!(fates.len(), 200);
        for trouble in Trouble::ALL {
            assert!(fates.contains(&Fate::Troubled(trouble)), "{trouble:?}");
        }
        assert!(fates.iter().filter(|fate| fate.credits()).count() > 180);
        let breaches: Vec<_> = trades(&mut dice, 80).iter().map(|trade| trade.breaches).collect();
        assert!(breaches.contains(&Breaches::Daily) && breaches.contains(&Breaches::DailyAndMax));
        assert!(kyc(&mut dice, 200).contains(&KycPath::GreenThenRed));
    }

    #[test]
    fn a_trade_breaches_what_it_says() {
        let (daily, max) = (Decimal::from(95_000), Decimal::from(90_000));
        for trade in trades(&mut Ids::new(9), 500) {
            let lowest = *trade.equities.iter().min().unwrap();
            let rules = match trade.breaches {
                Breaches::None => 0,
                Breaches::Daily => 1,
                Breaches::DailyAndMax => 2,
            };
            assert_eq!(usize::from(lowest < daily) + usize::from(lowest < max), rules);
            assert_eq!(trade.breaches.rules().len(), rules);
            assert!(trade.equities.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn a_small_deck_is_full_and_no_fuller() {
        let mut dice = Ids::new(1);
        for size in 0..30 {
            assert_eq!(deposits(&mut dice, size).len(), size);
        }
    }
}
