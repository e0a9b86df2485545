//! Identifiers as types, so that a payment's id is never taken for a client's.
//!
//! Every id is 1 to 128 bytes of `A-Z a-z 0-9 . _ : @ -`: it is used in subjects, URLs, vendor
//! references and file names, so nothing else is let in.
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest id, in bytes. MT5 keeps 31 characters of a comment; ids that go there are hashed
/// shorter by the connector.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not valid: 1 to 128 of A-Z a-z 0-9 . _ : @ - are allowed")]
pub struct IdError {
    kind: &'static str,
    text: String,
}

fn checked(kind: &'static str, text: String) -> Result<String, IdError> {
    let fits = !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:@-".contains(&b));
    if fits { Ok(text) } else { Err(IdError { kind, text: text.chars().take(140).collect() }) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(
            #[cfg_attr(feature = "json-schema", schemars(regex(pattern = r"^[A-Za-z0-9._:@-]{1,128}$")))]
            String,
        );
        impl $name {
            /// Checks the text and takes it as an id.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                checked($kind, text.into()).map(Self)
            }
            /// The id's text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { Self::new(text) }
        }
        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> { Self::new(text) }
        }
        impl From<$name> for String { fn from(id: $name) -> String { id.0 } }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )*};
}

ids! {
    /// A client of the broker: the broker's own id, or `cl_…` given by the hub.
    ClientId = "client id";
    /// A deposit, `pay_…`, or a withdrawal, `wd_…`: one id over every attempt at any PSP.
    PaymentId = "payment id";
    /// A trading account: `{connection}:{login}`, since a login is unique only on its platform.
    AccountId = "account id";
    /// One request for a trading account, `prov_…`, whatever number of attempts it takes.
    ProvisioningId = "provisioning id";
    /// One outbound action, `act_…`; the vendor's idempotency key is derived from it.
    ActionId = "action id";
    /// A configured connection to a vendor, such as `stripe-eu`.
    ConnectionId = "connection id";
    /// A legal entity of the broker, such as `acme-eu`.
    EntityId = "entity id";
}

impl AccountId {
    /// The id of the account that `login` is on the platform behind `connection`.
    pub fn of(connection: &ConnectionId, login: &str) -> Result<Self, IdError> {
        Self::new(format!("{connection}:{login}"))
    }
    /// The login on the platform: what follows the connection's id.
    pub fn login(&self) -> &str {
        self.0.rsplit_once(':').map_or(self.as_str(), |(_, login)| login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_lets_in_nothing_that_could_end_a_url_or_a_line() {
        for bad in ["", "a b", "a/b", "a\n", "a?b", "é", &"x".repeat(129)] {
            assert!(ClientId::new(bad).is_err(), "{bad:?} was let in");
        }
        assert_eq!(
            AccountId::of(&ConnectionId::new("mt5-live").unwrap(), "50001").unwrap().login(),
            "50001"
        );
    }
}
