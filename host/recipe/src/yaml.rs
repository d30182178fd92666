//! A recipe written down as YAML: block style, texts of several lines as they are, keys in the order in which
//! people read them.

use serde_json::Value;

/// Keys that come first, in this order; the others follow by name.
const ORDER: &[&str] = &[
    "recipe",
    "id",
    "version",
    "title",
    "description",
    "license",
    "report",
    "documentation",
    "suitable_for",
    "cluster_flavors",
    "platforms",
    "requires",
    "conflicts",
    "roles",
    "layouts",
    "parameters",
    "outputs",
    "endpoints",
    "idempotence",
    "firewall",
    "publish",
    "check",
    "add",
    "remove",
    "upgrade",
    "summary",
    "steps",
    "name",
    "kind",
    "feature",
    "family",
    "size",
    "role",
    "targets",
    "when",
    "needs",
    "reads",
    "when_changed",
    "at_once",
    "timeout_s",
    "tries",
    "do",
    "undo",
];

/// The text of a map; anything else is written as JSON, which is YAML, too.
pub(crate) fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(_) => block(value, 0, &mut text),
        other => text.push_str(&other.to_string()),
    }
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            let place = |key: &String| ORDER.iter().position(|known| known == key).unwrap_or(usize::MAX);
            keys.sort_by_key(|key| (place(key), (*key).clone()));
            for key in keys {
                let Some(value) = map.get(key) else { continue };
                text.push_str(&format!("{pad}{}:", scalar(key)));
                below(value, indent, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut own = String::new();
                match item {
                    Value::Object(map) if !map.is_empty() => {
                        block(item, indent + 2, &mut own);
                        // The first key stands behind the dash.
                        text.push_str(&format!("{pad}- {}", own.trim_start()));
                    }
                    other => {
                        below(other, indent, &mut own);
                        text.push_str(&format!("{pad}-{own}"));
                    }
                }
            }
        }
        other => text.push_str(&format!("{pad}{other}\n")),
    }
}

/// A value behind a key or a dash, to the end of its lines.
fn below(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            block(value, indent + 2, text);
        }
        Value::String(own) if is_literal(own) => {
            text.push_str(if own.ends_with('\n') { " |\n" } else { " |-\n" });
            for line in own.lines() {
                if line.is_empty() {
                    text.push('\n');
                } else {
                    text.push_str(&format!("{}{line}\n", " ".repeat(indent + 2)));
                }
            }
        }
        Value::String(own) => text.push_str(&format!(" {}\n", scalar(own))),
        other => text.push_str(&format!(" {other}\n")),
    }
}

/// Whether a text of several lines can stand as it is.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && text.chars().all(|c| c == '\n' || (c.is_ascii() && !c.is_ascii_control()))
}

/// A text in one line, in quotes where it could be read as something else.
fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:@+()=,'>~%;".contains(c));
    let is_other = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if is_word && !is_other { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Value {
        let node = skywright_config::parse(text, Path::new("x.yaml")).unwrap();
        plain(&node)
    }

    fn plain(node: &skywright_config::Node) -> Value {
        use skywright_config::Value as Own;
        match &node.value {
            Own::Null => Value::Null,
            Own::Boolean(value) => json!(value),
            Own::Integer(number) => json!(number),
            Own::Text(text) => json!(text),
            Own::List(items) => items.iter().map(plain).collect(),
            Own::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), plain(&entry.node))).collect())
            }
        }
    }

    #[test]
    fn it_reads_as_a_person_would_write_it() {
        let value = json!({"steps": [{"id": "a", "do": {"script": {"text": "one\ntwo\n"}}}], "id": "x/y", "count": 3, "v": "1.0"});
        let text = "id: x/y\nsteps:\n  - id: a\n    do:\n      script:\n        text: |\n          one\n          two\ncount: 3\nv: \"1.0\"\n";
        assert_eq!(write(&value), text);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "(\\PC|\n| |:|-){0,12}".prop_map(Value::from),
        ];
        let inner = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        proptest::collection::btree_map("[a-z]{1,4}", inner, 1..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in values()) {
            prop_assert_eq!(read(&write(&value)), value);
        }
    }
}
