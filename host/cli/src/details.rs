//! One thing for people: its fields below each other.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::output::table;

/// Fields that come first, where they are.
const FIRST: [&str; 6] = ["name", "id", "title", "state", "status", "network"];

/// The fields of a view, those that say something. Their names are those of the JSON.
pub(crate) fn details<T: Serialize>(view: &T) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(view) else { return String::new() };
    let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
    let rest = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let rows = first.chain(rest).filter_map(|(name, value)| {
        let text = in_words(value);
        (!text.is_empty()).then(|| [name.replace('_', " "), text])
    });
    // The head of such a table says nothing.
    let table = table(["", ""], rows);
    table.lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// A value in words; nothing for what says nothing.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(in_words).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => named(fields),
    }
}

/// What has a name is known by it; other fields are all told.
fn named(fields: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| format!("{key}={}", in_words(value));
    let pairs = || fields.iter().filter(|(_, value)| !value.is_null()).map(pair);
    match fields.get("name").and_then(Value::as_str) {
        Some(name) => {
            let rest: Vec<_> = pairs().filter(|pair| !pair.starts_with("name=")).collect();
            if rest.is_empty() { name.to_owned() } else { format!("{name} ({})", rest.join(", ")) }
        }
        None => pairs().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::details;

    #[test]
    fn fields_in_words() {
        let view = json!({
            "cidr": "10.0.0.0/24", "name": "lab", "id": null, "labels": {"team": "blue", "x": "1"},
            "template": {"name": "m1", "vcpus": 2}, "tags": [], "dns": ["1.1.1.1", "9.9.9.9"], "managed": true,
        });
        let text = details(&view);
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "name lab",
                "cidr 10.0.0.0/24",
                "dns 1.1.1.1, 9.9.9.9",
                "labels team=blue, x=1",
                "managed yes",
                "template m1 (vcpus=2)",
            ]
        );
    }
}
