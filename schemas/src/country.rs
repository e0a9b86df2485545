//! Countries: ISO 3166-1 alpha-2, upper case.
use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 3166-1 alpha-2 code. Connectors convert alpha-3 and numeric codes before they emit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

/// Not two upper-case letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("country {0:?} is not an ISO 3166-1 alpha-2 code: two upper-case letters, such as DE")]
pub struct CountryError(String);

impl Country {
    /// Checks the text and takes it as a code.
    pub fn new(code: &str) -> Result<Self, CountryError> {
        match code.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([*a, *b])),
            _ => Err(CountryError(code.chars().take(12).collect())),
        }
    }
    /// The code's text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters are UTF-8: checked by `new`")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl TryFrom<String> for Country {
    type Error = CountryError;
    fn try_from(code: String) -> Result<Self, CountryError> {
        Self::new(&code)
    }
}
impl From<Country> for String {
    fn from(code: Country) -> String {
        code.as_str().to_owned()
    }
}

#[cfg(feature = "json-schema")]
impl schemars::JsonSchema for Country {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Country".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[A-Z]{2}$",
            "description": "ISO 3166-1 alpha-2 code."
        })
    }
}
