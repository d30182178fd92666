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
        let (name, text) = worded(name, value);
        (!text.is_empty()).then(|| [name.replace('_', " "), text])
    });
    // The head of such a table says nothing.
    let table = table(["", ""], rows);
    table.lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// What a field that counts milliseconds since 1970 ends with.
const TIME: &str = "_unix_ms";

/// A field for people: its name, and its value in words. Times are written as such.
fn worded<'n>(name: &'n str, value: &Value) -> (&'n str, String) {
    match (name.strip_suffix(TIME), value.as_i64().map(time)) {
        (Some(name), Some(Some(time))) => (name, time),
        _ => (name, in_words(value)),
    }
}

/// As in RFC 3339, in UTC, to the second.
fn time(unix_ms: i64) -> Option<String> {
    jiff::Timestamp::from_second(unix_ms.div_euclid(1000)).ok().map(|time| time.to_string())
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
    let pair = |(key, value): (&String, &Value)| {
        let (key, value) = worded(key, value);
        format!("{key}={value}")
    };
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
            "started_unix_ms": 1_700_000_000_999_i64, "ended_unix_ms": null,
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
                "started 2023-11-14T22:13:20Z",
                "template m1 (vcpus=2)",
            ]
        );
    }
}
