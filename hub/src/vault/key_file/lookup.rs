//! Finding a client by e-mail or telephone, through hashes that only the master key can make and
//! that go with the client's key.
use super::index::{Place, State};
use super::slot::{LOOKUP_BYTES, Lookup, Lookups, Slot};
use super::{Decoded, KeyFile, KeyFileError, damaged};
use std::sync::PoisonError;

/// What a client is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact<'a> {
    /// An e-mail address.
    Email(&'a str),
    /// A telephone number.
    Phone(&'a str),
}

/// The one spelling of an address or number: e-mail trimmed and in lower case, telephone as `+`
/// and digits. Nothing if there is nothing left.
pub fn normalised(contact: Contact<'_>) -> Option<String> {
    match contact {
        Contact::Email(text) => Some(text.trim().to_lowercase()).filter(|one| !one.is_empty()),
        Contact::Phone(text) => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let digits = digits.strip_prefix("00").unwrap_or(&digits);
            (!digits.is_empty()).then(|| format!("+{digits}"))
        }
    }
}

impl KeyFile {
    /// The hash under which a client with this address or number is found; zeros for none.
    fn lookup(&self, contact: Contact<'_>) -> Lookup {
        let mut lookup = Lookup::default();
        let Some(text) = normalised(contact) else { return lookup };
        let kind = if matches!(contact, Contact::Email(_)) { "email" } else { "phone" };
        let hash = self.hashing.hash(format!("{kind}\n{text}").as_bytes());
        lookup.copy_from_slice(&hash[..LOOKUP_BYTES]);
        lookup
    }

    /// The hashes under which a client is found.
    pub fn lookups(&self, email: Option<&str>, phone: Option<&str>) -> Lookups {
        Lookups {
            email: email.map_or(Lookup::default(), |text| self.lookup(Contact::Email(text))),
            phone: phone.map_or(Lookup::default(), |text| self.lookup(Contact::Phone(text))),
        }
    }

    /// The client's slot says how the client is found, or the client has no live key.
    pub fn is_findable(&self, client: &str) -> bool {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        match index.place(client) {
            Some(Place { state: State::Live, .. }) => {
                index.lookups(client).is_some_and(|lookups| lookups.all().next().is_some())
            }
            _ => true,
        }
    }

    /// Clients that may be those: whoever asks opens their data and compares.
    pub fn find(&self, contact: Contact<'_>) -> Vec<String> {
        let lookup = self.lookup(contact);
        if lookup == Lookup::default() {
            return Vec::new();
        }
        self.index.read().unwrap_or_else(PoisonError::into_inner).found(&lookup)
    }

    /// Says how clients are found, durably; those without a live key are left out. Says how many
    /// slots were changed.
    pub fn set_lookups(&self, all: &[(String, Lookups)]) -> Result<usize, KeyFileError> {
        let _writing = self.lock();
        let mut changed = Vec::new();
        for (owner, lookups) in all {
            let (place, before) = {
                let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
                (index.place(owner), index.lookups(owner))
            };
            let Some(Place { slot: at, state: State::Live }) = place else { continue };
            if before == Some(*lookups) {
                continue;
            }
            let Decoded::Slot(slot) = self.read_slot(at)? else { return Err(damaged(owner)) };
            self.write_slot(at, &Slot { lookups: *lookups, ..slot })?;
            changed.push((owner, at, *lookups));
        }
        if changed.is_empty() {
            return Ok(0);
        }
        self.sync()?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (owner, at, lookups) in &changed {
            index.set(owner, *at, State::Live, *lookups);
        }
        Ok(changed.len())
    }
}
