//! Terms: all that is found by equality or beginning, as bytes in one dictionary.
//!
//! A tag is its name, a zero byte and its value; a word is a tag without a name; an owner is
//! `OWNED`, the flow, a zero byte and the owner, so that one look at the dictionary tells it.

/// Values are exact up to this many bytes; longer ones by their beginning and their hash.
const VALUE_BYTES_MAX: usize = 240;

/// Words are cut here.
const WORD_CHARS_MAX: usize = 64;

/// Begins terms that tell an owner. No tag's name begins so.
const OWNED: u8 = 1;

/// Longest name of a flow or an owner.
const OWNED_BYTES_MAX: usize = 1024;

/// The words of a text: runs of letters and digits, in lower case.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().flat_map(char::to_lowercase).take(WORD_CHARS_MAX).collect())
}

pub(crate) fn tag(name: &str, value: &str) -> Vec<u8> {
    debug_assert!(!name.is_empty() && !name.contains(char::is_control), "a tag's name is a word");
    let mut term = key(name);
    if value.len() <= VALUE_BYTES_MAX {
        term.extend_from_slice(value.as_bytes());
    } else {
        term.extend_from_slice(&value.as_bytes()[..VALUE_BYTES_MAX]);
        term.extend_from_slice(blake3::hash(value.as_bytes()).as_bytes());
    }
    term
}

/// The beginning of all terms of a tag.
pub(crate) fn key(name: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(name.len() + 32);
    term.extend_from_slice(name.as_bytes());
    term.push(0);
    term
}

pub(crate) fn tag_prefix(name: &str, prefix: &str) -> Vec<u8> {
    let mut term = key(name);
    term.extend_from_slice(&prefix.as_bytes()[..prefix.len().min(VALUE_BYTES_MAX)]);
    term
}

/// A word that went through [`words`].
pub(crate) fn word(word: &str) -> Vec<u8> {
    let mut term = Vec::with_capacity(word.len() + 1);
    term.push(0);
    term.extend_from_slice(word.as_bytes());
    term
}

/// The beginning of the one term that tells a flow's owner; nothing for a name that is none.
pub(crate) fn owned_key(flow: &str) -> Option<Vec<u8>> {
    if flow.is_empty() || flow.len() > OWNED_BYTES_MAX || flow.contains('\0') {
        return None;
    }
    let mut term = vec![OWNED];
    term.extend_from_slice(flow.as_bytes());
    term.push(0);
    Some(term)
}

pub(crate) fn owned(flow: &str, owner: &str) -> Option<Vec<u8>> {
    let mut term = owned_key(flow).filter(|_| owner.len() <= OWNED_BYTES_MAX)?;
    term.extend_from_slice(owner.as_bytes());
    Some(term)
}

/// The least bytes that are above everything with this beginning; nothing if none are.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let at = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut after = prefix[..=at].to_vec();
    after[at] += 1;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let found: Vec<_> = words("{\"Käse\":\"pay_01H-É\", 10.50 ё}").collect();
        assert_eq!(found, ["käse", "pay", "01h", "é", "10", "50", "ё"]);
        let long = "x".repeat(1000);
        assert_eq!(words(&long).next().map(|w| w.len()), Some(WORD_CHARS_MAX));
    }

    #[test]
    fn long_values_differ_by_their_ends() {
        let value = |end: &str| format!("{}{end}", "v".repeat(2 * VALUE_BYTES_MAX));
        assert_ne!(tag("n", &value("a")), tag("n", &value("b")));
        assert!(tag("n", &value("a")).starts_with(&tag_prefix("n", &value(""))));
    }

    #[test]
    fn after_prefix_is_the_least_above() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), None);
    }
}
