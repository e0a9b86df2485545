//! An event's data as text: borrowed from the record, or made anew when it was brought up.
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// See the module.
#[derive(Debug)]
pub enum Data<'a> {
    /// As it stands in the record.
    Borrowed(&'a RawValue),
    /// Brought up from an older version.
    Owned(Box<RawValue>),
}

impl Data<'_> {
    /// The JSON text.
    pub fn get(&self) -> &str {
        match self {
            Self::Borrowed(text) => text.get(),
            Self::Owned(text) => text.get(),
        }
    }

    /// As a tree.
    pub fn parse(&self) -> serde_json::Result<Value> {
        serde_json::from_str(self.get())
    }

    /// From a tree.
    pub fn from_value(value: &Value) -> Self {
        let text = serde_json::value::to_raw_value(value);
        Self::Owned(text.expect("a JSON value always has a text"))
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Borrowed(text) => text.serialize(serializer),
            Self::Owned(text) => text.serialize(serializer),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Data<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(Self::Borrowed)
    }
}
