//! The hostile connector as a component, a sandbox, and what calls take.
use hub_plugin_build::Build;
use hub_sandbox::types::{Context, Delivery, Header, Reply, Response, Step};
use hub_sandbox::{CallError, Connector, Entry, Input, Sandbox, SandboxConfig};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The component, built once a process. Cargo itself knows when there is nothing to do.
pub fn hostile_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../connectors");
        let build =
            Build { packages: vec!["hub-hostile".to_owned()], ..Build::new(workspace, target) };
        let built = build.run().unwrap_or_else(|error| panic!("{error}"));
        std::fs::read(&built[0].path).expect("what was just built")
    })
}

pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(SandboxConfig::default()).expect("a sandbox"))
}

pub fn hostile() -> Arc<Connector> {
    static CONNECTOR: OnceLock<Arc<Connector>> = OnceLock::new();
    CONNECTOR.get_or_init(|| sandbox().load(hostile_bytes()).expect("it loads")).clone()
}

pub fn context() -> Context {
    Context {
        connection: "rogue".to_owned(),
        settings: r#"{"api_base":"https://psp.test"}"#.to_owned(),
        now_ms: 1_700_000_000_000,
        nonce: (0..16).collect(),
        live: false,
    }
}

pub fn delivery(body: &str) -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        headers: vec![Header { name: "x-signature".to_owned(), value: b"c0ffee".to_vec() }],
        body: body.as_bytes().to_vec(),
    }
}

/// A delivery as an honest vendor sends it.
pub const GOOD: &str =
    r#"{"id":"evt_1","payment":"pay_1","amount":{"amount":"12.50","currency":"EUR"}}"#;

pub fn receive(connector: &Connector, body: &str, history: &[Reply]) -> Result<Step, CallError> {
    let input = Input::Delivery(delivery(body));
    connector.call(Entry::WEBHOOK_RECEIVE, &context(), &input, history)
}

pub fn answer(status: u16) -> Reply {
    Reply::Response(Response { status, headers: Vec::new(), body: b"{}".to_vec() })
}

/// The one field that the hostile connector fills with its own words.
pub fn told(step: Step) -> String {
    let Step::Done(outcome) = step else { panic!("not done: {step:?}") };
    assert_eq!(outcome.events.len(), 1, "{outcome:?}");
    let data: serde_json::Value =
        serde_json::from_str(&outcome.events[0].data).expect("events carry JSON");
    data["vendor_payment"].as_str().expect("its own words").to_owned()
}

/// What is logged on this thread while `act` runs.
pub fn logged(act: impl FnOnce()) -> String {
    use std::io::Write;
    use std::sync::Mutex;
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic while it is held").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = lines.0.lock().expect("no panic while it is held").clone();
    String::from_utf8(bytes).expect("log lines are text")
}
