//! MetaTrader's words, and ours.
//!
//! Source: `IMTDeal::EnDealAction` and `EnDealEntry`; volumes as in the Web API's deal structure.
use crate::wire::Deal;
use hub_plugin_sdk::Error;
use hub_plugin_sdk::actions::platform::BalanceKind;
use hub_plugin_sdk::events::account::{AccountDeal, DealKind};
use hub_plugin_sdk::prelude::AccountId;
use rust_decimal::Decimal;

const DEAL_BUY: i64 = 0;
const DEAL_SELL: i64 = 1;
const DEAL_BALANCE: i64 = 2;
const DEAL_CREDIT: i64 = 3;
const DEAL_CORRECTION: i64 = 5;
const ENTRY_IN: i64 = 0;

/// A lot has this many units of `Volume`, as a power of ten.
const VOLUME_DIGITS: u32 = 4;
/// A lot has this many units of `VolumeExt`, as a power of ten.
const VOLUME_EXT_DIGITS: u32 = 8;

/// The type of `/api/trade/balance`, which is the deal's action.
pub(crate) fn deal_action(kind: BalanceKind) -> i64 {
    match kind {
        BalanceKind::Balance => DEAL_BALANCE,
        BalanceKind::Credit => DEAL_CREDIT,
        BalanceKind::Correction => DEAL_CORRECTION,
    }
}

/// What a deal does. A reversal (`ENTRY_INOUT`) closes, and opens in the other direction: it is a
/// close, since it books a result; its volume holds both.
fn kind(deal: &Deal) -> DealKind {
    match (deal.action.0, deal.entry.0) {
        (DEAL_BUY | DEAL_SELL, ENTRY_IN) => DealKind::Open,
        (DEAL_BUY | DEAL_SELL, _) => DealKind::Close,
        (DEAL_BALANCE, _) => DealKind::Balance,
        (DEAL_CREDIT, _) => DealKind::Credit,
        _ => DealKind::Other,
    }
}

/// The canonical deal.
pub(crate) fn deal(account: AccountId, deal: &Deal) -> Result<AccountDeal, Error> {
    let is_trade = matches!(deal.action.0, DEAL_BUY | DEAL_SELL);
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let commission = deal.commission.0.checked_add(deal.fee.0).ok_or_else(|| {
        Error::transient(format!("deal {} has a commission beyond all measure", deal.deal))
    })?;
    Ok(AccountDeal {
        account,
        deal: deal.deal.to_string(),
        kind: kind(deal),
        symbol: if is_trade { text(&deal.symbol) } else { None },
        volume_lots: is_trade.then(|| lots(deal)),
        profit: deal.profit.0,
        commission,
        swap: deal.storage.0,
        comment: text(&deal.comment),
    })
}

fn lots(deal: &Deal) -> Decimal {
    let lots = match deal.volume_ext.0 {
        0 => Decimal::new(deal.volume.0, VOLUME_DIGITS),
        volume_ext => Decimal::new(volume_ext, VOLUME_EXT_DIGITS),
    };
    lots.normalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Dec, Int};

    fn of(action: i64, entry: i64, volume: i64, volume_ext: i64) -> Deal {
        Deal {
            deal: Int(1),
            login: Int(50001),
            action: Int(action),
            entry: Int(entry),
            time: Int(0),
            time_msc: None,
            symbol: "EURUSD".to_owned(),
            volume: Int(volume),
            volume_ext: Int(volume_ext),
            profit: Dec(Decimal::ONE),
            commission: Dec(Decimal::new(-150, 2)),
            fee: Dec(Decimal::new(-50, 2)),
            storage: Dec::default(),
            comment: String::new(),
        }
    }

    #[test]
    fn deals_are_what_they_do() {
        let account = || AccountId::new("mt5-live:50001").expect("an id");
        for (action, entry, expected) in [
            (0, 0, DealKind::Open),
            (1, 0, DealKind::Open),
            (0, 1, DealKind::Close),
            (1, 2, DealKind::Close),
            (1, 3, DealKind::Close),
            (2, 0, DealKind::Balance),
            (3, 0, DealKind::Credit),
            (4, 0, DealKind::Other),
            (5, 0, DealKind::Other),
            (13, 0, DealKind::Other),
            (19, 0, DealKind::Other),
        ] {
            let found = deal(account(), &of(action, entry, 100, 0)).expect("a deal");
            assert_eq!(found.kind, expected, "action {action}, entry {entry}");
            assert_eq!(found.symbol.is_some(), action < 2);
            assert_eq!(found.volume_lots.is_some(), action < 2);
        }
        let lots = |volume, ext| {
            deal(account(), &of(0, 0, volume, ext)).expect("a deal").volume_lots.expect("lots")
        };
        assert_eq!(lots(100, 0), Decimal::new(1, 2));
        assert_eq!(lots(100, 1_050_000), Decimal::new(105, 4));
        let found = deal(account(), &of(0, 0, 100, 0)).expect("a deal");
        assert_eq!(found.commission, Decimal::new(-200, 2));
    }
}
