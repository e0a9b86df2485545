//! Every misdeed ends, is named, and harms nobody else.
use crate::support::{GOOD, answer, context, delivery, hostile, logged, receive};
use hub_hostile::misdeeds::WORDS;
use hub_sandbox::types::{Part, Step};
use hub_sandbox::{CallError, Entry, Input};
use std::time::{Duration, Instant};

fn error(word: &str) -> CallError {
    match receive(&hostile(), word, &[]) {
        Err(error) => error,
        Ok(step) => panic!("{word} got away with it: {step:?}"),
    }
}

#[test]
fn an_infinite_loop_is_stopped() {
    let began = Instant::now();
    assert_eq!(error("loop"), CallError::TimedOut { ms: 250 });
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(250) && took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn an_infinite_loop_is_stopped_wherever_it_is() {
    let early = hostile().authenticate(&context(), &delivery("authenticate-loop"));
    assert_eq!(early, Err(CallError::TimedOut { ms: 250 }));
    let request = r#"{"payment":"p","idempotency_key":"k","client":"c","method":"loop",
        "amount":{"amount":"1.00","currency":"EUR"}}"#;
    let entry = Entry::action("psp.create-payment").expect("an action");
    let input = Input::Request(request.to_owned());
    let action = hostile().call(entry, &context(), &input, &[]);
    assert_eq!(action, Err(CallError::TimedOut { ms: 250 }));
}

#[test]
fn memory_has_an_end() {
    assert_eq!(error("alloc"), CallError::Memory { bytes_max: 64 * 1024 * 1024 });
}

#[test]
fn a_flood_is_refused() {
    let CallError::OutputTooLarge { bytes, bytes_max } = error("flood") else {
        panic!("2 MiB in one event")
    };
    assert!(bytes > 2 * 1024 * 1024 && bytes_max == 1024 * 1024, "{bytes} {bytes_max}");
}

/// The host does not even copy what is far too large.
#[test]
fn a_deluge_is_refused_before_it_is_copied() {
    let CallError::OutputTooLarge { bytes, .. } = error("deluge") else {
        panic!("6 MiB in one event")
    };
    assert!(bytes < 6 * 1024 * 1024, "{bytes}");
}

#[test]
fn too_many_events_are_refused() {
    assert_eq!(error("events"), CallError::TooManyEvents { events: 2_000, events_max: 1_000 });
}

#[test]
fn a_panic_is_a_trap_that_says_why() {
    let CallError::Trap { message } = error("panic") else { panic!("it panicked") };
    assert!(message.contains("the hostile connector panics, as it was told to"), "{message}");
    assert!(message.contains("misdeeds.rs"), "{message}");
    assert!(!message.contains('\n') && message.len() < 500, "{message}");
    let home = env!("CARGO_MANIFEST_DIR").trim_end_matches("/sandbox");
    assert!(!message.contains(home), "a path of this machine: {message}");
}

#[test]
fn a_stack_has_an_end() {
    let CallError::Trap { message } = error("recurse") else { panic!("it recurses") };
    assert!(message.contains("stack") || message.contains("out of bounds"), "{message}");
}

#[test]
fn sending_for_ever_is_the_callers_to_bound() {
    let connector = hostile();
    let steps_max = connector.limits().steps_max;
    let mut history = Vec::new();
    while history.len() < steps_max {
        match receive(&connector, "send-forever", &history) {
            Ok(Step::Send(_)) => history.push(answer(200)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(steps_max, 16);
}

#[test]
fn a_log_cannot_be_flooded_or_forged() {
    let text = logged(|| {
        receive(&hostile(), "log-flood", &[]).expect("logging is no crime");
    });
    let lines: Vec<&str> = text.lines().collect();
    let limits = *hostile().limits();
    assert_eq!(lines.len(), limits.log_lines_max + 1, "and one that says that there was more");
    assert!(lines.iter().all(|line| line.len() < limits.log_chars_max + 300));
    assert!(lines[0].contains("rogue") && lines[0].contains("line 0\\r\\n"), "{}", lines[0]);
    assert!(!text.contains('\u{1b}') && !text.contains('\r'), "control characters are escaped");
    assert!(!lines.iter().any(|line| line.starts_with("forged")));
    assert!(lines.last().is_some_and(|line| line.contains("dropped")), "{:?}", lines.last());
}

/// A secret is a name to a connector, whatever it tries.
#[test]
fn a_leak_has_only_names_to_leak() {
    let Ok(Step::Send(request)) = receive(&hostile(), "leak-secrets", &[]) else {
        panic!("it asks the vendor to echo")
    };
    assert!(request.url.iter().any(|p| matches!(p, Part::Secret(s) if s.name == "api_key")));
}

#[test]
fn after_every_misdeed_the_next_call_works() {
    let connector = hostile();
    let good = receive(&connector, GOOD, &[]).expect("it works");
    for word in WORDS {
        let _ = receive(&connector, word, &[]);
        assert_eq!(receive(&connector, GOOD, &[]), Ok(good.clone()), "after {word}");
    }
}

#[test]
fn every_error_has_a_class() {
    let classes = [
        ("loop", "limit"),
        ("alloc", "limit"),
        ("flood", "limit"),
        ("deluge", "limit"),
        ("events", "limit"),
        ("panic", "trap"),
        ("recurse", "trap"),
    ];
    for (word, class) in classes {
        assert_eq!(error(word).class(), class, "{word}");
    }
}
