use super::*;
use crate::vault::key_file::key_file_path;
use crate::vault::{KeyFile, MasterKey};
use hub_log::{Batch, LogOptions, SledLog};

const DAY_MS: i64 = 86_400_000;
/// 2026-03-02T10:00:00Z
const MONDAY_MS: i64 = 1_772_445_600_000;

struct World {
    dir: tempfile::TempDir,
    log: Arc<dyn EventLog>,
    sealer: Arc<Sealer>,
    store: DeliveryStore,
    master: MasterKey,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let log: Arc<dyn EventLog> =
        Arc::new(SledLog::open(LogOptions::new(dir.path().join("log"))).unwrap());
    let master = MasterKey::random();
    let keys = KeyFile::create(&key_file_path(dir.path()), &master).unwrap();
    let sealer = Arc::new(Sealer::new(Arc::new(keys)));
    let store = DeliveryStore::new(log.clone(), sealer.clone(), &master);
    World { dir, log, sealer, store, master }
}

fn delivery(body: &str) -> Delivery {
    Delivery {
        method: "POST".to_owned(),
        path: "/x".to_owned(),
        headers: vec![Header { name: "a".to_owned(), value: b"b".to_vec() }],
        body: body.as_bytes().to_vec(),
    }
}

impl World {
    async fn keep(&self, body: &str, day: i64, clients: &[&str]) -> u64 {
        let about = clients.iter().map(|id| ClientId::new(*id).unwrap()).collect();
        let at = MONDAY_MS + day * DAY_MS;
        let blob = self.store.seal("stripe-eu", &delivery(body), at, &about).await.unwrap();
        self.append(blob).await
    }
    async fn append(&self, blob: Bytes) -> u64 {
        let batch = Batch { blob: Some(blob), keep_if_duplicate: true, ..Batch::default() };
        self.log.append(batch).await.unwrap().blob.unwrap()
    }
    fn body(&self, id: u64) -> Result<String, DeliveryError> {
        let raw = self.store.get(id)?.unwrap();
        Ok(String::from_utf8(raw.delivery.body).unwrap())
    }
}

#[tokio::test]
async fn a_delivery_about_several_clients_goes_with_any_of_them() {
    let world = world();
    let both = world.keep("of both", 0, &["cl-1", "cl-2"]).await;
    let one = world.keep("of one", 0, &["cl-2"]).await;
    assert_eq!(
        (world.body(both).unwrap(), world.body(one).unwrap()),
        ("of both".into(), "of one".into())
    );
    world.sealer.destroy(vec!["cl-1".to_owned()]).await.unwrap();
    assert!(
        matches!(world.body(both), Err(DeliveryError::Erased { client, .. }) if client == "cl-1")
    );
    assert_eq!(world.body(one).unwrap(), "of one");
    let late = world.keep("late", 1, &["cl-1"]).await;
    assert!(matches!(world.body(late), Err(DeliveryError::Erased { .. })));
    assert!(world.store.get(late + 1).unwrap().is_none());
    assert!(world.dir.path().exists());
}

#[tokio::test]
async fn what_belongs_to_nobody_goes_with_its_day_unless_it_is_still_needed() {
    let world = world();
    let mut ids = Vec::new();
    for day in 0..4 {
        ids.push(world.keep(&format!("day {day}"), day, &[]).await);
    }
    let mine = world.keep("of a client", 0, &["cl-1"]).await;
    let before = "2026-03-05";
    let needed = |day: &str| day == "2026-03-03";
    let gone = world.store.destroy_day_keys_before(before, &needed).unwrap();
    assert_eq!(gone, ["2026-03-02", "2026-03-04"]);
    for (day, kept) in [(0, false), (1, true), (2, false), (3, true)] {
        match world.body(ids[day]) {
            Ok(body) => assert!(kept && body == format!("day {day}"), "day {day}"),
            Err(DeliveryError::Expired { day: of, .. }) => assert!(!kept && gone.contains(&of)),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(world.body(mine).unwrap(), "of a client", "clients' deliveries stay");
    assert!(world.store.destroy_day_keys_before(before, &needed).unwrap().is_empty());
}

#[tokio::test]
async fn what_an_older_version_kept_still_opens() {
    let world = world();
    let head = br#"{"connection":"stripe-eu","received_ms":1,"method":"POST","path":"","headers":[],"after":0}"#;
    let plain = [&head[..], b"\n", b"old"].concat();
    let packed = lz4_flex::compress_prepend_size(&plain);
    let sealed = world.master.derive(Purpose::Deliveries).seal(ABOUT_OLD, &packed);
    let id = world.append(sealed.into()).await;
    assert_eq!(world.body(id).unwrap(), "old");
}
