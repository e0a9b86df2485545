//! Stripe's requests: form-encoded, with brackets for maps and lists, and no tolerance for what it does not know.

use std::collections::BTreeMap;

use super::errors::ApiError;

/// Limits of metadata (docs.stripe.com/api/metadata).
const METADATA_KEYS_MAX: usize = 50;
const METADATA_KEY_CHARS_MAX: usize = 40;
const METADATA_VALUE_CHARS_MAX: usize = 500;

/// The parameters of one request; each is taken out once, and [`Params::finish`] refuses the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params(BTreeMap<String, Vec<String>>);

impl Params {
    /// Reads `application/x-www-form-urlencoded` text (a body or a query).
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
            .map_err(|_| ApiError::invalid("Invalid form-encoded parameters."))?;
        let mut map = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in pairs {
            if !well_formed(&name) {
                return Err(
                    ApiError::invalid(&format!("Invalid parameter name: {name}")).param(&name)
                );
            }
            map.entry(name).or_default().push(value);
        }
        Ok(Self(map))
    }

    /// The same text for the same parameters in any order.
    pub fn fingerprint(&self) -> String {
        format!("{:?}", self.0)
    }

    /// A text, if given. An empty one means "unset", which no parameter here allows.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.0.remove(name).and_then(|mut values| values.pop()) {
            Some(value) if value.is_empty() => Err(ApiError::invalid(&format!(
                "You passed an empty string for '{name}'. We assume empty values are an attempt to unset a \
                 parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or \
                 supply a non-empty value."
            ))
            .code("parameter_invalid_empty")
            .param(name)),
            value => Ok(value),
        }
    }

    /// A text that must be there.
    pub fn required(&mut self, name: &str) -> Result<String, ApiError> {
        self.text(name)?.ok_or_else(|| {
            ApiError::invalid(&format!("Missing required param: {name}."))
                .code("parameter_missing")
                .param(name)
        })
    }

    /// An integer, if given.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            ApiError::invalid(&format!("Invalid integer: {text}"))
                .code("parameter_invalid_integer")
                .param(name)
        })
    }

    /// `true` or `false`, if given.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid(&format!("Invalid boolean: {other}")).param(name)),
        }
    }

    /// One of `choices`, if given.
    pub fn choice(&mut self, name: &str, choices: &[&str]) -> Result<Option<String>, ApiError> {
        match self.text(name)? {
            Some(value) if !choices.contains(&value.as_str()) => {
                let choices = choices.join(", ");
                Err(ApiError::invalid(&format!("Invalid {name}: must be one of {choices}"))
                    .param(name))
            }
            value => Ok(value),
        }
    }

    /// `name[]=a&name[]=b` or `name[0]=a&name[1]=b`.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        self.take_inside(name).into_values().flatten().collect()
    }

    /// `metadata[key]=value`, within Stripe's limits.
    pub fn metadata(&mut self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut metadata = BTreeMap::new();
        for (key, mut values) in self.take_inside("metadata") {
            let value = values.pop().unwrap_or_default();
            let wrong = if key.contains(['[', ']']) || key.is_empty() {
                "Invalid metadata: keys and values must be strings.".to_owned()
            } else if key.chars().count() > METADATA_KEY_CHARS_MAX {
                format!("Metadata keys can have up to {METADATA_KEY_CHARS_MAX} characters: {key}")
            } else if value.chars().count() > METADATA_VALUE_CHARS_MAX {
                format!(
                    "Metadata values can have up to {METADATA_VALUE_CHARS_MAX} characters: {key}"
                )
            } else {
                metadata.insert(key, value);
                continue;
            };
            return Err(ApiError::invalid(&wrong).param("metadata"));
        }
        if metadata.len() > METADATA_KEYS_MAX {
            let wrong = format!("Metadata can have up to {METADATA_KEYS_MAX} keys.");
            return Err(ApiError::invalid(&wrong).param("metadata"));
        }
        Ok(metadata)
    }

    /// Accepts and forgets `name` and all inside it: known to Stripe, of no effect here.
    pub fn accept(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
            self.take_inside(name);
        }
    }

    /// Refuses what no one has taken.
    pub fn finish(&self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            Some(name) => Err(ApiError::invalid(&format!("Received unknown parameter: {name}"))
                .code("parameter_unknown")
                .param(name)),
            None => Ok(()),
        }
    }

    /// Takes `name[inner]` for each inner; the result's keys are the inner parts.
    fn take_inside(&mut self, name: &str) -> BTreeMap<String, Vec<String>> {
        let prefix = format!("{name}[");
        let names: Vec<String> =
            self.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        names
            .into_iter()
            .filter_map(|full| {
                let values = self.0.remove(&full)?;
                Some((full[prefix.len()..full.len() - 1].to_owned(), values))
            })
            .collect()
    }
}

/// `a`, `a[]`, `a[b]`, `a[b][c]`: brackets that close, and nothing after them.
fn well_formed(name: &str) -> bool {
    let Some((head, mut rest)) = name.find('[').map(|at| name.split_at(at)) else {
        return !name.is_empty() && !name.contains(']');
    };
    if head.is_empty() || head.contains(']') {
        return false;
    }
    while let Some(inner) = rest.strip_prefix('[') {
        let Some((inside, after)) = inner.split_once(']') else { return false };
        if inside.contains('[') {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_brackets_and_refuses_broken_ones() {
        let mut params =
            Params::parse("amount=100&metadata[payment_id]=pay_1&t[]=a&t[]=b&u[0]=c").unwrap();
        assert_eq!(params.integer("amount").unwrap(), Some(100));
        assert_eq!(params.metadata().unwrap()["payment_id"], "pay_1");
        assert_eq!(params.list("t"), ["a", "b"]);
        assert_eq!(params.list("u"), ["c"]);
        params.finish().unwrap();
        for broken in ["metadata[a=1", "metadata]a[=1", "[a]=1", "a[b]c=1", "a[b[c]]=1", "=1"] {
            assert!(Params::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_left_is_unknown() {
        let params = Params::parse("amonut=100").unwrap();
        assert_eq!(params.finish().unwrap_err().code_text(), Some("parameter_unknown"));
    }

    #[test]
    fn an_integer_is_an_integer() {
        for bad in ["10.50", "1e3", "ten", "100 "] {
            let mut params = Params::parse(&format!("amount={bad}")).unwrap();
            assert!(params.integer("amount").is_err(), "{bad}");
        }
    }
}
