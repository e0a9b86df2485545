//! Walks the whole chain, and holds every checkpoint against it.
use super::checkpoint::Verifier;
use super::keep::Kept;
use super::key::LogKey;
use hub_log::{EventLog, Hash, ReadError, VerifyError};
use serde::Serialize;

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Audit {
    /// Nothing was changed, as far as this can show.
    pub ok: bool,
    /// Records walked.
    pub verified: u64,
    /// The last record.
    pub last: u64,
    /// Its hash, in hexadecimal.
    pub last_hash: String,
    /// Checkpoints whose signature holds and whose record is what they say.
    pub checkpoints: usize,
    /// The record of the newest of them: what comes after is shown by the chain alone.
    pub checkpointed: u64,
    /// The log's public key.
    pub key: Option<String>,
    /// The first bad record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<u64>,
    /// What is wrong, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Audits a log. `key` is the public key that must have signed its checkpoints, the log's own if
/// absent; `witness` is a checkpoint that was kept elsewhere.
pub fn audit(
    log: &dyn EventLog,
    key: Option<&str>,
    witness: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Audit, ReadError> {
    let own = LogKey::public_of(log)?;
    let mut found = Audit { key: own.clone(), last: log.last(), ..Audit::default() };
    match log.verify(1, progress) {
        Ok(verified) => {
            found.verified = verified.records;
            found.last = verified.last;
            found.last_hash = hex::encode(verified.last_hash);
        }
        Err(VerifyError::Broken { sequence, detail }) => {
            found.first_bad = Some(sequence);
            found.verified = sequence.saturating_sub(1);
            found.error = Some(VerifyError::Broken { sequence, detail }.to_string());
            return Ok(found);
        }
        Err(VerifyError::Read(error)) => return Err(error),
    }
    match checkpoints(log, own.as_deref(), key, witness, &mut found)? {
        None => found.ok = true,
        Some(error) => found.error = Some(error),
    }
    Ok(found)
}

/// Says what is wrong with the first bad checkpoint, if there is one.
fn checkpoints(
    log: &dyn EventLog,
    own: Option<&str>,
    key: Option<&str>,
    witness: Option<&str>,
    found: &mut Audit,
) -> Result<Option<String>, ReadError> {
    let named = key;
    let notes = Kept::notes(log)?;
    let Some(key) = key.or(own) else {
        let missing = witness.is_some() || !notes.is_empty();
        return Ok(missing.then(|| {
            "the log's public key is gone from its store, and checkpoints are not; name the key \
             with --key, and compare with a backup"
                .to_owned()
        }));
    };
    let verifier = match Verifier::new(key) {
        Ok(verifier) => verifier,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if let (Some(named), Some(own)) = (named, own)
        && named.trim() != own.trim()
    {
        return Ok(Some(format!(
            "this log is signed with another key, {own}: it is not the one that you have the key of"
        )));
    }
    let kept = notes.iter().map(|(_, note)| note.as_str());
    for note in kept.chain(witness.into_iter().flat_map(notes_in)) {
        let checkpoint = match verifier.open(note) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let at = checkpoint.sequence;
        let hash = if at == 0 { None } else { log.get(at)?.map(|record| record.hash) };
        if at > 0 && hash != Some(checkpoint.hash) {
            found.first_bad.get_or_insert(at.min(log.last() + 1));
            return Ok(Some(differs(at, hash, &checkpoint.time)));
        }
        found.checkpoints += 1;
        found.checkpointed = found.checkpointed.max(at);
    }
    if named.is_some() && found.checkpoints == 0 && log.last() > 0 {
        return Ok(Some(
            "no checkpoint is signed with this key: they were removed, or the log is a new one. \
             Name one that was kept elsewhere with --checkpoint, and compare with a backup"
                .to_owned(),
        ));
    }
    Ok(None)
}

fn differs(at: u64, hash: Option<Hash>, time: &jiff::Timestamp) -> String {
    let how = match hash {
        Some(_) => "is not the record that was signed then",
        None => "is not there any more",
    };
    format!(
        "event {at} {how} (checkpoint of {time:.0}): the log was rewritten or cut off after it was \
         signed, somewhere up to event {at}. Compare with a backup"
    )
}

/// The notes of a file to which `hub events checkpoint` was appended again and again. A note ends
/// with its signatures, lines that begin with an em dash.
fn notes_in(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_start_matches('\n');
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut end, mut signed) = (0, false);
        for line in rest.split_inclusive('\n') {
            let is_signature = line.starts_with("\u{2014} ");
            if signed && !is_signature {
                break;
            }
            signed |= is_signature;
            end += line.len();
        }
        let (note, after) = rest.split_at(end);
        rest = after.trim_start_matches('\n');
        Some(note)
    })
}

#[cfg(test)]
mod tests {
    use super::notes_in;

    #[test]
    fn a_file_of_several_notes_is_taken_apart() {
        let (one, two) = ("a\n1\n\n\u{2014} k x\n", "a\n2\n\n\u{2014} k y\n\u{2014} l z\n");
        for file in [format!("{one}{two}"), format!("{one}\n{two}\n")] {
            assert_eq!(notes_in(&file).collect::<Vec<_>>(), [one, two]);
        }
        assert_eq!(notes_in("").count(), 0);
        assert_eq!(notes_in("no note").collect::<Vec<_>>(), ["no note"]);
    }
}
