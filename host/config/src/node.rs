//! Values with the places where they stand.

use std::ops::Range;

/// A line and a column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// A value and where it stands. It has no `Debug`: it may hold secrets.
#[derive(Clone)]
pub struct Node {
    /// Where it begins.
    pub mark: Mark,
    /// The bytes of the text that it takes.
    pub span: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// What a configuration file can hold. There are no fractions: `1.10` is text, and stays as written.
#[derive(Clone)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number. One that is written otherwise than it would be printed is text.
    Integer(i64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; no key is there twice.
    Map(Vec<Entry>),
}

/// A key of a map, and its value.
#[derive(Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub mark: Mark,
    /// The bytes of the text that the key takes.
    pub span: Range<usize>,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The entries of a map; nothing at all counts as an empty one.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null => Some(&[]),
            _ => None,
        }
    }

    /// The entry of this key, if it is a map that has one.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The value of this key, if it is a map that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        Some(&self.entry(key)?.node)
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Text, and nothing that only looks like it.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Text, number or boolean, as it is written.
    #[must_use]
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(value) => Some(value.to_string()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Where the last thing in it ends, in bytes.
    pub(crate) fn content_end(&self, text: &str) -> usize {
        let below = match &self.value {
            Value::List(items) => items.iter().map(|item| item.content_end(text)).max(),
            Value::Map(entries) => entries.iter().map(|entry| entry.content_end(text)).max(),
            // A block scalar takes the line ends behind it.
            _ => Some(self.span.start + text.get(self.span.clone()).map_or(0, |own| own.trim_end().len())),
        };
        if self.is_flow(text) || self.is_alias(text) {
            self.span.end
        } else {
            below.unwrap_or(self.span.start)
        }
    }

    /// Whether it is written elsewhere, and only named here.
    pub(crate) fn is_alias(&self, text: &str) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
            && text.get(self.span.start..).is_some_and(|rest| rest.starts_with('*'))
    }

    /// Whether it is written in brackets.
    pub(crate) fn is_flow(&self, text: &str) -> bool {
        matches!(self.value, Value::List(_) | Value::Map(_))
            && text.get(self.span.start..).is_some_and(|rest| rest.starts_with(['{', '[']))
    }
}

impl Entry {
    pub(crate) fn content_end(&self, text: &str) -> usize {
        // At least the colon is its own.
        let colon = text.get(self.span.end..).and_then(|rest| rest.find(':')).unwrap_or(0);
        let own = self.span.end + colon + 1;
        if matches!(self.node.value, Value::Null) && self.node.span.is_empty() {
            return own;
        }
        own.max(self.node.content_end(text))
    }
}
