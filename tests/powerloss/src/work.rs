//! What the writers append: batch `n` of a writer is always the same, so what should be in a
//! log can be told from what is in it.

use bytes::Bytes;
use hub_log::{Batch, Dedup, NewRecord, Put, PutValue, Table};

/// The table of [`nth`].
pub const TABLE: Table = Table::new("powerloss");

/// How many write at once.
pub const WRITERS: u64 = 8;

/// One more writer, of batches of many small records: some hundred of them make the log write
/// parts of its dedup index, and merge them.
pub const FILLER: u64 = 1_000;

/// Records in a batch of the [`FILLER`]. The log keeps 131,072 keys in memory.
const FILLER_RECORDS: u64 = 2_000;

/// Blobs with an id that is a multiple of it are never trimmed.
pub const KEPT: u64 = 32;

/// Blobs of so many newest records are never trimmed.
pub const NEWEST: u64 = 60;

/// Batch `n` of a writer: records with dedup keys, small, large and above what the store keeps
/// in one value; most with a blob; some with table values.
pub fn nth(writer: u64, n: u64) -> Batch {
    let name = format!("{writer}.{n}");
    if writer == FILLER {
        let records = (0..FILLER_RECORDS).map(|part| keyed(&format!("{name}.{part}"), 0));
        return Batch { records: records.collect(), ..Batch::default() };
    }
    let dice = dice(&name);
    let records = (0..=u64::from(dice[0] % 4)).map(|part| {
        let size = match (part, dice[1]) {
            (0, 0..6) => 61_000 + usize::from(dice[2]) * 500,
            (0 | 1, 6..40) => 1_500 + usize::from(dice[2]) * 30,
            _ => usize::from(dice[2]) * 2,
        };
        keyed(&format!("{name}.{part}"), size)
    });
    let records = records.collect();
    let blob = match dice[3] {
        0..50 => None,
        50..54 => Some(text(&format!("raw {name}"), 90_000)),
        size => Some(text(&format!("raw {name}"), usize::from(size) * 10)),
    };
    // Rare, so that many groups have none: those with are written another way.
    let puts = match n % 16 {
        0 => vec![
            put(writer.to_string(), PutValue::LastSequence),
            put(format!("{writer}/{}", n % 5), PutValue::Bytes(name.into_bytes())),
        ],
        _ => Vec::new(),
    };
    Batch { records, blob, puts, ..Batch::default() }
}

/// A record whose key is its name, and whose body starts with it.
fn keyed(name: &str, size: usize) -> NewRecord {
    let body = text(name, size);
    let body_hash = *blake3::hash(&body).as_bytes();
    let dedup = Dedup { scope: "powerloss".into(), key: name.into(), body_hash };
    NewRecord::with_dedup(body, dedup)
}

fn put(key: String, value: PutValue) -> Put {
    Put { table: TABLE, key: key.into_bytes(), value }
}

/// The name, a space, and bytes that do not compress.
fn text(name: &str, size: usize) -> Bytes {
    let mut out = format!("{name} ").into_bytes();
    let head = out.len();
    out.resize(head + size, 0);
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut out[head..]);
    out.into()
}

fn dice(name: &str) -> [u8; 32] {
    *blake3::hash(format!("dice {name}").as_bytes()).as_bytes()
}

/// Writer and number of the batch that a body belongs to.
pub fn batch_of(body: &[u8]) -> Option<(u64, u64)> {
    let name = body.split(|byte| *byte == b' ').next()?;
    let mut parts = std::str::from_utf8(name).ok()?.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
