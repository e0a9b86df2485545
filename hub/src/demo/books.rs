//! The end state in a form that does not depend on timing: an undisturbed day and one in which the
//! hub was killed again and again end with the same text, if both have the same seed.
use super::trading::login;
use super::{DayFacts, DemoError, HubApi, World};
use hub_simulators::mt5::{AccountBook, Mt5Books};
use rust_decimal::Decimal;
use serde_json::Value;
use std::fmt::Write as _;

/// One block a client: stage, verification, wallet, deposits in the order of the plan, accounts
/// with rights and money on the platform. No ids that anyone drew, no times.
///
/// # Errors
/// When the hub does not answer, or not in its form.
pub async fn digest(world: &World, hub_url: &str, facts: &DayFacts) -> Result<String, DemoError> {
    let hub = HubApi::new(hub_url)?;
    let books = world.mt5.books();
    let mut text = String::new();
    for client in &facts.clients {
        let id = &client.plan.client;
        let card = hub.get(&format!("/v1/clients/{id}/card")).await?;
        let kyc = &card["kyc"];
        line(
            &mut text,
            format_args!("{id} {} kyc {}", plain(&card["stage"]), plain(&kyc["status"])),
        );
        for balance in wallet(&card) {
            line(&mut text, format_args!("  wallet {balance}"));
        }
        for deposit in &client.deposits {
            let shown = hub.get(&format!("/v1/deposits/{}", deposit.payment)).await?;
            let psps: Vec<_> = list(&shown["attempts"])
                .iter()
                .map(|one| format!("{} {}", plain(&one["connection"]), plain(&one["status"])))
                .collect();
            let (asked, status) = (deposit.amount, plain(&shown["status"]));
            let by = plain(&shown["credited"]["connection"]);
            let psps = psps.join(", ");
            let currency = deposit.currency;
            line(&mut text, format_args!("  deposit {asked} {currency} {status} {by} ({psps})"));
        }
        for account in &client.accounts {
            line(&mut text, format_args!("  account {}", on_platform(&books, account)?));
        }
        for breach in breaches(&card) {
            line(&mut text, format_args!("  breach {breach}"));
        }
    }
    Ok(text)
}

fn line(text: &mut String, of: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{of}");
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn decimal(text: &str) -> String {
    text.parse::<Decimal>().map_or_else(|_| text.to_owned(), |one| one.normalize().to_string())
}

/// Balances, however the card lists them: by currency, or as amounts of money.
fn wallet(card: &Value) -> Vec<String> {
    let money =
        |one: &Value| format!("{} {}", decimal(plain(&one["amount"])), plain(&one["currency"]));
    let mut all: Vec<String> = match &card["wallet"] {
        Value::Object(by_currency) => by_currency
            .iter()
            .map(|(currency, amount)| format!("{} {currency}", decimal(plain(amount))))
            .collect(),
        listed => list(listed).iter().map(money).collect(),
    };
    all.sort();
    all
}

/// Group, right to trade, money and positions, from the platform's own books.
fn on_platform(books: &Mt5Books, account: &str) -> Result<String, DemoError> {
    let login = login(account)?;
    let Some(book) = books.account(login) else {
        return Ok(format!("{account} is not on the platform"));
    };
    let AccountBook { group, balance, equity, positions, .. } = book;
    let may = if book.may_trade() { "may trade" } else { "disabled" };
    let (balance, equity, open) = (balance.normalize(), equity.normalize(), positions.len());
    Ok(format!("{group} {may} balance {balance} equity {equity} positions {open}"))
}

/// Rules broken, over all of the client's accounts.
fn breaches(card: &Value) -> Vec<String> {
    let mut all: Vec<String> = list(&card["accounts"])
        .iter()
        .filter_map(|account| account["watch"]["breached"].as_object())
        .flat_map(|breached| breached.keys().cloned())
        .collect();
    all.sort();
    all
}
