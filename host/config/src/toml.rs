//! TOML in, nodes out: for files of others, which are only read.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Error;
use crate::Place;
use crate::node::{Entry, Mark, Node, Value};

/// Reads a document; `path` is for messages.
///
/// # Errors
///
/// [`Error::Wrong`] with the place in the text.
pub fn parse(text: &str, path: &Path) -> Result<Node, Error> {
    let table = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        // The library's message is the rule alone; only its Display shows the text.
        Place::at(path, mark(text, start), "").wrong(error.message())
    })?;
    let span = table.span();
    Ok(Node { mark: mark(text, span.start), value: map(text, table.get_ref()), span })
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let span = value.span();
    let own = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Boolean(*value),
        DeValue::Integer(number) => match number.as_str().parse::<i64>() {
            Ok(value) if number.radix() == 10 => Value::Integer(value),
            _ => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Float(number) => Value::Text(number.as_str().to_owned()),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(text, item)).collect()),
        DeValue::Table(table) => map(text, table),
    };
    Node { mark: mark(text, span.start), span, value: own }
}

fn map(text: &str, table: &DeTable<'_>) -> Value {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            mark: mark(text, key.span().start),
            span: key.span(),
            node: node(text, value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.span.start);
    Value::Map(entries)
}

fn mark(text: &str, offset: usize) -> Mark {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    Mark { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_and_places() {
        let text =
            "[[tenants]]\nname = \"a\"\n[tenants.identity]\nUsername = \"ü\"\nn = 3\nsafe = true\nf = 1.5\n";
        let root = parse(text, Path::new("t.toml")).unwrap();
        let tenant = &root.get("tenants").unwrap().items().unwrap()[0];
        assert_eq!(tenant.get("name").unwrap().text(), Some("a"));
        let identity = tenant.get("identity").unwrap();
        let user = identity.entry("Username").unwrap();
        assert_eq!((user.mark.line, user.node.mark.column, user.node.text()), (4, 12, Some("ü")));
        let scalars: Vec<_> =
            ["n", "safe", "f"].iter().map(|key| identity.get(key).unwrap().scalar().unwrap()).collect();
        assert_eq!(scalars, ["3", "true", "1.5"]);
    }

    #[test]
    fn an_error_has_a_place_and_no_content() {
        let error = parse("a = 1\npassword = \"hunter2\n", Path::new("t.toml")).err().unwrap().to_string();
        assert!(error.starts_with("t.toml:2:") && !error.contains("hunter2"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[a-c=\\[\\]{}\"'.,# \n1-3]{0,60}") {
            let _ = parse(&text, Path::new("t.toml"));
        }
    }
}
