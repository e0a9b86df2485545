//! Starting: `hub init`, keys, ports, a second hub, variables of the environment.
use crate::harness::setup::said;
use crate::harness::{Connection, Hub, Setup};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

#[track_caller]
fn fails(output: &Output, fragments: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for fragment in fragments {
        assert!(said.contains(fragment), "{fragment:?} is not in:\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn init_writes_what_check_takes_and_never_writes_over_it() {
    let setup = Setup::new();
    let output = setup.run(&["init", "new"]);
    assert!(output.status.success(), "{}", said(&output));
    let key = setup.path("new/hub.key");
    let mode = fs::metadata(&key).expect("a key").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "others may read the master key");
    let output = setup.run(&["check", "--config", "new/hub.toml"]);
    assert!(output.status.success(), "{}", said(&output));

    let before =
        [fs::read(&key).expect("a key"), fs::read(setup.path("new/hub.toml")).expect("it")];
    fails(&setup.run(&["init", "new"]), &["hub.toml", "already", "hub check"]);
    let after = [fs::read(&key).expect("a key"), fs::read(setup.path("new/hub.toml")).expect("it")];
    assert_eq!(before, after);
    // A key without its hub.toml is the key of data that exists somewhere.
    fs::remove_file(setup.path("new/hub.toml")).expect("it");
    assert!(setup.run(&["init", "new"]).status.success());
    assert_eq!(fs::read(&key).expect("a key"), before[0], "the master key was replaced");
}

#[test]
fn a_missing_file_is_named_with_what_writes_one() {
    let setup = Setup::new();
    fails(&setup.run(&["check", "--config", "none.toml"]), &["none.toml", "hub init"]);
    fails(&setup.run(&["serve", "--config", "none.toml"]), &["none.toml", "hub init"]);
}

#[test]
fn a_master_key_that_is_missing_wrong_or_open_to_others() {
    let setup = Setup::new();
    setup.write();
    let key = setup.path("hub.key");
    let commands: [&[&str]; 2] =
        [&["check", "--config", "hub.toml"], &["serve", "--config", "hub.toml"]];
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("its mode");
    for command in commands {
        fails(&setup.run(command), &["hub.key", "644", "chmod 600"]);
    }
    setup.write_private("hub.key", "not a key");
    for command in commands {
        fails(&setup.run(command), &["hub.key", "64 hex digits"]);
    }
    fs::remove_file(&key).expect("it");
    for command in commands {
        fails(&setup.run(command), &["hub.key", "hub init"]);
    }
}

#[test]
fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut setup = Setup::new();
    setup.listen = taken.local_addr().expect("an address").to_string();
    setup.write();
    fails(&setup.run(&["serve", "--config", "hub.toml"]), &[&setup.listen, "in use", "listen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_on_the_same_data_is_told_who_holds_it() {
    let mut hub = Setup::new().start().await;
    hub.api.register("cl-1", "acme").await.expect(201);
    let pid = hub.pid().to_string();
    // Another port, the same data.
    let mut second = hub.setup.command();
    second.env("HUB__SERVER__LISTEN", "127.0.0.1:0");
    let output = second.args(["serve", "--config", "hub.toml"]).output().expect("the binary");
    fails(&output, &["in use", &format!("process {pid}"), "data"]);
    assert!(hub.is_up());
    hub.api.register("cl-2", "acme").await.expect(201);
    assert!(hub.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_override_the_file_and_bad_ones_are_named() {
    let mut setup = Setup::new().env("HUB__SERVER__LISTEN", "127.0.0.1:0");
    // The file alone would fail: nobody may listen there.
    setup.listen = "127.0.0.1:1".to_owned();
    let hub: Hub = setup.start().await;
    assert_ne!(hub.base_url(), "http://127.0.0.1:1");
    hub.api.json("/readyz").await;

    let bad: [(&str, &str); 3] = [
        ("HUB__SERVER__LISTNE", "127.0.0.1:0"),
        ("HUB__SERVER__BODY_BYTES_MAX", "plenty"),
        ("HUB__NONSENSE__KEY", "1"),
    ];
    for (name, value) in bad {
        let setup = Setup::new().env(name, value);
        setup.write();
        for command in ["check", "serve"] {
            fails(&setup.run(&[command, "--config", "hub.toml"]), &["HUB__"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_stops_in_order_and_the_next_start_has_everything() {
    let mut hub = Setup::new().with(Connection::stripe("stripe-eu", "whsec_1")).start().await;
    hub.api.register("cl-1", "acme").await.expect(201);
    let before = hub.api.events("").await;
    assert!(hub.stop().await.success());
    hub.start_again().await;
    assert_eq!(hub.api.events("").await, before, "a restart with the same rules adds nothing");
}
