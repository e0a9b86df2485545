//! Proof that holds outside the hub: exports verified from the documented format alone, checkpoints
//! that show a log which was rewritten as a whole, and what each says when it fails.
use crate::harness::setup::said;
use crate::harness::{Connection, Hub, Setup, stripe};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use std::fs;
use std::process::Output;

async fn hub_with_clients() -> Hub {
    let hub = Setup::new().start().await;
    for n in 0..80 {
        hub.api.register(&format!("cl-{n}"), "acme").await.expect(201);
    }
    hub
}

fn run(hub: &Hub, args: &[&str]) -> Output {
    let url = hub.base_url();
    hub.setup.run(&[args, &["--url", &url]].concat())
}

fn export(hub: &Hub, args: &[&str]) -> String {
    let output = run(hub, &[&["events", "export", "--proof"], args].concat());
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("JSON lines")
}

/// The format's own words (`hub/src/proof/bundle.rs`), in other hands: nothing of the hub's code,
/// another implementation of Ed25519.
fn verify_by_the_book(file: &str, key: &str) -> Result<(u64, u64), String> {
    let mut lines = file.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let head = lines.next().expect("a first line");
    let mut hash = hex::decode(head["before"].as_str().expect("hex")).expect("hex");
    let (mut shown, mut withheld) = (0, 0);
    for line in lines {
        let body = match line["body"].as_str() {
            Some(body) => {
                shown += 1;
                blake3::hash(body.as_bytes()).as_bytes().to_vec()
            }
            None => {
                withheld += 1;
                hex::decode(line["body_blake3"].as_str().expect("hex")).expect("hex")
            }
        };
        let mut input = hash.clone();
        input.extend(line["sequence"].as_u64().expect("a number").to_be_bytes());
        input.extend(line["recorded_us"].as_i64().expect("a number").to_be_bytes());
        input.extend(line["blob"].as_u64().unwrap_or(0).to_be_bytes());
        input.extend(body);
        hash = blake3::hash(&input).as_bytes().to_vec();
    }
    let note = head["checkpoint"].as_str().expect("a note");
    let (text, signature) = note.split_once("\n\n").expect("a blank line");
    let text = format!("{text}\n");
    let signed: Vec<&str> = text.lines().collect();
    let to = head["to"].to_string();
    if signed[1] != to || signed[2] != BASE64.encode(&hash) {
        return Err("the chain does not lead to what was signed".to_owned());
    }
    let key = BASE64.decode(key.splitn(3, '+').nth(2).expect("base64")).expect("base64");
    let signature = signature.trim().rsplit(' ').next().expect("base64");
    let signature = BASE64.decode(signature).expect("base64");
    ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &key[1..])
        .verify(text.as_bytes(), &signature[4..])
        .map_err(|_| "the signature does not hold".to_owned())?;
    Ok((shown, withheld))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_verifies_without_the_hub_and_any_change_shows() {
    let mut hub = hub_with_clients().await;
    let all = export(&hub, &[]);
    let one = export(&hub, &["--client", "cl-7", "--from", "evt_5", "--to", "60"]);
    let printed = run(&hub, &["events", "checkpoint", "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    let key = printed["key"].as_str().expect("a key").to_owned();
    assert!(hub.stop().await.success());

    let last = all.lines().count() as u64 - 1;
    assert_eq!(verify_by_the_book(&all, &key), Ok((last, 0)));
    let (shown, withheld) = verify_by_the_book(&one, &key).expect("it holds");
    assert!(shown >= 1 && shown + withheld == 56, "{shown} shown, {withheld} withheld");
    assert!(one.contains("cl-7") && !one.contains("cl-8"), "only the client asked for is shown");

    let verify = |text: &str, args: &[&str]| {
        let path = hub.setup.path("export.jsonl");
        fs::write(&path, text).expect("it");
        let path = path.to_str().expect("UTF-8").to_owned();
        hub.setup.run(&[&["events", "verify", &path], args].concat())
    };
    for file in [&all, &one] {
        let output = verify(file, &["--key", &key]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("the key that you named"), "{}", said(&output));
    }
    let output = verify(&one, &["--print"]);
    let events = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(events.lines().count() as u64, shown);
    assert!(events.contains("\"type\":\"client.registered\""), "{events}");

    let lines: Vec<&str> = one.lines().collect();
    let dropped = [&lines[..20], &lines[21..]].concat().join("\n") + "\n";
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    let other_time = one.replacen("\"recorded_us\":1", "\"recorded_us\":2", 1);
    let other_note = one.replacen("\\n60\\n", "\\n61\\n", 1);
    let renamed = one.replace("cl-7", "cl-8");
    assert!(renamed != one && other_note != one && other_time != one);
    for (what, changed, says) in [
        ("a body", renamed.as_str(), "was changed"),
        ("a time", &other_time, "was changed"),
        ("a line left out", &dropped, "stands where"),
        ("an end cut off", &cut, "ends before event"),
        ("half a line", &one[..one.len() - 9], "cut short"),
        ("the checkpoint", &other_note, "signature"),
        ("nothing", "", "empty"),
    ] {
        let output = verify(changed, &[]);
        assert!(!output.status.success(), "{what}: {}", said(&output));
        assert!(said(&output).contains(says), "{what}: {}", said(&output));
    }
    // Somebody else's key, in its right form.
    let other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let output = verify(&all, &["--key", other]);
    assert!(!output.status.success() && said(&output).contains("signature"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_made_anew_does_not_pass_for_the_one_that_was_signed() {
    let mut hub = hub_with_clients().await;
    let kept = run(&hub, &["events", "checkpoint"]);
    assert!(kept.status.success(), "{}", said(&kept));
    let witness = hub.setup.path("witness.txt");
    fs::write(&witness, &kept.stdout).expect("it");
    let witness = witness.to_str().expect("UTF-8").to_owned();
    let verify = ["events", "verify", "--checkpoint", &witness];
    let output = run(&hub, &verify);
    assert!(output.status.success(), "{}", said(&output));
    assert!(hub.stop().await.success());

    // As the documentation says it: appended to a file, again and again.
    hub.start_again().await;
    let later = run(&hub, &["events", "checkpoint"]);
    let several = [&kept.stdout[..], &later.stdout, &later.stdout].concat();
    fs::write(hub.setup.path("checkpoints.txt"), several).expect("it");
    let output = run(&hub, &["events", "verify", "--checkpoint", "checkpoints.txt"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(hub.stop().await.success());

    // A stop leaves a checkpoint of the very end.
    let output = hub.setup.run(&["events", "verify", "--offline", "--json"]);
    let audit: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&audit["ok"], &audit["checkpointed"]), (&true.into(), &audit["last"]), "{audit}");

    // Whoever can write the files makes a log that is sound in itself, by the hub's own hands.
    let data = hub.setup.data();
    fs::rename(data.join("log"), data.join("the-true-log")).expect("it");
    hub.start_again().await;
    hub.api.register("cl-other", "acme").await.expect(201);
    let output = run(&hub, &["events", "verify"]);
    assert!(output.status.success(), "it is sound in itself: {}", said(&output));
    let output = run(&hub, &verify);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("does not hold under key"), "{}", said(&output));

    // With the true key named, that alone betrays it.
    let note = String::from_utf8(kept.stdout).expect("UTF-8");
    let stderr = String::from_utf8(kept.stderr).expect("UTF-8");
    let key = stderr.trim().strip_prefix("key: ").expect("the key").to_owned();
    assert!(note.contains(key.split('+').next().expect("a name")));
    let output = run(&hub, &["events", "verify", "--key", &key]);
    assert!(!output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("signed with another key"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_says_what_its_delivery_was_and_a_copy_can_be_compared() {
    let connection = Connection::stripe("stripe-eu", "whsec_1");
    let hub = Setup::new().with(connection).start().await;
    let body = stripe::succeeded("evt_1", "pay_1", 100).to_string();
    hub.api.stripe_hook("stripe-eu", "whsec_1", body.as_bytes()).await.expect(200);
    let events = hub.api.events("type=payment.succeeded").await;
    let hash = events[0]["deliveryhash"].as_str().expect("a hash");
    let of = |copy: &str| {
        fs::write(hub.setup.path("copy.json"), copy).expect("it");
        let output = run(&hub, &["events", "digest", "copy.json"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    assert_eq!(of(&body), hash);
    assert_ne!(of(&body.replace("100", "900")), hash);
    assert_ne!(blake3::hash(body.as_bytes()).to_hex().as_str(), hash, "it can be guessed at");
}
