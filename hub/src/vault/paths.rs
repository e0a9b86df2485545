//! Where a schema says that personal data stands.
use serde_json::Value;

/// A step on the way to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A property.
    Field(String),
    /// Every value of a map, every item of a list.
    Each,
}

/// The way to a field, or to several of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalPath(Vec<Step>);

impl PersonalPath {
    /// The way to a field at the top.
    pub fn field(name: &str) -> Self {
        Self(vec![Step::Field(name.to_owned())])
    }
    /// Calls `each` on every text at the end of the way.
    pub fn texts(&self, value: &mut Value, each: &mut dyn FnMut(&mut String)) {
        walk(value, &self.0, each);
    }
}

fn walk(value: &mut Value, steps: &[Step], each: &mut dyn FnMut(&mut String)) {
    match (steps.split_first(), value) {
        (None, Value::String(text)) => each(text),
        (Some((Step::Field(name), rest)), Value::Object(fields)) => {
            if let Some(value) = fields.get_mut(name) {
                walk(value, rest, each);
            }
        }
        (Some((Step::Each, rest)), Value::Object(fields)) => {
            fields.values_mut().for_each(|value| walk(value, rest, each));
        }
        (Some((Step::Each, rest)), Value::Array(items)) => {
            items.iter_mut().for_each(|value| walk(value, rest, each));
        }
        _ => {}
    }
}

/// Ways to the fields that a schema marks as personal, in variants, lists and maps too.
pub fn personal_paths(schema: &Value) -> Vec<PersonalPath> {
    let mut found = Vec::new();
    collect(schema, &mut Vec::new(), &mut found);
    found
}

fn collect(schema: &Value, path: &mut Vec<Step>, found: &mut Vec<PersonalPath>) {
    if schema.get(hub_schemas::generate::PERSONAL) == Some(&Value::Bool(true)) {
        // What is marked is a text, or a map or list of texts.
        let each = ["additionalProperties", "items"]
            .iter()
            .any(|k| schema.get(k).is_some_and(Value::is_object));
        let mut path = path.clone();
        path.extend(each.then_some(Step::Each));
        let path = PersonalPath(path);
        if !found.contains(&path) {
            found.push(path);
        }
    }
    for (name, property) in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        path.push(Step::Field(name.clone()));
        collect(property, path, found);
        path.pop();
    }
    for each in ["additionalProperties", "items"] {
        if let Some(inner) = schema.get(each).filter(|inner| inner.is_object()) {
            path.push(Step::Each);
            collect(inner, path, found);
            path.pop();
        }
    }
    for variants in ["anyOf", "oneOf", "allOf"] {
        for variant in schema.get(variants).and_then(Value::as_array).into_iter().flatten() {
            collect(variant, path, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn marked_fields_are_found_in_variants_lists_and_maps() {
        let marked = json!({ "type": "string", "x-personal": true });
        let schema = json!({ "properties": {
            "plain": { "type": "string" },
            "name": marked,
            "maybe": { "anyOf": [{ "properties": { "message": marked } }, { "type": "null" }] },
            "many": { "items": { "properties": { "word": marked } } },
            "tokens": { "type": "object", "x-personal": true, "additionalProperties": { "type": "string" } },
        } });
        let mut data = json!({
            "plain": "stays", "name": "a", "maybe": { "message": "b" },
            "many": [{ "word": "c" }, { "word": "d" }], "tokens": { "x": "e", "y": "f" },
        });
        let mut seen = Vec::new();
        for path in personal_paths(&schema) {
            path.texts(&mut data, &mut |text| seen.push(std::mem::take(text)));
        }
        seen.sort();
        assert_eq!(seen, ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(data["plain"], "stays");
    }
}
