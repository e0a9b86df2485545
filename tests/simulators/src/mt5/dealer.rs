//! Trade requests on behalf of a dealer: `/api/dealer/send_request` and `/api/dealer/get_request_result`.
//!
//! Sending only queues: `0 Done` says nothing about execution. The result is fetched later, on the same connection,
//! once. Of the dealer's actions only 200 (`TA_DEALER_POS_EXECUTE`) is here: with `Position` it closes, without it
//! opens.

use std::time::Instant;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::auth::Session;
use super::books::{Deal, Side};
use super::params::{Code, Params};
use super::retcode;
use super::world::{By, PRICE_DIGITS, World};

/// Requests of one connection that may wait at once.
const QUEUE_MAX: usize = 128;

/// What became of a request.
#[derive(Debug, Clone)]
pub(super) struct Executed {
    manager: u64,
    request: TradeRequest,
    outcome: Result<Deal, Code>,
}

#[derive(Debug, Clone)]
struct TradeRequest {
    login: u64,
    symbol: String,
    side: Side,
    volume: u64,
    price: Option<Decimal>,
    position: u64,
}

impl TradeRequest {
    fn read(params: &Params) -> Result<Self, Code> {
        let action: u32 = params.required_number("Action")?;
        if action != 200 {
            return Err(if (200..=255).contains(&action) {
                retcode::REQUEST_INVALID
            } else {
                retcode::PARAMS
            });
        }
        let side = match params.required("Type")? {
            "0" => Side::Buy,
            "1" => Side::Sell,
            _ => return Err(retcode::REQUEST_INVALID),
        };
        let price = match params.get("PriceOrder") {
            Some(_) => {
                Some(params.required_decimal("PriceOrder")?).filter(|price| *price > Decimal::ZERO)
            }
            None => None,
        };
        Ok(Self {
            login: params.required_number("Login")?,
            symbol: params.required("Symbol")?.into(),
            side,
            volume: params.required_number("Volume")?,
            price,
            position: params.number("Position")?.unwrap_or(0),
        })
    }
}

impl World {
    /// Queues a request, and gives its id.
    pub fn send_request(
        &mut self,
        manager: u64,
        session: &mut Session,
        params: &Params,
    ) -> Result<u64, Code> {
        let request = TradeRequest::read(params)?;
        self.account(request.login)?;
        let now = Instant::now();
        if session.subscriptions.values().filter(|ready| **ready > now).count() >= QUEUE_MAX {
            return Err(retcode::TOO_MANY_REQUESTS);
        }
        let outcome = self.execute(manager, &request);
        let id = self.next_request();
        session.subscriptions.insert(id, now + self.config.dealer_delay);
        self.executed.insert(id, Executed { manager, request, outcome });
        Ok(id)
    }

    fn execute(&mut self, manager: u64, request: &TradeRequest) -> Result<Deal, Code> {
        if request.volume == 0 {
            return Err(retcode::INVALID_VOLUME);
        }
        let (by, login) = (By::Manager(manager), request.login);
        if request.position == 0 {
            let price = request.price.ok_or(retcode::NO_PRICES)?;
            return self.open(by, login, &request.symbol, request.side, request.volume, price);
        }
        let position = self
            .account(login)?
            .positions
            .get(&request.position)
            .ok_or(retcode::POSITION_CLOSED)?;
        if position.symbol != request.symbol || position.side.opposite() != request.side {
            return Err(retcode::REQUEST_INVALID);
        }
        self.close(by, login, request.position, request.volume)
    }

    /// The results of `ids` that belong to this connection, each under its id: an empty list while it waits. A result
    /// is given once; an id that is not this connection's is left out.
    pub fn request_results(&mut self, session: &mut Session, ids: &[u64]) -> Map<String, Value> {
        let mut results = Map::new();
        for id in ids {
            let Some(ready) = session.subscriptions.get(id) else { continue };
            let mut parts = vec![];
            if *ready <= Instant::now() {
                session.subscriptions.remove(id);
                if let Some(executed) = self.executed.remove(id) {
                    parts = vec![
                        json!({ "result": confirmation(*id, &executed) }),
                        json!({ "answer": answer(*id, &executed) }),
                    ];
                }
            }
            results.insert(id.to_string(), Value::Array(parts));
        }
        results
    }
}

/// The (obsolete, still used) analogue of `IMTConfirm`.
fn confirmation(id: u64, executed: &Executed) -> Value {
    let deal = executed.outcome.as_ref().ok();
    let number = |n: u64| n.to_string();
    json!({
        "ID": number(id),
        "Retcode": retcode::wire(executed.outcome.as_ref().err().copied().unwrap_or(retcode::REQUEST_DONE)),
        "Volume": number(deal.map_or(0, |d| d.volume)),
        "VolumeExt": number(deal.map_or(0, |d| d.volume * 10_000)),
        "Price": price(deal.map_or(Decimal::ZERO, |d| d.price)),
        "TickBid": "0", "TickAsk": "0", "TickLast": "0",
        "Comment": "", "Flags": "0",
        "DealID": number(deal.map_or(0, |d| d.deal)),
        "OrderID": number(deal.map_or(0, |d| d.order)),
        "PositionExternalID": "", "PriceGateway": "0", "ExternalRetcode": "0",
    })
}

/// The analogue of `IMTRequest`.
fn answer(id: u64, executed: &Executed) -> Value {
    let (request, deal) = (&executed.request, executed.outcome.as_ref().ok());
    let number = |n: u64| n.to_string();
    json!({
        "ID": number(id),
        "IDClient": number(id),
        "Login": number(request.login),
        "SourceLogin": number(executed.manager),
        "Symbol": request.symbol,
        "Digits": PRICE_DIGITS.to_string(),
        "Action": "200",
        "Type": request.side.number().to_string(),
        "Volume": number(request.volume),
        "VolumeExt": number(request.volume * 10_000),
        "PriceOrder": price(request.price.unwrap_or_default()),
        "Position": number(request.position),
        "ResultRetcode": retcode::wire(executed.outcome.as_ref().err().copied().unwrap_or(retcode::REQUEST_DONE)),
        "ResultDealer": number(executed.manager),
        "ResultDeal": number(deal.map_or(0, |d| d.deal)),
        "ResultOrder": number(deal.map_or(0, |d| d.order)),
        "ResultVolume": number(deal.map_or(0, |d| d.volume)),
        "ResultVolumeExt": number(deal.map_or(0, |d| d.volume * 10_000)),
        "ResultPrice": price(deal.map_or(Decimal::ZERO, |d| d.price)),
        "ResultComment": "",
    })
}

fn price(price: Decimal) -> String {
    format!("{price:.*}", PRICE_DIGITS as usize)
}
