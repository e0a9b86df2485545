//! From an author's traits to a component's exports.
use crate::bindings::{self, types};
use crate::ctx::{Ctx, Delivery, Ended, drive};
use crate::{
    Connector, Error, Event, Kyc, Platform, PlatformBalance, PlatformPositions, Poll, Probe, Psp,
    PspLookup, PspPayout, PspRefund, Reply, Webhook,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{future::Future, marker::PhantomData};

/// The component that [`crate::export!`] makes of a connector.
pub struct Exported<T>(PhantomData<T>);

fn empty(events: Vec<Event>) -> types::Outcome {
    types::Outcome {
        events: events.into_iter().map(Into::into).collect(),
        output: None,
        cursor: None,
        more: false,
        acknowledgement: None,
    }
}

fn run<T, F: Future<Output = Result<T, Error>>>(
    ctx: &Ctx,
    call: F,
    done: impl FnOnce(T, Vec<Event>) -> types::Outcome,
) -> types::Step {
    match drive(ctx, call) {
        Ended::Asks(request) => types::Step::Send(request.into()),
        Ended::Done(Ok(value), events) => types::Step::Done(done(value, events)),
        Ended::Done(Err(error), _) => types::Step::Fail(error.into()),
    }
}

fn context(ctx: types::Context, history: Vec<types::Reply>) -> Ctx {
    crate::log::report_panics();
    Ctx::new(ctx, history.into_iter().map(Reply::from).collect())
}

fn action<Q, R, F>(
    ctx: types::Context,
    request: String,
    history: Vec<types::Reply>,
    call: impl FnOnce(&'static Ctx, Q) -> F,
) -> types::Step
where
    Q: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, Error>>,
{
    let request = match serde_json::from_str(&request) {
        Ok(request) => request,
        Err(error) => {
            return types::Step::Fail(types::Failure::InvalidRequest(format!(
                "the request does not fit its schema: {error}"
            )));
        }
    };
    // The instance ends with the call, and its memory with it.
    let ctx: &'static Ctx = Box::leak(Box::new(context(ctx, history)));
    run(ctx, call(ctx, request), |result, events| types::Outcome {
        output: serde_json::to_string(&result).ok(),
        ..empty(events)
    })
}

impl<T: Connector> bindings::base::exports::hub::connector::describe::Guest for Exported<T> {
    fn describe() -> String {
        serde_json::to_string(&T::manifest()).unwrap_or_default()
    }
}

impl<T: Webhook> bindings::webhook::exports::hub::connector::webhook::Guest for Exported<T> {
    fn authenticate(ctx: types::Context, delivery: types::Delivery) -> Vec<types::Check> {
        let ctx = context(ctx, Vec::new());
        T::authenticate(&ctx, &Delivery::from(delivery)).into_iter().map(Into::into).collect()
    }
    fn receive(
        ctx: types::Context,
        delivery: types::Delivery,
        history: Vec<types::Reply>,
    ) -> types::Step {
        let ctx = context(ctx, history);
        run(&ctx, T::receive(&ctx, delivery.into()), |received, mut events| {
            events.extend(received.events);
            let acknowledgement = received.acknowledgement.map(|answer| types::Acknowledgement {
                status: answer.status,
                headers: answer
                    .headers
                    .into_iter()
                    .map(|(name, value)| types::Header { name, value: value.into_bytes() })
                    .collect(),
                body: answer.body,
            });
            types::Outcome { acknowledgement, ..empty(events) }
        })
    }
}

impl<T: Poll> bindings::poll::exports::hub::connector::poll::Guest for Exported<T> {
    fn next(
        ctx: types::Context,
        cursor: Option<String>,
        history: Vec<types::Reply>,
    ) -> types::Step {
        let ctx = context(ctx, history);
        run(&ctx, T::next(&ctx, cursor), |polled, mut events| {
            events.extend(polled.events);
            types::Outcome { cursor: Some(polled.cursor), more: polled.more, ..empty(events) }
        })
    }
}

impl<T: Probe> bindings::probe::exports::hub::connector::probe::Guest for Exported<T> {
    fn probe(ctx: types::Context, history: Vec<types::Reply>) -> types::Step {
        let ctx = context(ctx, history);
        run(&ctx, T::probe(&ctx), |(), events| empty(events))
    }
}

macro_rules! actions {
    ($($module:ident: $trait:ident { $($function:ident),* })*) => {$(
        impl<T: $trait> bindings::$module::exports::hub::connector::$module::Guest for Exported<T> {
            $(fn $function(
                ctx: types::Context,
                request: String,
                history: Vec<types::Reply>,
            ) -> types::Step {
                action(ctx, request, history, T::$function)
            })*
        }
    )*};
}

actions! {
    psp: Psp { create_payment }
    psp_lookup: PspLookup { find_payment }
    psp_refund: PspRefund { refund }
    psp_payout: PspPayout { payout }
    kyc: Kyc { create_applicant, access_link, get_result }
    platform: Platform { create_account, find_account, disable_account, change_group }
    platform_balance: PlatformBalance { balance }
    platform_positions: PlatformPositions { close_positions }
}

/// Makes a component of a connector: its type, and the capabilities that it has.
///
/// ```ignore
/// hub_plugin_sdk::export!(Stripe: webhook, poll, psp, psp_lookup, psp_refund, psp_payout, probe);
/// ```
#[macro_export]
macro_rules! export {
    ($connector:ty: $($capability:ident),* $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        #[doc(hidden)]
        mod __component {
            #![allow(unsafe_code, reason = "the canonical ABI's exports take pointers")]
            #[allow(unused_imports)]
            use super::*;
            type Component = $crate::Exported<$connector>;
            $crate::bindings::base::export!(Component with_types_in $crate::bindings::base);
            $($crate::__export_one!($capability Component);)*
        }
    };
}

/// One capability of [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __export_one {
    (webhook $c:ident) => { $crate::bindings::webhook::export!($c with_types_in $crate::bindings::webhook); };
    (poll $c:ident) => { $crate::bindings::poll::export!($c with_types_in $crate::bindings::poll); };
    (psp $c:ident) => { $crate::bindings::psp::export!($c with_types_in $crate::bindings::psp); };
    (psp_lookup $c:ident) => { $crate::bindings::psp_lookup::export!($c with_types_in $crate::bindings::psp_lookup); };
    (psp_refund $c:ident) => { $crate::bindings::psp_refund::export!($c with_types_in $crate::bindings::psp_refund); };
    (psp_payout $c:ident) => { $crate::bindings::psp_payout::export!($c with_types_in $crate::bindings::psp_payout); };
    (kyc $c:ident) => { $crate::bindings::kyc::export!($c with_types_in $crate::bindings::kyc); };
    (platform $c:ident) => { $crate::bindings::platform::export!($c with_types_in $crate::bindings::platform); };
    (platform_balance $c:ident) => { $crate::bindings::platform_balance::export!($c with_types_in $crate::bindings::platform_balance); };
    (platform_positions $c:ident) => { $crate::bindings::platform_positions::export!($c with_types_in $crate::bindings::platform_positions); };
    (probe $c:ident) => { $crate::bindings::probe::export!($c with_types_in $crate::bindings::probe); };
}
