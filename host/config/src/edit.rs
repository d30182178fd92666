//! Changes to a YAML text that leave everything else as it is written: comments, order, quotes.
//!
//! The text is changed where the parser says that things stand, and the result is read again: a change
//! that did anything else than what was asked for is refused, not written.

use std::path::Path;

use crate::Error;
use crate::node::{Entry, Mark, Node, Value};
use crate::{Place, yaml};

/// What is to be written.
#[derive(Clone, PartialEq, Eq)]
pub enum Block {
    /// Text, in quotes where it needs them.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A list, in one line.
    List(Vec<Self>),
    /// A map with a line for each key.
    Map(Vec<(String, Self)>),
    /// A map in one line.
    Inline(Vec<(String, Self)>),
}

impl From<&str> for Block {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// The text with this value at the end of these keys, whether or not there was one.
///
/// # Errors
///
/// [`Error::Wrong`] if the text is not YAML, if a key on the way is not a map, or if it is written in a
/// way that cannot be changed by itself, such as an alias.
pub fn set(text: &str, path: &Path, keys: &[&str], value: &Block) -> Result<String, Error> {
    let root = yaml::parse(text, path)?;
    let edit = plan_set(text, path, &root, keys, value)?;
    let changed = edit.apply(text);
    let new = yaml::parse(&changed, path).ok();
    let done = new.as_ref().is_some_and(|new| {
        same_but(&root, new, keys) && at(new, keys).is_some_and(|node| is_as_written(value, node))
    });
    if done { Ok(changed) } else { Err(cannot(path, &root, keys)) }
}

/// The text without this key, and without the maps above it that had nothing else. Without a change if
/// it is not there.
///
/// # Errors
///
/// As [`set`].
pub fn remove(text: &str, path: &Path, keys: &[&str]) -> Result<String, Error> {
    let root = yaml::parse(text, path)?;
    if at(&root, keys).is_none() {
        return Ok(text.to_owned());
    }
    let mut doomed = keys;
    while let Some((_, above)) = doomed.split_last() {
        match at(&root, above) {
            Some(parent) if !above.is_empty() && parent.entries().is_some_and(|all| all.len() == 1) => {
                doomed = above
            }
            _ => break,
        }
    }
    let (Some((last, above)), true) = (doomed.split_last(), true) else { return Ok(text.to_owned()) };
    let Some((parent, entry)) = at(&root, above).and_then(|parent| Some((parent, parent.entry(last)?)))
    else {
        return Ok(text.to_owned());
    };
    let changed =
        if parent.is_flow(text) { cut_flow(text, entry) } else { cut_lines(text, entry) }.apply(text);
    let done = yaml::parse(&changed, path)
        .is_ok_and(|new| same_but(&root, &new, doomed) && at(&new, doomed).is_none());
    if done { Ok(changed) } else { Err(cannot(path, &root, keys)) }
}

/// One replacement in a text.
struct Edit {
    start: usize,
    end: usize,
    with: String,
}

impl Edit {
    fn apply(&self, text: &str) -> String {
        let (before, behind) = (text.get(..self.start), text.get(self.end..));
        [before.unwrap_or(text), &self.with, behind.unwrap_or_default()].concat()
    }
}

fn plan_set(text: &str, path: &Path, root: &Node, keys: &[&str], value: &Block) -> Result<Edit, Error> {
    let mut node = root;
    let mut parent: Option<(&Node, &Entry)> = None;
    let mut rest = keys;
    while let Some((key, behind)) = rest.split_first() {
        let Some(entry) = node.entry(key) else { break };
        parent = Some((node, entry));
        (node, rest) = (&entry.node, behind);
    }
    let (key, nested) = match rest.split_first() {
        Some((key, behind)) => (*key, nest(behind, value)),
        None => {
            return parent
                .map(|(map, entry)| replace(text, map, entry, value))
                .ok_or_else(|| cannot(path, root, keys));
        }
    };
    match (&node.value, parent) {
        (Value::Null, Some((map, entry))) => {
            Ok(replace(text, map, entry, &Block::Map(vec![(key.to_owned(), nested)])))
        }
        (Value::Null, None) => Ok(append(text, &entry_text(key, &nested, 0))),
        (Value::Map(_), _) if node.is_flow(text) => Ok(insert_flow(text, node, key, &nested)),
        (Value::Map(entries), _) if !node.is_alias(text) => {
            insert_lines(text, entries, key, &nested).ok_or_else(|| cannot(path, root, keys))
        }
        _ => Err(cannot(path, root, keys)),
    }
}

fn nest(keys: &[&str], value: &Block) -> Block {
    keys.iter().rev().fold(value.clone(), |value, key| Block::Map(vec![((*key).to_owned(), value)]))
}

fn replace(text: &str, map: &Node, entry: &Entry, value: &Block) -> Edit {
    let with = if map.is_flow(text) {
        format!("{}: {}", quoted(&entry.key), in_one_line(value))
    } else {
        entry_text(&entry.key, value, entry.mark.column - 1)
    };
    Edit { start: entry.span.start, end: entry.content_end(text), with }
}

fn append(text: &str, lines: &str) -> Edit {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Edit { start: text.len(), end: text.len(), with: format!("{gap}{lines}\n") }
}

fn insert_flow(text: &str, map: &Node, key: &str, value: &Block) -> Edit {
    let start = map.span.start + 1;
    let empty = map.entries().is_none_or(<[Entry]>::is_empty);
    let own = format!(" {}: {}", quoted(key), in_one_line(value));
    if empty {
        return Edit { start, end: map.span.end.max(start), with: format!("{own} }}") };
    }
    let gap =
        if text.get(start..).is_some_and(|rest| rest.starts_with(char::is_whitespace)) { "," } else { ", " };
    Edit { start, end: start, with: format!("{own}{gap}") }
}

/// Behind the last entry's last line, as far in as the others.
fn insert_lines(text: &str, entries: &[Entry], key: &str, value: &Block) -> Option<Edit> {
    let indent = entries.first()?.mark.column - 1;
    let last = entries.iter().map(|entry| entry.content_end(text)).max()?;
    let end = line_end(text, last);
    let with = format!("\n{}{}", " ".repeat(indent), entry_text(key, value, indent));
    // The last line of a text may lack its end; the new last one has it.
    let with = if end == text.len() { with + "\n" } else { with };
    Some(Edit { start: end, end, with })
}

/// Where the line that this byte is in ends, before its line end.
fn line_end(text: &str, from: usize) -> usize {
    let length = text.get(from..).map_or(0, |rest| rest.find('\n').unwrap_or(rest.len()));
    let end = from + length;
    if length > 0 && text.get(..end).is_some_and(|line| line.ends_with('\r')) { end - 1 } else { end }
}

fn cut_lines(text: &str, entry: &Entry) -> Edit {
    let start = text.get(..entry.span.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let end = line_end(text, entry.content_end(text));
    let behind = text.get(end..).map_or(0, |rest| rest.find('\n').map_or(rest.len(), |next| next + 1));
    Edit { start, end: end + behind, with: String::new() }
}

fn cut_flow(text: &str, entry: &Entry) -> Edit {
    let (start, end) = (entry.span.start, entry.content_end(text));
    let behind = text.get(end..).unwrap_or_default();
    let spaces = behind.len() - behind.trim_start().len();
    if let Some(after) = behind.trim_start().strip_prefix(',') {
        let end = end + spaces + 1 + (after.len() - after.trim_start_matches(' ').len());
        return Edit { start, end, with: String::new() };
    }
    let before = text.get(..start).unwrap_or_default();
    let start = before.trim_end().strip_suffix(',').map_or(start, str::len);
    Edit { start, end, with: String::new() }
}

/// `KEY: VALUE`, without indentation before the first line nor a line end behind the last.
fn entry_text(key: &str, value: &Block, indent: usize) -> String {
    match value {
        Block::Map(entries) if !entries.is_empty() => {
            let indent = indent + 2;
            let margin = " ".repeat(indent);
            let lines =
                entries.iter().map(|(key, value)| format!("\n{margin}{}", entry_text(key, value, indent)));
            format!("{}:{}", quoted(key), lines.collect::<String>())
        }
        _ => format!("{}: {}", quoted(key), in_one_line(value)),
    }
}

fn in_one_line(value: &Block) -> String {
    match value {
        Block::Text(text) => quoted(text),
        Block::Boolean(value) => value.to_string(),
        Block::Integer(value) => value.to_string(),
        Block::List(items) => {
            format!("[{}]", items.iter().map(in_one_line).collect::<Vec<_>>().join(", "))
        }
        Block::Map(entries) | Block::Inline(entries) if entries.is_empty() => "{}".to_owned(),
        Block::Map(entries) | Block::Inline(entries) => {
            let each = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), in_one_line(value)));
            format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text as YAML takes it for text, in quotes if it needs them. JSON's strings are YAML's, too.
fn quoted(text: &str) -> String {
    let plain_char = |c: char| c.is_ascii_alphanumeric() || "-_./@+=".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(plain_char)
        && matches!(yaml::plain(text), Value::Text(_));
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn at<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

/// Whether two documents differ in nothing but what these keys lead to.
fn same_but(old: &Node, new: &Node, keys: &[&str]) -> bool {
    let Some((key, rest)) = keys.split_first() else { return true };
    let (Some(old), Some(new)) = (old.entries(), new.entries()) else { return false };
    let others = |entries: &[Entry]| entries.iter().filter(|entry| entry.key != *key).count();
    let find = |entries: &[Entry], key: &str| entries.iter().find(|entry| entry.key == key).cloned();
    let same_others = others(old) == others(new)
        && old
            .iter()
            .filter(|entry| entry.key != *key)
            .all(|entry| find(new, &entry.key).is_some_and(|other| is_same(&entry.node, &other.node)));
    let nothing = || Node { mark: Mark { line: 1, column: 1 }, span: 0..0, value: Value::Null };
    let below = |entries: &[Entry]| find(entries, key).map_or_else(nothing, |entry| entry.node);
    same_others && same_but(&below(old), &below(new), rest)
}

fn is_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Null, Value::Null) => true,
        (Value::Boolean(one), Value::Boolean(other)) => one == other,
        (Value::Integer(one), Value::Integer(other)) => one == other,
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Map(one), Value::Map(entries)) => {
            one.len() == entries.len()
                && one
                    .iter()
                    .all(|entry| other.get(&entry.key).is_some_and(|node| is_same(&entry.node, node)))
        }
        _ => false,
    }
}

fn is_as_written(block: &Block, node: &Node) -> bool {
    match (block, &node.value) {
        (Block::Text(one), Value::Text(other)) => one == other,
        (Block::Boolean(one), Value::Boolean(other)) => one == other,
        (Block::Integer(one), Value::Integer(other)) => one == other,
        (Block::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_as_written(one, other))
        }
        (Block::Map(one) | Block::Inline(one), Value::Map(entries)) => {
            one.len() == entries.len()
                && one.iter().all(|(key, value)| node.get(key).is_some_and(|node| is_as_written(value, node)))
        }
        _ => false,
    }
}

fn cannot(path: &Path, root: &Node, keys: &[&str]) -> Error {
    let mut node = root;
    for key in keys {
        match node.get(key) {
            Some(below) => node = below,
            None => break,
        }
    }
    Place::at(path, node.mark, keys.join("."))
        .wrong("it is written in a way that cannot be changed by itself; change it by hand")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> &'static Path {
        Path::new("t.yaml")
    }

    fn set_in(text: &str, keys: &[&str], value: &Block) -> String {
        set(text, file(), keys, value).map_err(|error| error.to_string()).unwrap()
    }

    fn sealed() -> Block {
        Block::Inline(vec![("sealed".to_owned(), "abc=".into())])
    }

    const COMMENTED: &str = "\
# mine
tenants:
    lab:   # the lab
        provider: x   # openstack
        secrets:
            token: { env: T }   # from the shell

    # the other
    work: { provider: y, secrets: { a: { env: A } } }
# the end
";

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        let changed = set_in(COMMENTED, &["tenants", "lab", "secrets", "token"], &sealed());
        assert_eq!(changed, COMMENTED.replace("{ env: T }", "{ sealed: abc= }"));
        let changed = set_in(COMMENTED, &["tenants", "work", "secrets", "a"], &sealed());
        assert_eq!(changed, COMMENTED.replace("a: { env: A }", "a: { sealed: abc= }"));
        let changed = set_in("a: |\n  one\n  two\n\nb: 1\n", &["a"], &"x".into());
        assert_eq!(changed, "a: x\n\nb: 1\n");
    }

    #[test]
    fn a_value_is_added_beside_its_kin() {
        let changed = set_in(COMMENTED, &["tenants", "lab", "secrets", "password"], &sealed());
        let token = "            token: { env: T }   # from the shell\n";
        assert_eq!(
            changed,
            COMMENTED.replace(token, &format!("{token}            password: {{ sealed: abc= }}\n"))
        );
        let changed = set_in(COMMENTED, &["tenants", "work", "secrets", "b"], &sealed());
        assert_eq!(changed, COMMENTED.replace("{ a: {", "{ b: { sealed: abc= }, a: {"));
        let changed = set_in(COMMENTED, &["tenants", "new", "provider"], &"z".into());
        let work = "    work: { provider: y, secrets: { a: { env: A } } }\n";
        assert_eq!(changed, COMMENTED.replace(work, &format!("{work}    new:\n      provider: z\n")));
    }

    #[test]
    fn whatever_was_there() {
        for (text, changed) in [
            ("", "a:\n  b:\n    c: 1\n"),
            ("# none yet", "# none yet\na:\n  b:\n    c: 1\n"),
            ("a:", "a:\n  b:\n    c: 1"),
            ("a: ~ # nothing\n", "a:\n  b:\n    c: 1 # nothing\n"),
            ("a: {}\n", "a: { b: { c: 1 } }\n"),
            ("a: { x: 1 }\n", "a: { b: { c: 1 }, x: 1 }\n"),
            ("a:\n  x: 1", "a:\n  x: 1\n  b:\n    c: 1\n"),
            ("a:\n  x:\n  - 1\n", "a:\n  x:\n  - 1\n  b:\n    c: 1\n"),
            ("a:\r\n  x: 1\r\n", "a:\r\n  x: 1\n  b:\n    c: 1\r\n"),
            ("---\na:\n  b:\n    c: 5\n...\n", "---\na:\n  b:\n    c: 1\n...\n"),
        ] {
            assert_eq!(set_in(text, &["a", "b", "c"], &Block::Integer(1)), changed, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_changed_by_itself_stays() {
        for text in ["a: [1]\n", "a: 5\n", "x: &x { y: 1 }\na: *x\n", "x: &x\n  y: 1\na:\n  <<: *x\n"] {
            let error = set(text, file(), &["a", "y", "z"], &Block::Integer(1)).err().unwrap().to_string();
            assert!(error.starts_with("t.yaml:") && error.contains("by hand"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_key_goes_with_what_it_leaves_empty() {
        for (keys, changed) in [
            (
                &["tenants", "lab", "secrets", "token"][..],
                COMMENTED.replace("        secrets:\n            token: { env: T }   # from the shell\n", ""),
            ),
            (&["tenants", "work", "secrets", "a"], COMMENTED.replace(", secrets: { a: { env: A } }", "")),
            (&["tenants", "work", "provider"], COMMENTED.replace("provider: y, ", "")),
            (&["tenants", "nosuch"], COMMENTED.to_owned()),
        ] {
            assert_eq!(
                remove(COMMENTED, file(), keys).map_err(|e| e.to_string()).unwrap(),
                changed,
                "{keys:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(key in "\\PC{1,12}", value in any::<String>()) {
            prop_assume!(key != "<<");
            let text = set(COMMENTED, file(), &["tenants", "lab", "settings", &key], &Block::Text(value.clone()));
            let text = text.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let root = yaml::parse(&text, file()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let node = at(&root, &["tenants", "lab", "settings", &key]);
            prop_assert_eq!(node.and_then(Node::text), Some(value.as_str()));
            prop_assert!(COMMENTED.lines().all(|line| text.contains(line)));
        }
    }
}
