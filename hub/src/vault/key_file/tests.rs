use super::*;
use hub_log::{Batch, EventLog, LogOptions, Put, PutValue, SledLog, Table};
use std::fs;
use std::sync::Arc;

struct World {
    dir: tempfile::TempDir,
    master: MasterKey,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), master: MasterKey::random() }
    }
    fn path(&self) -> PathBuf {
        key_file_path(self.dir.path())
    }
    fn create(&self) -> KeyFile {
        KeyFile::create(&self.path(), &self.master).unwrap()
    }
    fn open(&self) -> KeyFile {
        KeyFile::open(&self.path(), &self.master).unwrap()
    }
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(SledLog::open(LogOptions::new(self.dir.path().join("log"))).unwrap())
    }
}

fn key(kept: Kept) -> Key {
    match kept {
        Kept::Key(key) => key,
        Kept::Destroyed => panic!("destroyed"),
        Kept::None => panic!("none"),
    }
}

/// The wrapped key as it stands in the file.
fn wrapped(world: &World, slot: usize) -> Vec<u8> {
    let bytes = fs::read(world.path()).unwrap();
    let at = SLOT_BYTES * (slot + 1) + 138;
    bytes[at..at + WRAPPED_BYTES].to_vec()
}

fn holds(world: &World, needle: &[u8]) -> bool {
    fs::read(world.path()).unwrap().windows(needle.len()).any(|w| w == needle)
}

#[test]
fn a_key_is_the_same_after_a_restart_and_gone_after_its_destruction() {
    let world = World::new();
    let keys = world.create();
    let lookups = keys.lookups(Some(" Anna@Example.COM "), Some("0049 (30) 12-34"));
    let first = key(keys.make("cl-1", lookups).unwrap());
    assert!(key(keys.make("cl-1", Lookups::default()).unwrap()) == first, "one client, one key");
    let other = key(keys.make("cl-2", Lookups::default()).unwrap());
    drop(keys);

    let keys = world.open();
    assert!(key(keys.key("cl-1").unwrap()) == first);
    assert!(keys.key("cl-3").unwrap() == Kept::None);
    assert_eq!(keys.find(Contact::Email("anna@example.com")), ["cl-1"]);
    assert_eq!(keys.find(Contact::Phone("+49 30 1234")), ["cl-1"]);
    let (gone, hash) = (wrapped(&world, 0), lookups.email);
    assert!(holds(&world, &gone) && holds(&world, &hash));

    keys.destroy(&["cl-1".to_owned(), "cl-never".to_owned()]).unwrap();
    for keys in [keys, world.open()] {
        assert!(keys.key("cl-1").unwrap() == Kept::Destroyed);
        assert!(keys.make("cl-1", lookups).unwrap() == Kept::Destroyed, "no new key, ever");
        assert!(keys.make("cl-never", lookups).unwrap() == Kept::Destroyed);
        assert!(keys.find(Contact::Email("anna@example.com")).is_empty());
        assert!(keys.is_destroyed("cl-1") && key(keys.key("cl-2").unwrap()) == other);
        keys.destroy(&["cl-1".to_owned()]).unwrap();
        assert_eq!(keys.summary(), Summary { live: 1, destroyed: 2, damaged: 0 });
    }
    assert!(!holds(&world, &gone) && !holds(&world, &hash), "the bytes are still in the file");
    assert!(!holds(&world, &gone[24..40]));
}

#[test]
fn a_torn_last_slot_was_never_acknowledged_and_is_written_again() {
    let world = World::new();
    let keys = world.create();
    let first = key(keys.make("cl-1", Lookups::default()).unwrap());
    keys.make("cl-2", Lookups::default()).unwrap();
    drop(keys);
    let whole = fs::read(world.path()).unwrap();
    let begin = whole.len() - SLOT_BYTES;
    for cut in [1, 100, 138, 200, 245] {
        // The tail of the slot did not reach the disk: zeros, or nothing at all.
        let mut zeros = whole.clone();
        zeros[begin + cut..].fill(0);
        for torn in [zeros, whole[..begin + cut].to_vec()] {
            fs::write(world.path(), torn).unwrap();
            let keys = world.open();
            assert!(key(keys.key("cl-1").unwrap()) == first);
            assert!(keys.key("cl-2").unwrap() == Kept::None, "cut at {cut}");
            let again = key(keys.make("cl-2", Lookups::default()).unwrap());
            drop(keys);
            assert!(key(world.open().key("cl-2").unwrap()) == again);
            assert_eq!(fs::metadata(world.path()).unwrap().len(), whole.len() as u64);
        }
    }
}

#[test]
fn a_torn_destruction_is_finished_and_damage_is_named() {
    let world = World::new();
    let keys = world.create();
    for client in ["cl-1", "cl-2"] {
        keys.make(client, Lookups::default()).unwrap();
    }
    drop(keys);
    let mut torn = fs::read(world.path()).unwrap();
    // Half of the key of cl-1 is overwritten.
    torn[SLOT_BYTES + 138..SLOT_BYTES + 170].fill(0);
    fs::write(world.path(), &torn).unwrap();
    let keys = world.open();
    assert!(matches!(keys.key("cl-1"), Err(KeyFileError::DamagedKey { owner }) if owner == "cl-1"));
    assert!(keys.make("cl-1", Lookups::default()).is_err(), "a second key would hide the damage");
    let rest = wrapped(&world, 0)[32..].to_vec();
    keys.destroy(&["cl-1".to_owned()]).unwrap();
    assert!(!holds(&world, &rest) && world.open().is_destroyed("cl-1"));

    let mut lost = torn.clone();
    lost[SLOT_BYTES + 2] ^= 1;
    fs::write(world.path(), &lost).unwrap();
    let error = KeyFile::open(&world.path(), &world.master).err().unwrap();
    assert!(matches!(error, KeyFileError::Damaged { slot: 0, offset: 256, .. }), "{error}");
}

#[test]
fn a_file_of_another_master_key_or_of_no_hub_is_refused() {
    let world = World::new();
    world.create();
    let other = MasterKey::random();
    assert!(matches!(KeyFile::open(&world.path(), &other), Err(KeyFileError::OtherMaster { .. })));
    assert!(KeyFile::create(&world.path(), &other).is_err(), "an existing file is never replaced");
    fs::write(world.path(), b"not a key file").unwrap();
    assert!(matches!(
        KeyFile::open(&world.path(), &world.master),
        Err(KeyFileError::NotAKeyFile { .. })
    ));
}

#[tokio::test]
async fn keys_of_ten_thousand_clients_move_from_the_log_once_and_open_as_before() {
    const CLIENTS: usize = 10_000;
    let table = Table::new("client_keys");
    let world = World::new();
    let log = world.log();
    let old = world.master.derive(Purpose::ClientKeys);
    let key_of = |n: usize| -> Key { *blake3::hash(&n.to_le_bytes()).as_bytes() };
    for chunk in (0..CLIENTS).collect::<Vec<_>>().chunks(500) {
        let puts = chunk.iter().map(|n| {
            let owner = format!("cl-{n}").into_bytes();
            let value = PutValue::Bytes(old.seal(&owner, &key_of(*n)));
            Put { table, key: owner, value }
        });
        log.append(Batch { puts: puts.collect(), ..Batch::default() }).await.unwrap();
    }
    for start in 0..2 {
        let keys = open_for(&log, &world.path(), &world.master).await.unwrap();
        assert_eq!(keys.summary().live, CLIENTS, "start {start}");
        for n in (0..CLIENTS).step_by(7) {
            assert!(key(keys.key(&format!("cl-{n}")).unwrap()) == key_of(n), "client {n}");
        }
        assert!(log.table_scan(table, b"", None, 1).unwrap().is_empty(), "rows are left");
    }
    // A crash after the file and before the rows were gone: what was destroyed since stays so.
    let keys = open_for(&log, &world.path(), &world.master).await.unwrap();
    keys.destroy(&["cl-5".to_owned()]).unwrap();
    let value = PutValue::Bytes(old.seal(b"cl-5", &key_of(5)));
    let row = Put { table, key: b"cl-5".to_vec(), value };
    log.append(Batch { puts: vec![row], ..Batch::default() }).await.unwrap();
    drop(keys);
    let keys = open_for(&log, &world.path(), &world.master).await.unwrap();
    assert!(keys.key("cl-5").unwrap() == Kept::Destroyed);

    let mut copy = Vec::new();
    let bytes = keys.copy_to(&mut copy).unwrap();
    assert_eq!(bytes, ((CLIENTS + 1) * SLOT_BYTES) as u64);
    let restored = world.dir.path().join("restored.keys");
    fs::write(&restored, copy).unwrap();
    let summary = KeyFile::check(&restored, &world.master).unwrap();
    assert_eq!(summary, Summary { live: CLIENTS - 1, destroyed: 1, damaged: 0 });

    drop(keys);
    fs::remove_file(world.path()).unwrap();
    let missing = open_for(&log, &world.path(), &world.master).await.err().unwrap();
    assert!(matches!(missing, KeyFileError::Missing { .. }), "{missing}");
    KeyFile::create(&world.path(), &world.master).unwrap();
    let other = open_for(&log, &world.path(), &world.master).await.err().unwrap();
    assert!(matches!(other, KeyFileError::OtherLog { .. }), "{other}");
    log.close();
}
