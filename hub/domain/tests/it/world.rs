//! A broker to tell facts to.
use hub_domain::{Event, NewEvent, State};
use hub_schemas::events::action::{ActionKind, ActionRequested};
use hub_schemas::{AccountId, ClientId, ConnectionId, Payload, PaymentId};
use serde_json::{Value, json};

/// 2026-03-02T10:00:00Z, a Monday.
pub const START_MS: i64 = 1_772_445_600_000;
pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600_000;

pub struct World {
    pub state: State,
    pub log: Vec<(Event, Vec<NewEvent>)>,
    pub now: i64,
}

/// Two PSPs and one of the UK, a KYC vendor, a platform, two programmes' worth of rules.
pub fn rules() -> Value {
    let programme = |id: &str, rules: Value| {
        json!({
            "id": id, "currency": "USD", "initial_balance": "100000",
            "day": {"reset": "00:00", "zone": "Europe/Prague"},
            "phase": [{"name": "challenge", "rules": rules}],
        })
    };
    let share = |share: &str| json!({"of": "initial", "share": share});
    let challenge = |name: &str, programme: &str| {
        json!({
            "name": name, "on": "challenge.purchased", "when": {"programme": programme},
            "account": {"connection": "mt5-live", "group": "prop", "currency": "USD", "leverage": 100},
        })
    };
    json!({
        "connections": [
            {"id": "stripe-eu", "kind": "psp", "entity": "acme-eu", "capabilities": ["psp", "psp-refund"], "methods": ["card"]},
            {"id": "adyen-eu", "kind": "psp", "entity": "acme-eu", "capabilities": ["psp", "psp-refund"], "currencies": ["EUR", "USD"]},
            {"id": "old-eu", "kind": "psp", "entity": "acme-eu", "capabilities": ["psp"]},
            {"id": "stripe-uk", "kind": "psp", "entity": "acme-uk", "capabilities": ["psp"]},
            {"id": "sumsub", "kind": "kyc", "capabilities": ["kyc"]},
            {"id": "mt5-live", "kind": "platform", "capabilities": ["platform", "platform-positions"]},
        ],
        "kyc": [
            {"name": "eu", "when": {"entity": "acme-eu"}, "connection": "sumsub", "level": "basic", "at_registration": true},
            {"name": "rest", "connection": "sumsub", "level": "full"},
        ],
        "routes": [{
            "name": "eu-cards",
            "when": {"kind": "deposit", "entity": "acme-eu", "method": "card", "country": ["DE", "FR"],
                     "amount": {"max": "5000", "currency": "EUR"}},
            "use": {"strategy": "ordered", "connections": ["stripe-eu", "adyen-eu", "old-eu"]},
            "fallback": {"attempts_max": 2, "within": "30s"},
        }],
        "provisioning": [
            {"name": "eu-retail", "on": "kyc.approved", "when": {"entity": "acme-eu"},
             "account": {"connection": "mt5-live", "group": "real", "currency": "EUR", "leverage": 30}},
            {"name": "first-money", "on": "deposit.first", "when": {"entity": "acme-eu"},
             "account": {"connection": "mt5-live", "group": "vip", "currency": "EUR", "leverage": 30}},
            challenge("prop", "two-step"),
            challenge("prop-equity", "equity-step"),
        ],
        "programmes": [
            programme("two-step", json!([
                {"rule": "daily-loss", "anchor": "balance", "allowance": share("0.05")},
                {"rule": "max-loss", "mode": "static", "allowance": share("0.10")},
            ])),
            programme("equity-step", json!([
                {"rule": "daily-loss", "anchor": "max-of-both", "allowance": {"of": "anchor", "share": "0.05"}},
                {"rule": "daily-loss", "anchor": "equity", "allowance": {"amount": "3000"}, "compare": "balance", "on_breach": "disable"},
            ])),
        ],
    })
}

/// The types of some decisions.
pub fn types(decided: &[NewEvent]) -> Vec<&'static str> {
    decided.iter().map(|new| new.payload.event_type()).collect()
}

pub fn connection(id: &str) -> ConnectionId {
    ConnectionId::new(id).unwrap()
}
pub fn client(id: &str) -> ClientId {
    ClientId::new(id).unwrap()
}
pub fn payment(id: &str) -> PaymentId {
    PaymentId::new(id).unwrap()
}
pub fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

impl World {
    /// With the rules applied.
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.apply("v1", rules());
        world
    }
    pub fn empty() -> Self {
        Self { state: State::default(), log: Vec::new(), now: START_MS }
    }
    pub fn apply(&mut self, version: &str, rules: Value) {
        let decided = self.tell("config.applied", json!({"version": version, "rules": rules}));
        assert_eq!(types(&decided), [""; 0]);
    }

    /// A fact of the hub's own API, that happens now.
    pub fn tell(&mut self, event_type: &str, data: Value) -> Vec<NewEvent> {
        self.told(None, self.now, event_type, data)
    }
    /// A vendor's fact, that happens now.
    pub fn over(&mut self, over: &str, event_type: &str, data: Value) -> Vec<NewEvent> {
        self.told(Some(over), self.now, event_type, data)
    }
    /// A vendor's fact with the vendor's own time.
    pub fn told(
        &mut self,
        over: Option<&str>,
        time_ms: i64,
        event_type: &str,
        data: Value,
    ) -> Vec<NewEvent> {
        let payload = Payload::parse(event_type, data).unwrap();
        let event = Event {
            sequence: self.log.iter().map(|(_, decided)| 1 + decided.len() as u64).sum::<u64>() + 1,
            time_ms,
            recorded_ms: self.now,
            connection: over.map(connection),
            entity: None,
            payload,
        };
        let decided = self.state.step(&event).unwrap();
        self.log.push((event, decided.clone()));
        decided
    }

    pub fn register(&mut self, id: &str) -> Vec<NewEvent> {
        self.tell(
            "client.registered",
            json!({"client": id, "entity": "acme-eu", "country": "DE", "email": "sealed:mail",
                   "first_name": "sealed:first"}),
        )
    }
    /// Registered and verified, with the retail account of the rule open.
    pub fn verified(&mut self, id: &str) {
        self.register(id);
        self.over("sumsub", "kyc.approved", json!({"client": id, "applicant": "a1"}));
    }
    pub fn deposit(&mut self, id: &str, of: &str, amount: &str) -> Vec<NewEvent> {
        self.tell(
            "deposit.requested",
            json!({"payment": id, "client": of, "method": "card",
                   "amount": {"amount": amount, "currency": "EUR"},
                   "method_tokens": {"stripe-eu": "tok_s", "adyen-eu": "tok_a"}}),
        )
    }
    pub fn succeeded(&mut self, id: &str, over: &str, amount: &str) -> Vec<NewEvent> {
        self.over(
            over,
            "payment.succeeded",
            json!({"payment": id, "vendor_payment": format!("{over}:{id}"),
                   "amount": {"amount": amount, "currency": "EUR"}}),
        )
    }
    pub fn declined(&mut self, id: &str, over: &str, verdict: &str) -> Vec<NewEvent> {
        self.over(
            over,
            "payment.failed",
            json!({"payment": id, "vendor_payment": format!("{over}:{id}"),
                   "decline": {"category": "insufficient_funds", "verdict": verdict, "vendor_code": "51"}}),
        )
    }

    pub fn complete(&mut self, action: &str, result: Value) -> Vec<NewEvent> {
        let (kind, over) = self.asked(action);
        let data = json!({"action": action, "kind": kind.name(), "connection": over.as_str(),
                          "attempts": 1, "result": result});
        self.over(over.as_str(), "action.completed", data)
    }
    /// `class` as in the contract; `declined` takes the verdict after a colon.
    pub fn fail(&mut self, action: &str, class: &str) -> Vec<NewEvent> {
        let (kind, over) = self.asked(action);
        let mut error = json!({"class": class, "message": "m"});
        if let Some((class, verdict)) = class.split_once(':') {
            error = json!({"class": class, "message": "m", "vendor_code": "51", "verdict": verdict,
                           "category": "insufficient_funds"});
        }
        let data = json!({"action": action, "kind": kind.name(), "connection": over.as_str(),
                          "attempts": 3, "error": error});
        self.over(over.as_str(), "action.failed", data)
    }
    fn asked(&self, action: &str) -> (ActionKind, ConnectionId) {
        let id = hub_schemas::ActionId::new(action).unwrap();
        let action = self.state.action(&id).unwrap_or_else(|| panic!("{id} was never asked for"));
        (action.kind, action.connection.clone())
    }
    /// The state that a replay gives: evolve alone, over inputs and decisions.
    pub fn replayed(&self) -> State {
        let mut state = State::default();
        for (input, decided) in &self.log {
            state.evolve(input);
            for new in decided {
                state.evolve(&new.clone().decided_from(input));
            }
        }
        state
    }
    pub fn check(&self) {
        let live = serde_json::to_string(&self.state).unwrap();
        let replayed = self.replayed();
        assert_eq!(serde_json::to_string(&replayed).unwrap(), live);
        assert_eq!(serde_json::from_str::<State>(&live).unwrap(), self.state, "a snapshot loads");
        assert!(self.state.ledger_total().values().all(|sum| sum.is_zero()));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

/// The decision of a type; fails unless there is exactly one.
pub fn one<'a>(decided: &'a [NewEvent], event_type: &str) -> &'a NewEvent {
    let mut found = decided.iter().filter(|new| new.payload.event_type() == event_type);
    let first = found.next().unwrap_or_else(|| panic!("no {event_type} in {:?}", types(decided)));
    assert!(found.next().is_none(), "{event_type} twice in {:?}", types(decided));
    first
}

/// The data of the decision of a type.
pub fn data(decided: &[NewEvent], event_type: &str) -> Value {
    one(decided, event_type).payload.to_value()
}

/// The action that was asked for, of a kind.
pub fn action(decided: &[NewEvent], kind: &str) -> ActionRequested {
    let mut found = decided.iter().filter_map(|new| match &new.payload {
        Payload::ActionRequested(d) if d.kind.name() == kind => Some(d.clone()),
        _ => None,
    });
    let first = found.next().unwrap_or_else(|| panic!("no {kind} in {:?}", types(decided)));
    assert!(found.next().is_none(), "{kind} twice");
    first
}
