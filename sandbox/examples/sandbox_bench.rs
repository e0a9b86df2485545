//! What a fresh instance costs: the same connector native and sandboxed, in interleaved rounds.
//!
//! `cargo run --release -p hub-sandbox --example sandbox_bench`; figures to reach are in the log's design
//! notes (2.0 × native, 0.6 of its calls/s on two threads).
use hub_hostile::Hostile;
use hub_plugin_build::Build;
use hub_plugin_sdk::bindings::types as guest;
use hub_plugin_sdk::{Webhook as _, testing};
use hub_sandbox::types::{Context, Delivery, Header, Step};
use hub_sandbox::{Connector, Entry, Input, Sandbox, SandboxConfig};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 15;
const CALLS: usize = 4_000;
const THREADS: usize = 2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = workspace.join("target/connectors");
    let build = Build { packages: vec!["hub-hostile".to_owned()], ..Build::new(workspace, target) };
    let bytes = std::fs::read(&build.run()?[0].path)?;
    let sandbox = Sandbox::new(SandboxConfig::default())?;
    let began = Instant::now();
    let connector = sandbox.load(&bytes)?;
    println!("{} bytes, compiled and loaded in {:.0?}", bytes.len(), began.elapsed());

    let body = body();
    println!("a delivery of {} bytes to one event; medians of {ROUNDS} rounds", body.len());
    let input = Input::Delivery(delivery(&body));
    let context = context();
    let (mut natives, mut sandboxed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        natives.push(micros(|| native(&body)));
        sandboxed.push(micros(|| call(&connector, &context, &input)));
    }
    let (one_native, one_sandboxed) = (median(natives), median(sandboxed));
    println!("native     {one_native:6.2} µs a call");
    println!(
        "sandboxed  {one_sandboxed:6.2} µs a call, {:.2} × native",
        one_sandboxed / one_native
    );

    let (mut natives, mut sandboxed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        natives.push(on_threads(|| native(&body)));
        sandboxed.push(on_threads(|| call(&connector, &context, &input)));
    }
    let (native_calls, sandboxed_calls) = (median(natives), median(sandboxed));
    println!("on {THREADS} threads: native {native_calls:.0} calls/s");
    println!(
        "              sandboxed {sandboxed_calls:.0} calls/s, {:.2} of native",
        sandboxed_calls / native_calls
    );
    // It does next to nothing: what a fresh instance costs by itself.
    let delivery = delivery(&body);
    let checks = (0..ROUNDS)
        .map(|_| {
            micros(|| {
                black_box(connector.authenticate(&context, &delivery).expect("it works"));
            })
        })
        .collect();
    println!("authenticate, sandboxed: {:.2} µs", median(checks));
    Ok(())
}

fn call(connector: &Connector, context: &Context, input: &Input) {
    let step = connector.call(Entry::WEBHOOK_RECEIVE, context, input, &[]).expect("it works");
    assert!(matches!(black_box(step), Step::Done(_)));
}

/// The same without a sandbox, from the contract's types to the contract's types.
fn native(body: &str) {
    let delivery = || hub_plugin_sdk::Delivery {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![("x-signature".to_owned(), b"c0ffee".to_vec())],
        body: body.as_bytes().to_vec(),
    };
    let done = testing::call(
        &serde_json::json!({}),
        1_700_000_000_000,
        |ctx| Hostile::receive(ctx, delivery()),
        |_| unreachable!("it asks for nothing"),
    );
    let events = done.result.expect("it works").events;
    black_box(events.into_iter().map(guest::Event::from).collect::<Vec<_>>());
}

fn micros(mut call: impl FnMut()) -> f64 {
    let began = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    began.elapsed().as_secs_f64() * 1e6 / CALLS as f64
}

fn on_threads(call: impl Fn() + Sync) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..CALLS).for_each(|_| call()));
        }
    });
    (CALLS * THREADS) as f64 / began.elapsed().as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// 2 KB, as payment providers send it: a few fields that matter among many that do not.
fn body() -> String {
    let detail: Vec<_> = (0..18)
        .map(|n| {
            serde_json::json!({
                "object": "balance_transaction", "index": n, "currency": "eur", "livemode": false,
                "description": null,
            })
        })
        .collect();
    serde_json::json!({
        "id": "evt_1NG8Du2eZvKYlo2C", "payment": "pay_01HZX3",
        "amount": { "amount": "12.50", "currency": "EUR" }, "details": detail,
    })
    .to_string()
}

fn delivery(body: &str) -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![Header { name: "x-signature".to_owned(), value: b"c0ffee".to_vec() }],
        body: body.as_bytes().to_vec(),
    }
}

fn context() -> Context {
    Context {
        connection: "bench".to_owned(),
        settings: "{}".to_owned(),
        now_ms: 1_700_000_000_000,
        nonce: vec![7; 16],
        live: false,
    }
}
