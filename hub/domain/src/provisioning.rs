//! Provisioning: who gets which trading account, once (A1, A2, A3, A7).
use crate::actions::{Purpose, request};
use crate::client::{Client, Purchase};
use crate::kyc::KycStatus;
use crate::{Event, NewEvent, State, breach, ids};
use hub_schemas::actions::platform::{
    BalanceDone, BalanceKind, BalanceOperation, CreateAccount, OpenedAccount,
};
use hub_schemas::events::account::{
    AccountFunded, AccountOpened, ChallengePurchased, ProvisioningFailed, ProvisioningRequested,
};
use hub_schemas::events::action::{ActionCompleted, ActionError, ActionKind, ErrorClass};
use hub_schemas::events::rules::{ClientCondition, ProvisioningRule, Trigger};
use hub_schemas::{AccountId, ClientId, Money, Payload, ProvisioningId};
use serde::{Deserialize, Serialize};

/// Purchases of one client that wait for verification: each becomes two decisions at once.
pub const PURCHASES_WAITING_MAX: usize = 32;
/// A platform's clock may be behind the hub's by so much when it is searched for the funding deal.
/// Looking too far back does no harm: the account is new.
const FUNDING_SINCE_MARGIN_MS: i64 = 60 * 60 * 1000;

/// One request for an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provisioning {
    /// What is asked.
    pub request: ProvisioningRequested,
    /// When, Unix milliseconds.
    pub requested_ms: i64,
    /// How it stands.
    pub status: ProvisioningStatus,
    /// The account, once it is there.
    pub account: Option<AccountId>,
    /// What the platform said last, if it could not be opened or funded.
    pub error: Option<ActionError>,
    /// [`State::folded`] at the request.
    requested_at: u64,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisioningStatus {
    /// The platform is being asked.
    Requested,
    /// The account is there.
    Opened,
    /// It could not be opened, or not be funded: support must look.
    Failed,
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    match &event.payload {
        Payload::ChallengePurchased(d) => purchased(state, d, event.time_ms),
        Payload::ProvisioningRequested(d) if !state.provisionings.contains_key(&d.provisioning) => {
            let provisioning = Provisioning {
                request: d.clone(),
                requested_ms: event.recorded_ms,
                status: ProvisioningStatus::Requested,
                account: None,
                error: None,
                requested_at: state.folded,
            };
            state.provisionings.insert(d.provisioning.clone(), provisioning);
            if let Some(client) = state.clients.get_mut(&d.client) {
                client.provisionings.push(d.provisioning.clone());
            }
        }
        Payload::ProvisioningFailed(d) => {
            if let Some(provisioning) = state.provisionings.get_mut(&d.provisioning) {
                provisioning.status = ProvisioningStatus::Failed;
                provisioning.error = Some(d.error.clone());
            }
        }
        Payload::AccountOpened(d) => {
            let Some(provisioning) = state.provisionings.get_mut(&d.provisioning) else { return };
            if provisioning.account.is_none() {
                provisioning.status = ProvisioningStatus::Opened;
                provisioning.account = Some(d.account.clone());
            }
        }
        _ => {}
    }
}

fn purchased(state: &mut State, d: &ChallengePurchased, time_ms: i64) {
    let Some(client) = state.clients.get(&d.client) else { return };
    if client.purchases.contains_key(&d.purchase) || unwanted(state, client, d).is_some() {
        return;
    }
    let purchase = Purchase {
        programme: d.programme.clone(),
        rules_version: state.config.version.clone(),
        provisioning: ids::provisioning(&d.client, &d.purchase),
        time_ms,
    };
    breach::freeze(state, &d.programme);
    if let Some(client) = state.clients.get_mut(&d.client) {
        client.purchases.insert(d.purchase.clone(), purchase);
    }
}

/// Why a purchase cannot lead to an account.
fn unwanted(state: &State, client: &Client, d: &ChallengePurchased) -> Option<String> {
    if !state.config.rules.programmes.iter().any(|one| one.id == d.programme) {
        return Some(format!("no programme {:?}: add it to hub.toml", d.programme));
    }
    if by_purchase(state, client, &d.programme).is_none() {
        let (programme, on) = (&d.programme, "challenge.purchased");
        return Some(format!("no [[provisioning]] rule on {on} matches {programme:?} and client"));
    }
    let waiting = client.purchases.values().filter(|one| !state.asked(&one.provisioning)).count();
    (waiting >= PURCHASES_WAITING_MAX)
        .then(|| format!("{PURCHASES_WAITING_MAX} purchases wait for verification already"))
}

/// Why a purchase is refused, if it is. Asked after it was folded.
pub(crate) fn refusal(state: &State, client: &Client, fact: &Payload) -> Option<String> {
    let Payload::ChallengePurchased(d) = fact else { return None };
    match client.purchases.contains_key(&d.purchase) {
        true => None,
        false => unwanted(state, client, d),
    }
}

impl State {
    fn asked(&self, provisioning: &ProvisioningId) -> bool {
        self.provisionings.contains_key(provisioning)
    }
}

/// Verified, and not held back.
fn ready(client: &Client) -> bool {
    client.kyc.status == KycStatus::Approved && client.restriction.is_none()
}

fn matches(rule: &ProvisioningRule, on: Trigger, client: &Client) -> bool {
    let when = &rule.when;
    let of = ClientCondition { entity: when.entity.clone(), country: when.country.clone() };
    rule.on == on && crate::kyc::matches(&of, client)
}

/// The rule for a purchase: the first that matches, since a purchase is one account.
fn by_purchase<'a>(state: &'a State, client: &Client, of: &str) -> Option<&'a ProvisioningRule> {
    state.config.rules.provisioning.iter().find(|rule| {
        matches(rule, Trigger::ChallengePurchased, client)
            && rule.when.programme.as_ref().is_none_or(|programme| programme == of)
    })
}

pub(crate) fn decide(state: &State, event: &Event, out: &mut Vec<NewEvent>) {
    match &event.payload {
        Payload::KycApproved(d) => {
            let Some(client) = state.clients.get(&d.client).filter(|c| ready(c)) else { return };
            // Told again, an approval triggers nothing, a rule that is new since included.
            if client.kyc.approved_at == state.folded {
                by_rules(state, &d.client, client, Trigger::KycApproved, out);
            }
            for purchase in client.purchases.values() {
                for_purchase(state, &d.client, client, purchase, out);
            }
        }
        Payload::DepositCredited(d) => {
            let Some(client) = state.clients.get(&d.client) else { return };
            if client.funding.credited == 1 && client.restriction.is_none() {
                by_rules(state, &d.client, client, Trigger::FirstDeposit, out);
            }
        }
        Payload::ChallengePurchased(d) => {
            let Some(client) = state.clients.get(&d.client).filter(|c| ready(c)) else { return };
            if let Some(purchase) = client.purchases.get(&d.purchase) {
                for_purchase(state, &d.client, client, purchase, out);
            }
        }
        Payload::ProvisioningRequested(d) => open(state, &d.provisioning, out),
        Payload::AccountOpened(d) => fund(state, d, out),
        Payload::ActionCompleted(d) => match state.actions.purpose(&d.action) {
            Some(Purpose::OpenAccount { provisioning }) => opened(state, provisioning, d, out),
            Some(Purpose::Balance { account, operation }) => {
                funded(state, account, operation, d, out);
            }
            _ => {}
        },
        Payload::ActionFailed(d) => {
            let (provisioning, error) = match state.actions.purpose(&d.action) {
                Some(Purpose::OpenAccount { provisioning }) => (provisioning, d.error.clone()),
                Some(Purpose::Balance { account, operation }) => {
                    let Some(account) = awaiting_funds(state, account, operation) else { return };
                    // The platform's words are sealed: they stay where they were said.
                    let message = format!(
                        "opened, but not funded: {}; see {}",
                        d.error.class.word(),
                        d.action
                    );
                    (&account.provisioning, ActionError { message, ..d.error.clone() })
                }
                _ => return,
            };
            fail(state, provisioning, error, d.attempts, out);
        }
        _ => {}
    }
}

/// Every rule that matches opens an account.
fn by_rules(state: &State, id: &ClientId, client: &Client, on: Trigger, out: &mut Vec<NewEvent>) {
    for rule in state.config.rules.provisioning.iter().filter(|rule| matches(rule, on, client)) {
        let provisioning = ids::provisioning(id, &rule.name);
        ask(state, id, client, rule, provisioning, None, out);
    }
}

fn for_purchase(
    state: &State,
    id: &ClientId,
    client: &Client,
    purchase: &Purchase,
    out: &mut Vec<NewEvent>,
) {
    if let Some(rule) = by_purchase(state, client, &purchase.programme) {
        let programme = Some(purchase.programme.clone());
        ask(state, id, client, rule, purchase.provisioning.clone(), programme, out);
    }
}

fn ask(
    state: &State,
    id: &ClientId,
    client: &Client,
    rule: &ProvisioningRule,
    provisioning: ProvisioningId,
    programme: Option<String>,
    out: &mut Vec<NewEvent>,
) {
    if state.asked(&provisioning) || state.erased.contains_key(id) {
        return;
    }
    let account = &rule.account;
    let requested = ProvisioningRequested {
        provisioning: provisioning.clone(),
        client: id.clone(),
        rule: rule.name.clone(),
        connection: account.connection.clone(),
        group: account.group.clone(),
        currency: account.currency,
        leverage: account.leverage,
        programme,
    };
    let entity = Some(&client.registered.entity);
    out.push(NewEvent::new(requested, &provisioning).over(&account.connection).of(entity));
}

fn open(state: &State, id: &ProvisioningId, out: &mut Vec<NewEvent>) {
    let Some(provisioning) = state.provisionings.get(id) else { return };
    let asked = &provisioning.request;
    let Some(client) = state.clients.get(&asked.client) else { return };
    if provisioning.requested_at != state.folded {
        return;
    }
    let of = &client.registered;
    let wanted = CreateAccount {
        provisioning: id.clone(),
        client: asked.client.clone(),
        group: asked.group.clone(),
        currency: asked.currency,
        leverage: asked.leverage,
        // Sealed text cannot be put together: one field, or the id.
        name: of.first_name.clone().unwrap_or_else(|| asked.client.to_string()),
        email: of.email.clone(),
    };
    let kind = ActionKind::PlatformCreateAccount;
    let action = request(ids::open_account(id), kind, &asked.connection, &wanted);
    out.push(NewEvent::new(action, id).over(&asked.connection).of(Some(&of.entity)));
}

fn opened(state: &State, id: &ProvisioningId, d: &ActionCompleted, out: &mut Vec<NewEvent>) {
    let Some(provisioning) = state.provisionings.get(id) else { return };
    if provisioning.account.is_some() {
        return;
    }
    let account = OpenedAccount::deserialize(&d.result)
        .map_err(|error| error.to_string())
        .and_then(|one| AccountId::of(&d.connection, &one.login).map_err(|e| e.to_string()))
        .and_then(|account| match state.accounts.contains_key(&account) {
            true => Err(format!("{account} is another request's account")),
            false => Ok(account),
        });
    let asked = &provisioning.request;
    match account {
        Ok(account) => {
            let opened = AccountOpened {
                account,
                provisioning: id.clone(),
                client: asked.client.clone(),
                connection: d.connection.clone(),
                group: asked.group.clone(),
                currency: asked.currency,
                programme: asked.programme.clone(),
            };
            let entity = state.clients.get(&asked.client).map(|one| &one.registered.entity);
            out.push(NewEvent::new(opened, id).over(&d.connection).of(entity));
        }
        Err(message) => {
            let error = ActionError {
                class: ErrorClass::Connector,
                message: format!("the platform's answer is no account: {message}"),
                vendor_code: None,
                category: None,
                verdict: None,
            };
            fail(state, id, error, d.attempts, out);
        }
    }
}

fn fail(
    state: &State,
    id: &ProvisioningId,
    error: ActionError,
    attempts: u32,
    out: &mut Vec<NewEvent>,
) {
    let Some(provisioning) = state.provisionings.get(id).filter(|one| one.error.is_none()) else {
        return;
    };
    let asked = &provisioning.request;
    let client = asked.client.clone();
    let failed = ProvisioningFailed { provisioning: id.clone(), client, error, attempts };
    let entity = state.clients.get(&asked.client).map(|one| &one.registered.entity);
    out.push(NewEvent::new(failed, id).over(&asked.connection).of(entity));
}

/// Puts the programme's opening balance on a new account.
fn fund(state: &State, d: &AccountOpened, out: &mut Vec<NewEvent>) {
    let Some(account) = state.accounts.get(&d.account) else { return };
    let Some(programme) = account.watch.as_ref().and_then(|watch| watch.programme(state)) else {
        return;
    };
    if account.opened_at != state.folded {
        return;
    }
    let asked_ms = state.provisionings.get(&d.provisioning).map(|one| one.requested_ms);
    let since_ms = asked_ms.unwrap_or(account.opened_ms).saturating_sub(FUNDING_SINCE_MARGIN_MS);
    let wanted = BalanceOperation {
        account: d.account.clone(),
        operation: breach::funding_operation(&d.provisioning),
        amount: Money::new(programme.initial_balance, programme.currency),
        kind: BalanceKind::Balance,
        since_ms,
    };
    let action = ids::fund_account(&d.provisioning);
    let asked = request(action, ActionKind::PlatformBalance, &d.connection, &wanted);
    let entity = state.clients.get(&d.client).map(|one| &one.registered.entity);
    out.push(NewEvent::new(asked, &d.account).over(&d.connection).of(entity));
}

/// The account, if the operation is its funding and has not been seen to succeed.
fn awaiting_funds<'a>(
    state: &'a State,
    account: &AccountId,
    operation: &str,
) -> Option<&'a crate::accounts::Account> {
    let account = state.accounts.get(account).filter(|one| one.funded.is_none())?;
    (breach::funding_operation(&account.provisioning) == operation).then_some(account)
}

fn funded(
    state: &State,
    id: &AccountId,
    operation: &str,
    d: &ActionCompleted,
    out: &mut Vec<NewEvent>,
) {
    let Some(account) = awaiting_funds(state, id, operation) else { return };
    let Some(programme) = account.watch.as_ref().and_then(|watch| watch.programme(state)) else {
        return;
    };
    let Ok(done) = BalanceDone::deserialize(&d.result) else { return };
    let funded = AccountFunded {
        account: id.clone(),
        amount: Money::new(programme.initial_balance, programme.currency),
        ticket: done.ticket,
    };
    let entity = state.clients.get(&account.client).map(|one| &one.registered.entity);
    out.push(NewEvent::new(funded, id).over(&d.connection).of(entity));
}
