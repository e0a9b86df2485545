//! A signed statement: "record N of this log has this hash, at this time".
//!
//! The text is a signed note (c2sp.org/signed-note, as in Go's checksum database), in the manner
//! of c2sp.org/tlog-checkpoint: origin, number of records, hash, then a line of our own.
//!
//! ```text
//! hub-log/0123456789abcdef                      the log, which is also the key's name
//! 4711                                          sequence of the record
//! q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=  its hash in the chain (BLAKE3, base64)
//! 2026-11-21T09:00:00Z                          when this was signed
//!
//! — hub-log/0123456789abcdef Az3grl…            Ed25519 over the lines above
//! ```
//!
//! The hash is the head of a hash chain (`hub_log::chain`), not the root of a Merkle tree.
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hub_log::Hash;
use signed_note::{Note, StandardVerifier, Verifier as _, VerifierList};

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not of the form.
    #[error("this is no checkpoint: {0}")]
    Malformed(String),
    /// Signed by somebody else, or changed.
    #[error("the checkpoint's signature does not hold under key {key}: {why}")]
    Signature {
        /// The key it was checked under.
        key: String,
        /// What the check said.
        why: String,
    },
    /// The key is none.
    #[error(
        "{0:?} is no public key of a log: expected name+hash+base64, as `hub events checkpoint` prints it"
    )]
    Key(String),
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub log: String,
    /// Which record.
    pub sequence: u64,
    /// Its link in the chain; zeros for sequence 0, an empty log.
    pub hash: Hash,
    /// When it was signed.
    pub time: jiff::Timestamp,
}

impl Checkpoint {
    /// What is signed.
    pub(super) fn text(&self) -> String {
        let Self { log, sequence, hash, time } = self;
        format!("{log}\n{sequence}\n{}\n{time:.0}\n", BASE64.encode(hash))
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = |why: &str| CheckpointError::Malformed(why.to_owned());
        let mut lines = text.lines();
        let mut line = |what: &str| lines.next().ok_or_else(|| malformed(what));
        let log = line("it has no origin")?.to_owned();
        let sequence = line("it has no sequence")?;
        let sequence = sequence.parse().map_err(|_| malformed("its sequence is no number"))?;
        let hash = BASE64.decode(line("it has no hash")?).ok().and_then(|h| h.try_into().ok());
        let hash = hash.ok_or_else(|| malformed("its hash is not 32 bytes in base64"))?;
        let time = line("it has no time")?;
        let time = time.parse().map_err(|_| malformed("its time is not RFC 3339"))?;
        Ok(Self { log, sequence, hash, time })
    }
}

/// Checks checkpoints of one log.
pub struct Verifier {
    name: String,
    key: String,
    known: VerifierList,
}

impl Verifier {
    /// By the log's public key.
    pub fn new(key: &str) -> Result<Self, CheckpointError> {
        let key = key.trim();
        let verifier =
            StandardVerifier::new(key).map_err(|_| CheckpointError::Key(key.to_owned()))?;
        let name = verifier.name().to_owned();
        let known = VerifierList::new(vec![Box::new(verifier)]);
        Ok(Self { name, key: key.to_owned(), known })
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What a note says, if this key signed it.
    pub fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let malformed = |e: signed_note::NoteError| CheckpointError::Malformed(e.to_string());
        let note = Note::from_bytes(note.as_bytes()).map_err(malformed)?;
        note.verify(&self.known).map_err(|e| CheckpointError::Signature {
            key: self.key.clone(),
            why: e.to_string(),
        })?;
        let text = std::str::from_utf8(note.text())
            .map_err(|e| CheckpointError::Malformed(e.to_string()))?;
        let checkpoint = Checkpoint::parse(text)?;
        if checkpoint.log != self.name {
            let why = format!("it speaks of {} and is signed by {}", checkpoint.log, self.name);
            return Err(CheckpointError::Malformed(why));
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Go library's documentation (golang.org/x/mod/sumdb/note), signed by its
    /// authors: the signature scheme is theirs, not ours.
    #[test]
    fn a_note_of_another_implementation_verifies() {
        let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let text = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
        let signature = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let note = format!("{text}\n{signature}");
        let verifier = Verifier::new(key).unwrap();
        // The signature holds, and the text is no checkpoint.
        assert!(matches!(verifier.open(&note), Err(CheckpointError::Malformed(_))));
        let changed = note.replace("your problem is", "your problem was");
        assert!(matches!(verifier.open(&changed), Err(CheckpointError::Signature { .. })));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let time = "2026-11-21T09:00:00Z".parse().unwrap();
        let one = Checkpoint { log: "hub-log/1".into(), sequence: 9, hash: [3; 32], time };
        assert_eq!(Checkpoint::parse(&one.text()), Ok(one.clone()));
        for cut in ["", "hub-log/1\n", "hub-log/1\nx\n", "hub-log/1\n9\nAAAA\n"] {
            assert!(Checkpoint::parse(cut).is_err(), "{cut:?}");
        }
    }
}
