//! Bad configurations: `hub check` and `hub serve` say which file, which line, which key, and what
//! to do about it.
use crate::harness::setup::{NOWHERE, said};
use crate::harness::{Connection, Setup};
use std::fs;

/// A configuration that holds, which every case spoils in one place.
fn good() -> Setup {
    Setup::new().with(Connection::stripe("stripe-eu", "whsec_1"))
}

/// `hub check` must fail, and its message must have all of these in it.
#[track_caller]
fn refused(what: &str, setup: &Setup, fragments: &[&str]) {
    let output = setup.run(&["check", "--config", "hub.toml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{what}: hub check says it holds: {said}");
    for fragment in fragments {
        assert!(said.contains(fragment), "{what}: {fragment:?} is not in:\n{said}");
    }
    assert!(!said.contains("panicked"), "{what}: {said}");
}

/// The line, from 1, on which this text stands in `hub.toml`.
fn line_of(setup: &Setup, text: &str) -> usize {
    let file = fs::read_to_string(setup.path("hub.toml")).expect("hub.toml");
    let at = file.find(text).unwrap_or_else(|| panic!("{text:?} is not in\n{file}"));
    file[..at].matches('\n').count() + 1
}

/// Writes the configuration with a part of its text changed; then `hub check` must name the line
/// on which the change stands.
#[track_caller]
fn spoiled(what: &str, setup: &Setup, from: &str, to: &str, at: &str, fragments: &[&str]) {
    let path = setup.write();
    let text = fs::read_to_string(&path).expect("hub.toml");
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    fs::write(&path, text.replacen(from, to, 1)).expect("hub.toml");
    let line = line_of(setup, at);
    refused(what, setup, fragments);
    let said = said(&setup.run(&["check", "--config", "hub.toml"]));
    let named = [format!("hub.toml:{line}:"), format!("line {line}")];
    assert!(
        said.contains("hub.toml") && named.iter().any(|n| said.contains(n)),
        "{what}: line {line} is not named in:\n{said}"
    );
}

#[test]
fn what_is_good_holds() {
    let setup = good();
    setup.write();
    let output = setup.run(&["check", "--config", "hub.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("holds"), "{}", said(&output));
}

#[test]
fn keys_and_values_that_are_not_known() {
    let s = good();
    let listen = "listen = \"127.0.0.1:0\"";
    spoiled(
        "unknown key",
        &s,
        listen,
        "listen_on = 3",
        "listen_on",
        &["listen_on", "unknown field"],
    );
    let id = "id = \"stripe-eu\"";
    spoiled(
        "unknown key of a connection",
        &s,
        id,
        &format!("{id}\ncolour = 1"),
        "colour",
        &["colour"],
    );
    spoiled("not TOML", &s, "[server]", "[server", "[server", &["hub.toml"]);
    spoiled(
        "not an address",
        &s,
        listen,
        "listen = \"here\"",
        "listen = \"here\"",
        &["here", "127.0.0.1:8080"],
    );
    let open = "listen = \"0.0.0.0:8080\"";
    spoiled(
        "open without a token",
        &s,
        listen,
        open,
        open,
        &["server.listen", "0.0.0.0", "[[token]]"],
    );
}

#[test]
fn secrets_that_are_missing_or_stand_in_the_file() {
    let s = good();
    let reference = "\"file:secrets/stripe-eu.api_key.0\"";
    let literal = "\"sk_live_do_not_print_me\"";
    spoiled(
        "a literal",
        &s,
        reference,
        literal,
        "secrets =",
        &["secrets.api_key", "env:", "file:"],
    );
    let output = said(&s.run(&["check", "--config", "hub.toml"]));
    assert!(!output.contains("do_not_print_me"), "the message shows the secret: {output}");
    spoiled(
        "no such variable",
        &s,
        reference,
        "\"env:NO_SUCH_VARIABLE\"",
        "secrets =",
        &["secrets.api_key", "NO_SUCH_VARIABLE"],
    );
    spoiled(
        "no such file",
        &s,
        reference,
        "\"file:secrets/none\"",
        "secrets =",
        &["secrets.api_key", "secrets/none"],
    );
    let whole = format!(", api_key = {reference}");
    spoiled("missing", &s, &whole, "", "secrets =", &["api_key", "missing", "env:"]);
    spoiled(
        "not the connector's",
        &s,
        reference,
        &format!("{reference}, pin = {reference}"),
        "secrets =",
        &["secrets.pin"],
    );
}

#[test]
fn connections_and_grants_that_do_not_fit() {
    let s = good();
    let hosts = format!("hosts = [\"{NOWHERE}\"]");
    spoiled(
        "ungranted",
        &s,
        &hosts,
        "hosts = []",
        "grants =",
        &["connection[0].grants", NOWHERE, "grants.hosts"],
    );
    let plain = "hosts = [\"http://api.example.com\"]";
    spoiled("plain http", &s, &hosts, plain, plain, &["grants.hosts[0]", "https"]);
    let settings = format!("api_base = \"{NOWHERE}\"");
    spoiled("bad settings", &s, &settings, "api_base = 7", "settings =", &["settings", "api_base"]);
    spoiled(
        "unknown setting",
        &s,
        &settings,
        &format!("{settings}, apibase = 1"),
        "settings =",
        &["settings", "apibase"],
    );
    let plugin = "plugin = \"stripe\"";
    spoiled(
        "unknown plugin",
        &s,
        plugin,
        "plugin = \"strype\"",
        "plugin = \"strype\"",
        &["connection[0].plugin", "strype", "bundled are"],
    );
    let twice = s.with(Connection::stripe("stripe-eu", "whsec_2"));
    twice.write();
    refused("the same id twice", &twice, &["connection[1].id", "stripe-eu", "twice"]);
}

const ROUTE: &str = "[[route]]\nname = \"cards\"\nwhen = { kind = \"deposit\" }\n\
    use = { strategy = \"ordered\", connections = [\"stripe-eu\"] }\n";
const PROGRAMME: &str = "[[programme]]\nid = \"p\"\ncurrency = \"USD\"\ninitial_balance = \"1000\"\n\
    day = { reset = \"00:00\", zone = \"Europe/Prague\" }\n[[programme.phase]]\nname = \"one\"\n\
    rules = [ { rule = \"max-loss\", mode = \"static\", allowance = { of = \"initial\", share = \"0.1\" } } ]\n";

#[test]
fn rules_that_cannot_be_followed() {
    let s = good().rules(ROUTE).rules(PROGRAMME);
    let used = "connections = [\"stripe-eu\"]";
    spoiled(
        "unknown connection",
        &s,
        used,
        "connections = [\"striep\"]",
        "striep",
        &["route[0].use.connections[0]", "striep", "[[connection]]"],
    );
    let narrow =
        ROUTE.replace("cards", "eu").replace("\"deposit\"", "\"deposit\", country = [\"DE\"]");
    spoiled(
        "shadowed",
        &s,
        ROUTE,
        &format!("{ROUTE}{narrow}"),
        "[[route]]\nname = \"eu\"",
        &["route[1]", "never reached", "cards"],
    );
    spoiled(
        "bad zone",
        &s,
        "Europe/Prague",
        "Europe/Prag",
        "Europe/Prag",
        &["programme[0].day.zone", "Europe/Prag"],
    );
    spoiled("bad reset", &s, "\"00:00\"", "\"25:00\"", "25:00", &["programme[0].day.reset"]);
    spoiled("unknown rule", &s, "max-loss", "max-lost", "max-lost", &["max-lost"]);
    spoiled(
        "unknown country",
        &s,
        "kind = \"deposit\"",
        "kind = \"deposit\", country = [\"Germany\"]",
        "Germany",
        &["Germany"],
    );
}

#[test]
fn components_that_are_none() {
    let component = |text: &str| wat::parse_str(text).expect("WAT");
    let mut truncated = hub::plugins::ROGUE.to_vec();
    truncated.truncate(truncated.len() / 2);
    let mut damaged = hub::plugins::ROGUE.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    let wasi = component(r#"(component (import "wasi:cli/environment@0.2.0" (instance)))"#);
    let newer = component(r#"(component (import "hub:connector/log@9.0.0" (instance)))"#);
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("nothing", Vec::new(), &["not WebAssembly"]),
        ("a text", b"#!/bin/sh\n".to_vec(), &["not WebAssembly"]),
        ("truncated", truncated, &["damaged"]),
        ("damaged", damaged, &["damaged"]),
        ("a core module", component("(module)"), &["core module", "component"]),
        ("wants WASI", wasi, &["wasi:cli/environment", "no WASI"]),
        ("another contract", newer, &["9.0.0", "0.1.0"]),
        ("no connector", component("(component)"), &["not a connector", "describe"]),
    ];
    let mut setup = Setup::new();
    setup.connections = vec![Connection::new("acme", "acme.wasm")];
    setup.write();
    refused("no such file", &setup, &["connection[0].plugin", "acme.wasm"]);
    for (what, bytes, fragments) in cases {
        fs::write(setup.path("acme.wasm"), bytes).expect("a file");
        refused(what, &setup, &["connection[0].plugin", "acme.wasm"]);
        refused(what, &setup, fragments);
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let s = good()
        .rules(&ROUTE.replace("stripe-eu", "striep"))
        .rules(&PROGRAMME.replace("Prague", "Prag"));
    s.write();
    fs::remove_file(s.path("hub.key")).expect("a key");
    refused("three things", &s, &["striep", "Europe/Prag", "hub.key", "to mend"]);
}
