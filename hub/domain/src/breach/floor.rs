//! The arithmetic of loss rules (B2, B3): floor = anchor − allowance, in checked decimals.
use hub_schemas::events::rules::{Allowance, AllowanceOf, DailyAnchor};
use rust_decimal::Decimal;

/// A floor, and what it was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// What it was taken from.
    pub anchor: Decimal,
    /// What may be lost.
    pub allowance: Decimal,
    /// Anchor less allowance.
    pub floor: Decimal,
}

/// Why a floor cannot be computed: what is compared with it is not evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    /// The allowance gives neither a share nor an amount.
    #[error("the allowance has neither share nor amount: give one of them")]
    NoAllowance,
    /// A figure does not fit.
    #[error("the figures are too large to compute a floor")]
    TooLarge,
}

/// The value of a day's anchor, from balance and equity at the reset.
pub fn daily_anchor(anchor: DailyAnchor, balance: Decimal, equity: Decimal) -> Decimal {
    match anchor {
        DailyAnchor::Balance => balance,
        DailyAnchor::Equity => equity,
        DailyAnchor::MaxOfBoth => balance.max(equity),
    }
}

/// The floor under an anchor. `initial` is the opening balance.
pub fn floor(
    anchor: Decimal,
    initial: Decimal,
    allowance: &Allowance,
) -> Result<Floor, FloorError> {
    let allowance = match (allowance.amount, allowance.share) {
        (Some(amount), _) => amount,
        (None, Some(share)) => {
            let of = match allowance.of {
                Some(AllowanceOf::Anchor) => anchor,
                Some(AllowanceOf::Initial) | None => initial,
            };
            share.checked_mul(of).ok_or(FloorError::TooLarge)?
        }
        (None, None) => return Err(FloorError::NoAllowance),
    };
    let floor = anchor.checked_sub(allowance).ok_or(FloorError::TooLarge)?;
    Ok(Floor { anchor, allowance, floor })
}

impl Floor {
    /// The value is below the floor; one exactly on it is not.
    pub fn crossed_by(&self, value: Decimal) -> bool {
        value < self.floor
    }

    /// How it was computed, in words. `anchor` names what it was taken from.
    pub fn derivation(&self, anchor: &str, initial: Decimal, allowance: &Allowance) -> String {
        let how = match (allowance.amount, allowance.share, allowance.of) {
            (None, Some(share), Some(AllowanceOf::Anchor)) => {
                format!("{share} × anchor {}", self.anchor)
            }
            (None, Some(share), _) => format!("{share} × initial balance {initial}"),
            _ => "fixed amount".to_owned(),
        };
        format!(
            "floor {} = anchor {} ({anchor}) − allowance {} ({how})",
            self.floor.normalize(),
            self.anchor.normalize(),
            self.allowance.normalize()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }
    fn share(of: Option<AllowanceOf>, share: &str) -> Allowance {
        Allowance { of, share: Some(dec(share)), amount: None }
    }

    #[test]
    fn floors() {
        let initial = Some(AllowanceOf::Initial);
        let anchor = Some(AllowanceOf::Anchor);
        let amount = Allowance { of: None, share: None, amount: Some(dec("2500")) };
        for (from, allowance, expected_allowance, expected_floor) in [
            // FTMO, 100k: 10 % of the initial balance in all, 5 % of it a day.
            ("100000", share(initial, "0.10"), "10000", "90000"),
            ("100000", share(initial, "0.05"), "5000", "95000"),
            ("92000", share(initial, "0.05"), "5000", "87000"),
            ("104000", share(initial, "0.05"), "5000", "99000"),
            ("104000", share(anchor, "0.05"), "5200", "98800"),
            ("100000", share(None, "0.04"), "4000", "96000"),
            ("104000", amount, "2500", "101500"),
            ("0.3", share(anchor, "0.1"), "0.03", "0.27"),
        ] {
            let floor = floor(dec(from), dec("100000"), &allowance).unwrap();
            assert_eq!(
                (floor.allowance, floor.floor),
                (dec(expected_allowance), dec(expected_floor))
            );
        }
    }

    #[test]
    fn below_is_crossed_and_on_it_is_not() {
        let of = share(Some(AllowanceOf::Initial), "0.10");
        let floor = floor(dec("100000"), dec("100000"), &of).unwrap();
        assert!(floor.crossed_by(dec("89999")), "92,000 less a floating 2,001");
        assert!(floor.crossed_by(dec("89999.99999999")));
        for not in ["90000", "90000.00", "90000.00000001", "100000"] {
            assert!(!floor.crossed_by(dec(not)), "{not}");
        }
    }

    #[test]
    fn anchors() {
        let (low, high) = (dec("99000"), dec("101000"));
        assert_eq!(daily_anchor(DailyAnchor::Balance, low, high), low);
        assert_eq!(daily_anchor(DailyAnchor::Equity, low, high), high);
        assert_eq!(daily_anchor(DailyAnchor::MaxOfBoth, low, high), high);
        assert_eq!(daily_anchor(DailyAnchor::MaxOfBoth, high, low), high);
    }

    #[test]
    fn what_cannot_be_computed_says_so() {
        let none = Allowance { of: None, share: None, amount: None };
        assert_eq!(floor(dec("1"), dec("1"), &none), Err(FloorError::NoAllowance));
        let twice = share(Some(AllowanceOf::Anchor), "2");
        assert_eq!(floor(Decimal::MAX, dec("1"), &twice), Err(FloorError::TooLarge));
    }

    #[test]
    fn the_derivation_can_be_computed_again_by_hand() {
        let of = share(Some(AllowanceOf::Initial), "0.05");
        let floor = floor(dec("92000"), dec("100000"), &of).unwrap();
        let said = floor.derivation("balance before 2026-03-29, evt_7", dec("100000"), &of);
        assert_eq!(
            said,
            "floor 87000 = anchor 92000 (balance before 2026-03-29, evt_7) − allowance 5000 \
             (0.05 × initial balance 100000)"
        );
    }
}
