//! MT5's JSON: every number is a string, money with the currency's digits, times in server time.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::books::{Deal, Position};
use super::time::ZoneState;
use super::world::{Account, CONTRACT_SIZE, PRICE_DIGITS};
use super::{AnswerKeys, Group};

/// `{name: value}`, with the name spelled as this build spells it.
pub(super) fn single(keys: AnswerKeys, name: &str, value: u64) -> Value {
    let name = match keys {
        AnswerKeys::Lowercase => name.to_lowercase(),
        AnswerKeys::Documented => name.to_owned(),
    };
    json!({ name: value.to_string() })
}

/// `/api/user/get`, `add`, `update`. Passwords never come back.
pub(super) fn user(account: &Account) -> Value {
    let registered_s = (account.registered_ms / 1000).to_string();
    let mut out = json!({
        "Login": account.login.to_string(),
        "Group": account.group.name,
        "CertSerialNumber": "0",
        "Rights": account.rights.to_string(),
        "Registration": registered_s,
        "LastAccess": registered_s,
        "LastPassChange": registered_s,
        "LastIP": "0.0.0.0",
        "Name": account.name,
        "Leverage": account.leverage.to_string(),
        "CurrencyDigits": account.group.currency_digits.to_string(),
        "Balance": money(account, account.balance),
        "Credit": money(account, account.credit),
        "InterestRate": "0.00",
        "CommissionDaily": "0.00",
        "CommissionMonthly": "0.00",
        "BalancePrevDay": "0.00",
        "EquityPrevDay": "0.00",
        "LimitOrders": "0",
        "OTPSecret": "",
    });
    for (name, value) in &account.fields {
        out[*name] = json!(value);
    }
    out
}

/// `/api/user/account/get`.
pub(super) fn account(account: &Account) -> Value {
    let (equity, margin, floating) = (account.equity(), account.margin(), account.floating());
    let level = if margin.is_zero() {
        Decimal::ZERO
    } else {
        account.money(equity / margin * Decimal::ONE_HUNDRED)
    };
    let m = |amount| money(account, amount);
    json!({
        "Login": account.login.to_string(),
        "CurrencyDigits": account.group.currency_digits.to_string(),
        "Balance": m(account.balance),
        "Credit": m(account.credit),
        "Margin": m(margin),
        "MarginFree": m(account.margin_free()),
        "MarginLevel": m(level),
        "MarginLeverage": account.leverage.to_string(),
        "MarginInitial": m(Decimal::ZERO),
        "MarginMaintenance": m(Decimal::ZERO),
        "Profit": m(floating),
        "Storage": m(Decimal::ZERO),
        "Floating": m(floating),
        "Equity": m(equity),
        "SOActivation": "0",
        "SOTime": "0",
        "SOLevel": m(Decimal::ZERO),
        "SOEquity": m(Decimal::ZERO),
        "SOMargin": m(Decimal::ZERO),
        "BlockedCommission": m(Decimal::ZERO),
        "BlockedProfit": m(Decimal::ZERO),
        "Assets": m(Decimal::ZERO),
        "Liabilities": m(Decimal::ZERO),
    })
}

/// One position.
pub(super) fn position(account: &Account, position: &Position) -> Value {
    json!({
        "Position": position.position.to_string(),
        "ExternalID": "",
        "Login": account.login.to_string(),
        "Dealer": "0",
        "Symbol": position.symbol,
        "Action": position.side.number().to_string(),
        "Digits": PRICE_DIGITS.to_string(),
        "DigitsCurrency": account.group.currency_digits.to_string(),
        "Reason": "0",
        "ContractSize": format!("{CONTRACT_SIZE}.00"),
        "TimeCreate": (position.time_ms / 1000).to_string(),
        "TimeUpdate": (position.time_ms / 1000).to_string(),
        "TimeCreateMsc": position.time_ms.to_string(),
        "TimeUpdateMsc": position.time_ms.to_string(),
        "PriceOpen": price(position.price_open),
        "PriceCurrent": price(position.price_current),
        "PriceSL": price(Decimal::ZERO),
        "PriceTP": price(Decimal::ZERO),
        "Volume": position.volume.to_string(),
        "VolumeExt": (position.volume * 10_000).to_string(),
        "Profit": money(account, position.profit),
        "Storage": money(account, Decimal::ZERO),
        "RateProfit": "1.00000000",
        "RateMargin": "1.00000000",
        "ExpertID": "0",
        "ExpertPositionID": "0",
        "Comment": "",
    })
}

/// One deal.
pub(super) fn deal(account: &Account, deal: &Deal) -> Value {
    let closed = if deal.entry == 1 { deal.volume } else { 0 };
    json!({
        "Deal": deal.deal.to_string(),
        "ExternalID": "",
        "Login": account.login.to_string(),
        "Dealer": deal.dealer.to_string(),
        "Order": deal.order.to_string(),
        "Action": deal.action.to_string(),
        "Entry": deal.entry.to_string(),
        "Reason": deal.reason.to_string(),
        "Digits": PRICE_DIGITS.to_string(),
        "DigitsCurrency": account.group.currency_digits.to_string(),
        "ContractSize": format!("{CONTRACT_SIZE}.00"),
        "Time": (deal.time_ms / 1000).to_string(),
        "TimeMsc": deal.time_ms.to_string(),
        "Symbol": deal.symbol,
        "Price": price(deal.price),
        "Volume": deal.volume.to_string(),
        "VolumeExt": (deal.volume * 10_000).to_string(),
        "VolumeClosed": closed.to_string(),
        "VolumeClosedExt": (closed * 10_000).to_string(),
        "Profit": money(account, deal.profit),
        "ProfitRaw": money(account, deal.profit),
        "Storage": money(account, Decimal::ZERO),
        "Commission": money(account, Decimal::ZERO),
        "Fee": money(account, Decimal::ZERO),
        "RateProfit": "1.00000000",
        "RateMargin": "1.00000000",
        "ExpertID": "0",
        "PositionID": deal.position.to_string(),
        "Comment": deal.comment,
    })
}

/// `/api/group/get`, only what an account's money needs.
pub(super) fn group(group: &Group) -> Value {
    json!({
        "Group": group.name,
        "Currency": group.currency,
        "CurrencyDigits": group.currency_digits.to_string(),
        "AuthPasswordMin": group.password_chars_min.to_string(),
        "MarginMode": "2",
    })
}

/// `/api/time/get`. Trading hours: all week.
pub(super) fn time_settings(zone: ZoneState) -> Value {
    json!({
        "Daylight": "1",
        "DaylightState": u8::from(zone.daylight).to_string(),
        "TimeZone": zone.base_minutes.to_string(),
        "TimeServer": "127.0.0.1",
        "Days": vec![vec!["1"; 24]; 7],
    })
}

/// `/api/time/server`: the number and its text agree, as if the server were at UTC.
pub(super) fn server_time(now_ms: i64) -> Value {
    let seconds = now_ms.div_euclid(1000);
    let text = jiff::Timestamp::from_second(seconds)
        .map(|at| at.strftime("%Y.%m.%d %H:%M:%S").to_string())
        .unwrap_or_default();
    json!({ "Time": format!("{seconds} {text}") })
}

fn money(account: &Account, amount: Decimal) -> String {
    format!("{amount:.*}", account.group.currency_digits as usize)
}

fn price(price: Decimal) -> String {
    format!("{price:.*}", PRICE_DIGITS as usize)
}
