//! Actions: what was asked of vendors, what for, and how it stands.
use crate::{Event, State};
use hub_schemas::actions::{kyc, platform, psp};
use hub_schemas::events::action::{ActionError, ActionKind, ActionRequested};
use hub_schemas::{
    AccountId, ActionId, ClientId, ConnectionId, Payload, PaymentId, ProvisioningId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What an action is for: to whom its outcome is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// Charge a deposit.
    Charge {
        /// Which.
        payment: PaymentId,
    },
    /// Give back what was taken too much for a deposit.
    Refund {
        /// Which.
        payment: PaymentId,
    },
    /// Open a verification.
    Applicant {
        /// Whose.
        client: ClientId,
    },
    /// Ask where a verification stands.
    KycResult {
        /// Whose.
        client: ClientId,
        /// The vendor's id.
        applicant: String,
    },
    /// Open an account.
    OpenAccount {
        /// For which request.
        provisioning: ProvisioningId,
    },
    /// Move money on or off an account.
    Balance {
        /// Which.
        account: AccountId,
        /// The hub's id of the operation.
        operation: String,
    },
    /// Disable an account.
    DisableAccount {
        /// Which.
        account: AccountId,
        /// Why, for people.
        reason: String,
    },
    /// Close an account's positions.
    ClosePositions {
        /// Which.
        account: AccountId,
    },
    /// Nothing that a decider waits for.
    Other,
}

/// How an action stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ActionState {
    /// Nothing has left yet.
    Requested,
    /// An attempt is under way, or was when the hub stopped.
    Started,
    /// The last attempt failed; the next is due.
    Retrying {
        /// When, Unix milliseconds.
        at_ms: i64,
    },
    /// Done.
    Completed,
    /// Given up.
    Failed,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What is asked.
    pub kind: ActionKind,
    /// Of whom.
    pub connection: ConnectionId,
    /// What for.
    pub purpose: Purpose,
    /// When it was asked for, Unix milliseconds.
    pub requested_ms: i64,
    /// How it stands.
    pub state: ActionState,
    /// Attempts so far.
    pub attempts: u32,
    /// The kind's request; dropped when the action ends, since the log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ActionError>,
}

/// Every action, and which are open.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Actions {
    known: BTreeMap<ActionId, Action>,
    open: BTreeSet<ActionId>,
}

impl Actions {
    /// One action.
    pub fn get(&self, id: &ActionId) -> Option<&Action> {
        self.known.get(id)
    }
    /// Those that have not ended, by id.
    pub fn open(&self) -> impl Iterator<Item = (&ActionId, &Action)> {
        self.open.iter().filter_map(|id| self.known.get_key_value(id))
    }
    /// It was asked for, and has not ended.
    pub fn is_open(&self, id: &ActionId) -> bool {
        self.open.contains(id)
    }
    /// What an action is for, if it was ever asked for.
    pub(crate) fn purpose(&self, id: &ActionId) -> Option<&Purpose> {
        self.known.get(id).map(|action| &action.purpose)
    }

    /// Changes an action that has not ended: what is told of one that has comes too late.
    fn change(&mut self, id: &ActionId, change: impl FnOnce(&mut Action)) {
        let Some(action) = self.known.get_mut(id).filter(|_| self.open.contains(id)) else {
            return;
        };
        change(action);
        if matches!(action.state, ActionState::Completed | ActionState::Failed) {
            action.request = None;
            self.open.remove(id);
        }
    }
}

pub(crate) fn evolve(state: &mut State, event: &Event) {
    let actions = &mut state.actions;
    match &event.payload {
        Payload::ActionRequested(d) if !actions.known.contains_key(&d.action) => {
            let action = Action {
                kind: d.kind,
                connection: d.connection.clone(),
                purpose: purpose(d),
                requested_ms: event.recorded_ms,
                state: ActionState::Requested,
                attempts: 0,
                request: Some(d.request.clone()),
                error: None,
            };
            actions.known.insert(d.action.clone(), action);
            actions.open.insert(d.action.clone());
        }
        Payload::ActionStarted(d) => actions.change(&d.action, |action| {
            action.state = ActionState::Started;
            action.attempts = d.attempt;
        }),
        Payload::ActionRetrying(d) => actions.change(&d.action, |action| {
            action.state = ActionState::Retrying { at_ms: d.retry_at_ms };
            action.attempts = d.attempt;
            action.error = Some(d.error.clone());
        }),
        Payload::ActionCompleted(d) => actions.change(&d.action, |action| {
            action.state = ActionState::Completed;
            action.attempts = d.attempts;
        }),
        Payload::ActionFailed(d) => actions.change(&d.action, |action| {
            action.state = ActionState::Failed;
            action.attempts = d.attempts;
            action.error = Some(d.error.clone());
        }),
        _ => {}
    }
}

/// What is asked says what for.
fn purpose(d: &ActionRequested) -> Purpose {
    fn of<R: DeserializeOwned>(request: &Value, purpose: impl Fn(R) -> Purpose) -> Purpose {
        R::deserialize(request).map(purpose).unwrap_or(Purpose::Other)
    }
    let request = &d.request;
    match d.kind {
        ActionKind::PspCreatePayment => {
            of(request, |r: psp::CreatePayment| Purpose::Charge { payment: r.payment })
        }
        ActionKind::PspRefund => {
            of(request, |r: psp::Refund| Purpose::Refund { payment: r.payment })
        }
        ActionKind::KycCreateApplicant => {
            of(request, |r: kyc::CreateApplicant| Purpose::Applicant { client: r.client })
        }
        ActionKind::KycGetResult => of(request, |r: kyc::GetResult| Purpose::KycResult {
            client: r.client,
            applicant: r.applicant,
        }),
        ActionKind::PlatformCreateAccount => of(request, |r: platform::CreateAccount| {
            Purpose::OpenAccount { provisioning: r.provisioning }
        }),
        ActionKind::PlatformBalance => of(request, |r: platform::BalanceOperation| {
            Purpose::Balance { account: r.account, operation: r.operation }
        }),
        ActionKind::PlatformDisableAccount => of(request, |r: platform::DisableAccount| {
            Purpose::DisableAccount { account: r.account, reason: r.reason }
        }),
        ActionKind::PlatformClosePositions => of(request, |r: platform::ClosePositions| {
            Purpose::ClosePositions { account: r.account }
        }),
        ActionKind::PspPayout | ActionKind::KycAccessLink | ActionKind::PlatformChangeGroup => {
            Purpose::Other
        }
    }
}

/// An action's request as JSON.
pub(crate) fn request(
    action: ActionId,
    kind: ActionKind,
    connection: &ConnectionId,
    request: &impl Serialize,
) -> ActionRequested {
    let request = serde_json::to_value(request)
        .expect("requests of the catalogue have string keys and no failing serialisers");
    ActionRequested { action, kind, connection: connection.clone(), request }
}
