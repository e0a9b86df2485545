//! One call: a fresh instance, its limits, and what came of it.
use crate::bindings::hub::connector::{log, types as contract};
use crate::connector::Connector;
use crate::engine::{TICK, Turn};
use crate::entry::{Capability, Entry};
use crate::error::{CallError, LoadError};
use crate::size;
use crate::types::{Check, Context, Delivery, Reply, Step};
use std::time::Duration;
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower};
use wasmtime::{ResourceLimiter, Store, Trap};

/// How much of a component's digest a log line shows.
const DIGEST_SHOWN_CHARS: usize = 12;
/// What the host copies out of a guest, against what an output may have: structure takes room too.
/// Without it a list of a million texts that are all the same one would fill the host's memory.
const COPIED_PER_OUTPUT: usize = 4;
/// Elements of a table, which hold a guest's function pointers.
const TABLE_ELEMENTS_MAX: usize = 20_000;

/// What a call is about.
#[derive(Debug, Clone)]
pub enum Input {
    /// For `webhook.receive`.
    Delivery(Delivery),
    /// For `poll.next`.
    Cursor(Option<String>),
    /// For an action or a look-up: JSON.
    Request(String),
    /// For `probe`.
    None,
}

/// The host's side of one instance.
pub struct Guest {
    connection: String,
    /// The beginning of the component's digest.
    connector: String,
    memory_bytes_max: usize,
    memory_refused: bool,
    lines_left: usize,
    chars_max: usize,
    last_line: String,
}

impl contract::Host for Guest {}

impl log::Host for Guest {
    fn write(&mut self, level: log::Level, message: String) {
        let (connection, connector) = (&self.connection, &self.connector);
        let Some(left) = self.lines_left.checked_sub(1) else { return };
        self.lines_left = left;
        let line = harmless(&message, self.chars_max);
        macro_rules! told {
            ($($contract:ident => $tracing:ident),*) => {
                match level {
                    $(log::Level::$contract => tracing::$tracing!(
                        target: "connector", %connection, %connector, "{line}"
                    ),)*
                }
            };
        }
        told!(Trace => trace, Debug => debug, Info => info, Warn => warn, Error => error);
        if left == 0 {
            tracing::warn!(target: "connector", %connection, %connector,
                "the connector logs too much: the rest of this call's lines is dropped");
        }
        self.last_line = line;
    }
}

/// A connector's words as one line that cannot forge another, nor turn the terminal red.
fn harmless(message: &str, chars_max: usize) -> String {
    let mut line = String::with_capacity(message.len().min(chars_max));
    for c in message.chars().take(chars_max) {
        match c {
            // Marks that reverse or hide text, and Unicode's own line breaks.
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                line.extend(c.escape_unicode());
            }
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    line
}

impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_bytes_max;
        self.memory_refused |= !granted;
        Ok(granted)
    }
    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }
}

type StepResult = (Step,);

impl Connector {
    /// How a delivery may prove where it came from.
    pub fn authenticate(
        &self,
        context: &Context,
        delivery: &Delivery,
    ) -> Result<Vec<Check>, CallError> {
        let index =
            self.authenticate.as_ref().ok_or(CallError::NoSuchEntry("webhook.authenticate"))?;
        let (checks,) = self.run::<(&Context, &Delivery), (Vec<Check>,)>(
            &context.connection,
            index,
            (context, delivery),
        )?;
        self.check_size(size::of_checks(&checks))?;
        Ok(checks)
    }

    /// One step of a call.
    pub fn call(
        &self,
        entry: Entry,
        context: &Context,
        input: &Input,
        history: &[Reply],
    ) -> Result<Step, CallError> {
        let missing = CallError::NoSuchEntry(entry.name());
        let index = self.entries[entry.index()].as_ref().ok_or(missing.clone())?;
        let name = &context.connection;
        let (step,) = match input {
            Input::Delivery(delivery) if entry == Entry::WEBHOOK_RECEIVE => {
                self.run::<(&Context, &Delivery, &[Reply]), StepResult>(
                    name,
                    index,
                    (context, delivery, history),
                )?
            }
            Input::Cursor(cursor) if entry == Entry::POLL_NEXT => {
                self.run::<(&Context, Option<&str>, &[Reply]), StepResult>(
                    name,
                    index,
                    (context, cursor.as_deref(), history),
                )?
            }
            Input::None if entry == Entry::PROBE => {
                self.run::<(&Context, &[Reply]), StepResult>(name, index, (context, history))?
            }
            Input::Request(request) if Entry::action(entry.name()).is_some() => {
                self.run::<(&Context, &str, &[Reply]), StepResult>(
                    name,
                    index,
                    (context, request.as_str(), history),
                )?
            }
            _ => return Err(missing),
        };
        self.check_size(size::of_step(&step))?;
        if let Step::Done(outcome) = &step
            && outcome.events.len() > self.shared.limits.events_max
        {
            return Err(CallError::TooManyEvents {
                events: outcome.events.len(),
                events_max: self.shared.limits.events_max,
            });
        }
        Ok(step)
    }

    pub(crate) fn describe(&self) -> Result<String, CallError> {
        let (json,) = self.run::<(), (String,)>("describe", &self.describe, ())?;
        self.check_size(json.len())?;
        Ok(json)
    }

    /// Every export has the contract's type: found out at load, not in the first call.
    pub(crate) fn check_types(&self) -> Result<(), LoadError> {
        let wrong =
            |interface, e: wasmtime::Error| LoadError::Type { interface, why: format!("{e:#}") };
        let _turn = self.turn().map_err(LoadError::Describe)?;
        let mut store = self.store("load");
        let instance = self
            .pre
            .instantiate(&mut store)
            .map_err(|e| LoadError::Describe(self.failed(&store, &e)))?;
        fn typed<P, R>(
            instance: &Instance,
            store: &mut Store<Guest>,
            index: &ComponentExportIndex,
        ) -> wasmtime::Result<()>
        where
            P: ComponentNamedList + Lower,
            R: ComponentNamedList + Lift,
        {
            instance.get_typed_func::<P, R>(store, index).map(drop)
        }
        let (i, s) = (&instance, &mut store);
        typed::<(), (String,)>(i, s, &self.describe).map_err(|e| wrong("describe", e))?;
        if let Some(index) = &self.authenticate {
            typed::<(&Context, &Delivery), (Vec<Check>,)>(i, s, index)
                .map_err(|e| wrong("webhook", e))?;
        }
        for entry in Entry::ALL {
            let Some(index) = &self.entries[entry.index()] else { continue };
            let found = match entry.capability() {
                Capability::Webhook => {
                    typed::<(&Context, &Delivery, &[Reply]), StepResult>(i, s, index)
                }
                Capability::Poll => {
                    typed::<(&Context, Option<&str>, &[Reply]), StepResult>(i, s, index)
                }
                Capability::Probe => typed::<(&Context, &[Reply]), StepResult>(i, s, index),
                _ => typed::<(&Context, &str, &[Reply]), StepResult>(i, s, index),
            };
            found.map_err(|e| wrong(entry.capability().name(), e))?;
        }
        Ok(())
    }

    fn check_size(&self, bytes: usize) -> Result<(), CallError> {
        let bytes_max = self.shared.limits.output_bytes_max;
        if bytes > bytes_max { Err(CallError::OutputTooLarge { bytes, bytes_max }) } else { Ok(()) }
    }

    fn store(&self, connection: &str) -> Store<Guest> {
        let limits = &self.shared.limits;
        let guest = Guest {
            connection: connection.to_owned(),
            connector: self.digest[..DIGEST_SHOWN_CHARS].to_owned(),
            memory_bytes_max: limits.memory_bytes_max,
            memory_refused: false,
            lines_left: limits.log_lines_max,
            chars_max: limits.log_chars_max,
            last_line: String::new(),
        };
        let mut store = Store::new(&self.shared.engine, guest);
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(limits.output_bytes_max.saturating_mul(COPIED_PER_OUTPUT));
        // One tick may be almost over.
        let ticks = Duration::from_millis(limits.call_ms_max).as_millis() / TICK.as_millis() + 1;
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX));
        store
    }

    fn turn(&self) -> Result<Turn<'_>, CallError> {
        let ms = self.shared.limits.turn_ms_max;
        self.shared.turns.take(Duration::from_millis(ms)).ok_or(CallError::Busy { ms })
    }

    fn run<P, R>(
        &self,
        connection: &str,
        index: &ComponentExportIndex,
        params: P,
    ) -> Result<R, CallError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let _turn = self.turn()?;
        let mut store = self.store(connection);
        let called = self
            .pre
            .instantiate(&mut store)
            .and_then(|instance| instance.get_typed_func::<P, R>(&mut store, index))
            .and_then(|function| function.call(&mut store, params));
        called.map_err(|error| self.failed(&store, &error))
    }

    fn failed(&self, store: &Store<Guest>, error: &wasmtime::Error) -> CallError {
        let limits = &self.shared.limits;
        if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
            return CallError::TimedOut { ms: limits.call_ms_max };
        }
        let guest = store.data();
        if guest.memory_refused {
            return CallError::Memory { bytes_max: limits.memory_bytes_max };
        }
        let cause = error.root_cause().to_string();
        // wasmtime keeps this error's type to itself.
        if cause.contains("too much data is being copied") {
            let bytes_max = limits.output_bytes_max;
            let bytes = bytes_max.saturating_mul(COPIED_PER_OUTPUT);
            return CallError::OutputTooLarge { bytes, bytes_max };
        }
        let message = match guest.last_line.as_str() {
            "" => cause,
            line => format!("{cause} (its last words: {line})"),
        };
        CallError::Trap { message }
    }
}
