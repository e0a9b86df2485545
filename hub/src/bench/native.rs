//! The Stripe connector's own code, called as the sandbox calls it, without one.
use super::BenchError;
use connector_stripe::Stripe;
use hub_plugin_sdk::Exported;
use hub_plugin_sdk::bindings::types;
use hub_plugin_sdk::bindings::webhook::exports::hub::connector::webhook::Guest as _;
use hub_sandbox::types as hosted;

/// What the contract calls this code.
type Component = Exported<Stripe>;

/// How a delivery may prove where it came from.
pub(super) fn authenticate(
    context: &hosted::Context,
    delivery: &hosted::Delivery,
) -> Result<Vec<hosted::Check>, BenchError> {
    Component::authenticate(self::context(context), self::delivery(delivery))
        .into_iter()
        .map(check)
        .collect()
}

/// A delivery's events: type, id, data and time.
pub(super) fn receive(
    context: &hosted::Context,
    delivery: &hosted::Delivery,
) -> Result<Vec<hosted::Event>, BenchError> {
    match Component::receive(self::context(context), self::delivery(delivery), Vec::new()) {
        types::Step::Done(outcome) => Ok(outcome.events.into_iter().map(event).collect()),
        other => Err(wrong(format!("its step is {other:?}"))),
    }
}

fn wrong(detail: String) -> BenchError {
    BenchError::Wrong { what: "the native connector", detail }
}

/// The copy that the sandbox makes too, into the guest's memory.
fn context(context: &hosted::Context) -> types::Context {
    types::Context {
        connection: context.connection.clone(),
        settings: context.settings.clone(),
        now_ms: context.now_ms,
        nonce: context.nonce.clone(),
        live: context.live,
    }
}

fn delivery(delivery: &hosted::Delivery) -> types::Delivery {
    let header =
        |h: &hosted::Header| types::Header { name: h.name.clone(), value: h.value.clone() };
    types::Delivery {
        method: delivery.method.clone(),
        path: delivery.path.clone(),
        headers: delivery.headers.iter().map(header).collect(),
        body: delivery.body.clone(),
    }
}

fn event(event: types::Event) -> hosted::Event {
    hosted::Event { type_: event.type_, id: event.id, time_ms: event.time_ms, data: event.data }
}

fn check(check: types::Check) -> Result<hosted::Check, BenchError> {
    Ok(hosted::Check {
        item: check.item,
        recipe: check.recipe.into_iter().map(op).collect::<Result<_, _>>()?,
        expect: check.expect,
        signed_at_s: check.signed_at_s,
    })
}

/// The operations of Stripe's recipe; there is no need for others.
fn op(op: types::Op) -> Result<hosted::Op, BenchError> {
    Ok(match op {
        types::Op::Push(bytes) => hosted::Op::Push(bytes),
        types::Op::Secret(name) => hosted::Op::Secret(name),
        types::Op::Body => hosted::Op::Body,
        types::Op::Concat(n) => hosted::Op::Concat(n),
        types::Op::Hmac(types::Algorithm::Sha256) => hosted::Op::Hmac(hosted::Algorithm::Sha256),
        other => return Err(wrong(format!("its recipe has {other:?}"))),
    })
}
