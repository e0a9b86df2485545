//! What the log was when it was last opened or closed, in a small file beside the store.
//!
//! sled recovers what it can read, and takes what it cannot read at the end of its file for
//! writes that were cut off: damage there would quietly cost acknowledged records. So at every
//! opening and at every clean close the log notes where it ends, in `<dir>/head`, durably, and
//! puts a mark of the same moment into the store. If the store then lacks it, it lost its end.
//!
//! The store is always durable first, so the file never says more than is so. It says `closed`
//! only from the end of a clean close until the next opening has read it: `closed` lets an opening
//! trust the page cache, and an opening that fails must not leave that to the one after it.
//!
//! ```text
//! hub-log head 1
//! state open | closed
//! last <sequence>
//! hash <hex of its hash>
//! blob <last blob id>
//! mark <hex>
//! check <hex of the first 8 bytes of the BLAKE3 of the lines above>
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::api::Sequence;
use crate::chain::Hash;
use crate::error::OpenError;
use crate::open::Head;

const NAME: &str = "head";
const NEW: &str = "head.new";
const FIRST_LINE: &str = "hub-log head 1";

/// Ties a moment in the file to one in the store.
pub(crate) type Moment = [u8; 8];

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeadFile {
    pub(crate) closed: bool,
    pub(crate) last: Sequence,
    pub(crate) last_hash: Hash,
    pub(crate) blob_last: u64,
    pub(crate) moment: Moment,
}

impl HeadFile {
    pub(crate) fn new(closed: bool, head: &Head, moment: Moment) -> Self {
        let Head { last, last_hash, blob_last, .. } = *head;
        Self { closed, last, last_hash, blob_last, moment }
    }

    /// None if there is none: the store is new, or was copied without it.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(NAME);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(OpenError::Io { doing: "read", path, source }),
        };
        Self::parse(&text).map(Some).ok_or_else(|| OpenError::Corrupt {
            dir: PathBuf::from(dir),
            detail: "its `head` file, which says where the log ends, does not read. If that \
                     file alone is damaged, remove it: the newest records are then checked \
                     without it"
                .into(),
        })
    }

    /// Writes it durably, in place of the one before.
    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        let (new, path) = (dir.join(NEW), dir.join(NAME));
        let mut file = File::create(&new)?;
        file.write_all(self.text().as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    }

    /// The same, but on a full disk there is no file after it rather than an old one: then the
    /// next opening checks without.
    pub(crate) fn write_or_remove(&self, dir: &Path) -> io::Result<()> {
        let Err(error) = self.write(dir) else { return Ok(()) };
        tracing::warn!(%error, "where the log ends could not be noted in its `head` file");
        match fs::remove_file(dir.join(NAME)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(dir)?.sync_all(),
        }
    }

    fn text(&self) -> String {
        let state = if self.closed { "closed" } else { "open" };
        let lines = format!(
            "{FIRST_LINE}\nstate {state}\nlast {}\nhash {}\nblob {}\nmark {}\n",
            self.last,
            hex(&self.last_hash),
            self.blob_last,
            hex(&self.moment)
        );
        let check = check(&lines);
        format!("{lines}check {check}\n")
    }

    fn parse(text: &str) -> Option<Self> {
        let (lines, found) = text.strip_suffix('\n')?.rsplit_once("check ")?;
        if check(lines) != found {
            return None;
        }
        let mut lines = lines.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        Some(Self {
            closed: match field("state")? {
                "closed" => true,
                "open" => false,
                _ => return None,
            },
            last: field("last")?.parse().ok()?,
            last_hash: unhex(field("hash")?)?,
            blob_last: field("blob")?.parse().ok()?,
            moment: unhex(field("mark")?)?,
        })
    }
}

fn check(lines: &str) -> String {
    hex(&blake3::hash(lines.as_bytes()).as_bytes()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_cannot_be_written_the_old_one_goes() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut head =
            HeadFile { closed: true, last: 1, last_hash: [0xab; 32], blob_last: 0, moment: [7; 8] };
        head.write(dir.path()).expect("it is writable");
        // A directory is in the way of the new one.
        fs::create_dir(dir.path().join(NEW)).expect("a directory");
        head.closed = false;
        head.write_or_remove(dir.path()).expect("the old one can go");
        assert_eq!(HeadFile::read(dir.path()).expect("it reads"), None);
    }

    #[test]
    fn it_comes_back_and_any_change_shows() {
        let head = HeadFile {
            closed: true,
            last: 1_234,
            last_hash: [0xab; 32],
            blob_last: 56,
            moment: [7; 8],
        };
        let text = head.text();
        assert_eq!(HeadFile::parse(&text), Some(head));
        for at in 0..text.len() {
            let mut bad = text.clone().into_bytes();
            bad[at] ^= 1;
            assert_eq!(HeadFile::parse(&String::from_utf8_lossy(&bad)), None, "byte {at}");
            assert_eq!(HeadFile::parse(&text[..at]), None, "cut to {at}");
        }
    }
}
