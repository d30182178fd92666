//! YAML 1.2 in, nodes out.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::Error;
use crate::node::{Entry, Mark, Node, Value};
use crate::{MAX_BYTES, Place};

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 64;
/// The most values in a file, those that aliases repeat among them.
const MAX_NODES: usize = 200_000;
/// What YAML calls a merge: the entries of another map, where there are none of the same name.
const MERGE: &str = "<<";

/// Reads one document; `path` is for messages. No text at all is nothing.
///
/// # Errors
///
/// [`Error::Wrong`] with the place in the text.
pub fn parse(text: &str, path: &Path) -> Result<Node, Error> {
    if text.len() as u64 > MAX_BYTES {
        return Err(Place::file(path).wrong(format!("it is larger than {MAX_BYTES} bytes")));
    }
    let mut builder = Builder {
        text,
        path,
        offsets: offsets(text),
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        nodes: 0,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| builder.syntax(&error))?;
        builder.take(event, span)?;
    }
    Ok(builder.root.unwrap_or(Node { mark: Mark { line: 1, column: 1 }, span: 0..0, value: Value::Null }))
}

/// The byte at which each character begins, and the end. Empty for ASCII, where they are the same.
fn offsets(text: &str) -> Vec<usize> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect()
}

/// A list or a map that has begun.
struct Open {
    mark: Mark,
    start: usize,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<(String, Mark, Range<usize>)>, merged: Vec<Entry> },
}

struct Builder<'a> {
    text: &'a str,
    path: &'a Path,
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        let (mark, range) = (mark(span.start), self.range(span));
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(self.wrong(mark, "a second document begins here; expected one"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), mark)?;
                self.finish(Node { mark, span: range, value }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.wrong(mark, "an alias of something that has not ended yet"));
                };
                self.nodes += count(&node);
                self.finish(Node { mark, span: range, ..node }, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Items::List(Vec::new()), anchor, tag.as_deref(), mark, range.start)
            }
            Event::MappingStart(anchor, tag) => {
                let items = Items::Map { entries: Vec::new(), key: None, merged: Vec::new() };
                self.begin(items, anchor, tag.as_deref(), mark, range.start)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&range),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(
        &mut self,
        items: Items,
        anchor: usize,
        tag: Option<&Tag>,
        mark: Mark,
        start: usize,
    ) -> Result<(), Error> {
        if tag.is_some() {
            return Err(self.wrong(mark, "tags are not understood here"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.wrong(mark, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if self.awaits_key() {
            return Err(self.wrong(mark, "expected text as a key"));
        }
        self.open.push(Open { mark, start, anchor, items });
        Ok(())
    }

    fn end(&mut self, range: &Range<usize>) -> Result<(), Error> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // A bracket ends what it began; the event's own end may lie behind the spaces that follow it.
        let bracket = self.text.get(range.start..).is_some_and(|rest| rest.starts_with(['}', ']']));
        let end = if bracket { range.start + 1 } else { range.end };
        let value = match open.items {
            Items::List(items) => Value::List(items),
            Items::Map { mut entries, merged, .. } => {
                for entry in merged {
                    if entries.iter().all(|own| own.key != entry.key) {
                        entries.push(entry);
                    }
                }
                Value::Map(entries)
            }
        };
        self.finish(Node { mark: open.mark, span: open.start..end, value }, open.anchor)
    }

    /// A value has ended: it goes where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(
                self.wrong(node.mark, format!("more than {MAX_NODES} values, with what aliases repeat"))
            );
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.awaits_key() {
            return self.take_key(node);
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map { entries, key, merged }) => {
                let Some((key, mark, span)) = key.take() else { return Ok(()) };
                if key == MERGE {
                    let Some(more) = merge(&node) else {
                        return Err(self.wrong(node.mark, "expected a map, or a list of maps, to merge"));
                    };
                    merged.extend(more);
                } else {
                    entries.push(Entry { key, mark, span, node });
                }
            }
        }
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last().map(|open| &open.items), Some(Items::Map { key: None, .. }))
    }

    fn take_key(&mut self, node: Node) -> Result<(), Error> {
        let Some(text) = node.scalar() else { return Err(self.wrong(node.mark, "expected text as a key")) };
        let Some(Items::Map { entries, key, .. }) = self.open.last_mut().map(|open| &mut open.items) else {
            return Ok(());
        };
        if let Some(first) = entries.iter().find(|entry| entry.key == text) {
            let first = first.mark.line;
            let place = Place::at(self.path, node.mark, self.path_to(&text));
            return Err(place.wrong(format!("the key stands there twice; the first one is in line {first}")));
        }
        *key = Some((text, node.mark, node.span));
        Ok(())
    }

    /// The keys that lead to where the parser is, and this one.
    fn path_to(&self, last: &str) -> String {
        let above = self.open.iter().filter_map(|open| match &open.items {
            Items::Map { key: Some((key, ..)), .. } => Some(key.as_str()),
            _ => None,
        });
        above.chain([last]).collect::<Vec<_>>().join(".")
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Result<Value, Error> {
        let is_text = match tag {
            None => style != ScalarStyle::Plain,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(_) => return Err(self.wrong(mark, "tags are not understood here, but for !!str")),
        };
        Ok(if is_text { Value::Text(text.to_owned()) } else { plain(text) })
    }

    fn syntax(&self, error: &ScanError) -> Error {
        // The library's words name no content but for single characters that begin nothing.
        self.wrong(mark(*error.marker()), error.info())
    }

    fn wrong(&self, mark: Mark, reason: impl Into<String>) -> Error {
        Place::at(self.path, mark, "").wrong(reason)
    }

    fn range(&self, span: Span) -> Range<usize> {
        let byte = |index: usize| match self.offsets.get(index) {
            Some(offset) => *offset,
            None if self.offsets.is_empty() => index.min(self.text.len()),
            None => self.text.len(),
        };
        let start = byte(span.start.index());
        start..byte(span.end.index()).max(start)
    }
}

fn mark(marker: Marker) -> Mark {
    Mark { line: marker.line().max(1), column: marker.col() + 1 }
}

/// What an unquoted scalar is, by the core schema, but for fractions and numbers in other bases.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Boolean(true),
        "false" | "False" | "FALSE" => Value::Boolean(false),
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Value::Integer(number),
            _ => Value::Text(text.to_owned()),
        },
    }
}

fn merge(node: &Node) -> Option<Vec<Entry>> {
    match &node.value {
        Value::Map(entries) => Some(entries.clone()),
        Value::List(items) => {
            let mut all = Vec::new();
            for item in items {
                match &item.value {
                    Value::Map(entries) => all.extend(entries.iter().cloned()),
                    _ => return None,
                }
            }
            Some(all)
        }
        _ => None,
    }
}

/// How many values there are in one. Nesting is bounded, so the recursion is.
fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|entry| count(&entry.node)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        parse(text, Path::new("f.yaml")).map_err(|error| error.to_string())
    }

    /// As JSON would put it, for comparison.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".to_owned(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                let each = entries.iter().map(|entry| format!("{}:{}", entry.key, shown(&entry.node)));
                format!("{{{}}}", each.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn values() {
        for (text, value) in [
            ("", "null"),
            ("# nothing\n", "null"),
            ("a: [1, true, ~, x, '1', 1.10, 0123, yes]", r#"{a:[1,true,null,"x","1","1.10","0123","yes"]}"#),
            ("a: |\n  one\n  two\nb: >-\n  three\n  four\n", r#"{a:"one\ntwo\n",b:"three four"}"#),
            ("a: !!str 5", r#"{a:"5"}"#),
            ("{\"a\": {\"b\": [1, \"x\"]}}", r#"{a:{b:[1,"x"]}}"#),
            ("a: &x { b: 1, c: 2 }\nd:\n  <<: *x\n  c: 3\n", "{a:{b:1,c:2},d:{c:3,b:1}}"),
            ("a: &x [1]\nb: *x\n", "{a:[1],b:[1]}"),
        ] {
            assert_eq!(shown(&read(text).unwrap()), value, "{text}");
        }
    }

    #[test]
    fn places() {
        let text = "a:\n  ü: ö\n  b: { c: [x, yy] }\n";
        let node = read(text).unwrap();
        let a = node.get("a").unwrap();
        let umlaut = a.entry("ü").unwrap();
        assert_eq!((umlaut.mark.line, umlaut.mark.column, umlaut.node.mark.column), (2, 3, 6));
        assert_eq!(&text[umlaut.node.span.clone()], "ö");
        let b = a.entry("b").unwrap();
        assert!(b.node.is_flow(text) && !a.is_flow(text));
        assert_eq!(&text[b.span.start..b.content_end(text)], "b: { c: [x, yy] }");
        let list = b.node.get("c").unwrap().items().unwrap();
        assert_eq!((list[1].mark.line, list[1].mark.column), (3, 15));
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        for (text, start) in [
            ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: the key stands there twice; the first one is in line 1"),
            ("x:\n  a: 1\n  a: 3\n", "f.yaml:3:3: x.a: the key stands there twice"),
            ("a: !secret x\n", "f.yaml:1:4: tags are not"),
            ("[a]: 1\n", "f.yaml:1:1: expected text as a key"),
            ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document"),
            ("a: \"x\n", "f.yaml:1:4: while scanning a quoted scalar"),
            ("a: [1, 2\nb: 3\n", "f.yaml:2:"),
            ("a:\n\t- 1\n", "f.yaml:2:"),
            ("a: *nosuch\n", "f.yaml:1:4: "),
            ("a: 1\n<<: 2\n", "f.yaml:2:5: expected a map"),
        ] {
            let error = read(text).err().unwrap();
            assert!(error.starts_with(start), "{text:?}: {error}");
        }
        assert!(read(&"[".repeat(100)).err().unwrap().contains("nested deeper"));
        assert!(read(&"[".repeat(100_000)).is_err(), "the parser has a limit of its own");
        let bomb: String = (0..40).map(|n| format!("k{}: &k{} [*k{n}, *k{n}]\n", n + 1, n + 1)).collect();
        assert!(read(&format!("k0: &k0 [x]\n{bomb}")).err().unwrap().contains("aliases repeat"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[a-c:{}\\[\\],&*!|>'\"# \n\t<-]{0,60}") {
            if let Ok(node) = read(&text) {
                prop_assert!(node.content_end(&text) <= text.len());
            }
        }

        #[test]
        fn json_text_comes_back(text in "\\PC{0,40}") {
            let yaml = format!("a: {}", serde_json::to_string(&text).unwrap());
            let node = read(&yaml).unwrap();
            prop_assert_eq!(node.get("a").unwrap().text(), Some(text.as_str()));
        }
    }
}
