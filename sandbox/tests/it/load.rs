//! What is not a connector is not loaded, and the message says what to do.
use crate::support::{hostile_bytes, sandbox};
use hub_sandbox::{CallError, LoadError};

fn refusal(bytes: &[u8]) -> LoadError {
    match sandbox().load(bytes) {
        Err(error) => error,
        Ok(connector) => panic!("loaded {}", connector.manifest_json()),
    }
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A component whose `describe` is this core function of `() -> (pointer and length)`.
fn describing(module: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
            (core module $m {module})
            (core instance $i (instantiate $m))
            (func $d (result string)
                (canon lift (core func $i "describe") (memory $i "memory")))
            (instance $e (export "describe" (func $d)))
            (export "hub:connector/describe@0.1.0" (instance $e)))"#
    ))
}

/// It describes itself as `{}`, and can do nothing.
pub fn smallest() -> Vec<u8> {
    describing(
        r#"(memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\02\00\00\00{}")
        (func (export "describe") (result i32) i32.const 0)"#,
    )
}

#[test]
fn the_smallest_connector_loads() {
    let connector = sandbox().load(&smallest()).expect("it describes itself");
    assert_eq!(connector.manifest_json(), "{}");
    assert!(connector.capabilities().is_empty());
}

#[test]
fn other_files_are_refused() {
    assert!(matches!(refusal(b""), LoadError::NotWasm));
    assert!(matches!(refusal(b"#!/bin/sh\n"), LoadError::NotWasm));
    assert!(matches!(refusal(&wat("(module)")), LoadError::CoreModule));
    assert!(matches!(refusal(&wat("(component)")), LoadError::NotAConnector("0.1.0")));
}

#[test]
fn damaged_files_are_refused() {
    let whole = hostile_bytes();
    for length in [4, 9, 1000, whole.len() / 2, whole.len() - 1] {
        let error = refusal(&whole[..length]);
        assert!(matches!(error, LoadError::Invalid(_)), "{length}: {error}");
    }
    let mut damaged = whole.to_vec();
    damaged[8..200].fill(0xff);
    assert!(matches!(refusal(&damaged), LoadError::Invalid(_)));
}

#[test]
fn what_is_too_large_is_refused() {
    let error = refusal(&vec![0; sandbox().limits().component_bytes_max + 1]);
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
}

#[test]
fn imports_are_refused_by_name() {
    let imports = [
        r#""wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64))))"#,
        r#""wasi:sockets/tcp@0.2.0" (instance)"#,
        r#""hub:connector/secrets@0.1.0" (instance)"#,
        r#""anything" (func)"#,
    ];
    for import in imports {
        let error = refusal(&wat(&format!("(component (import {import}))")));
        let name = import.split('"').nth(1).expect("a name");
        assert!(matches!(&error, LoadError::Import(found) if found == name), "{error}");
    }
}

#[test]
fn a_function_that_log_does_not_have_is_refused() {
    let error = refusal(&wat(r#"(component
            (import "hub:connector/log@0.1.0" (instance (export "shell" (func))))
            (instance $e)
            (export "hub:connector/describe@0.1.0" (instance $e)))"#));
    assert!(error.to_string().contains("shell"), "{error}");
}

#[test]
fn another_version_of_the_contract_is_named() {
    for component in [
        r#"(component (instance $e) (export "hub:connector/describe@0.2.0" (instance $e)))"#,
        r#"(component (import "hub:connector/log@0.2.0" (instance)))"#,
    ] {
        let error = refusal(&wat(component));
        let LoadError::Version { found, served } = &error else { panic!("{error}") };
        assert_eq!((found.as_str(), *served), ("0.2.0", "0.1.0"));
        assert!(error.to_string().contains("0.2.0") && error.to_string().contains("0.1.0"));
    }
}

#[test]
fn an_export_of_another_type_is_refused_at_load() {
    let error = refusal(&wat(r#"(component
            (core module $m (func (export "d") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $d (result u32) (canon lift (core func $i "d")))
            (instance $e (export "describe" (func $d)))
            (export "hub:connector/describe@0.1.0" (instance $e)))"#));
    assert!(matches!(error, LoadError::Type { interface: "describe", .. }), "{error}");
}

#[test]
fn a_describe_that_never_ends_is_stopped() {
    let looping = r#"(memory (export "memory") 1)
        (func (export "describe") (result i32) (loop $l br $l) i32.const 0)"#;
    let error = refusal(&describing(looping));
    assert!(matches!(error, LoadError::Describe(CallError::TimedOut { .. })), "{error}");
}

#[test]
fn an_instance_that_never_starts_is_stopped() {
    let looping = r#"(memory (export "memory") 1) (func $s (loop $l br $l)) (start $s)
        (func (export "describe") (result i32) i32.const 0)"#;
    let error = refusal(&describing(looping));
    assert!(matches!(error, LoadError::Describe(CallError::TimedOut { .. })), "{error}");
}

#[test]
fn a_manifest_of_the_size_of_a_memory_is_not_copied() {
    // Pointer 0, length 50 MiB.
    let huge = r#"(memory (export "memory") 1000)
        (data (i32.const 0) "\00\00\00\00\00\00\20\03")
        (func (export "describe") (result i32) i32.const 0)"#;
    let error = refusal(&describing(huge));
    assert!(matches!(error, LoadError::Describe(CallError::OutputTooLarge { .. })), "{error}");
}

#[test]
fn more_memory_than_allowed_is_refused_at_load() {
    let greedy = r#"(memory (export "memory") 2000)
        (func (export "describe") (result i32) i32.const 0)"#;
    assert!(matches!(refusal(&describing(greedy)), LoadError::Invalid(_)));
}
