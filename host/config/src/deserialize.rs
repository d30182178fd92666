//! Nodes to any type that serde reads, with the place of what does not fit.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::node::{Entry, Mark, Node, Value};
use crate::{Error, Place, nearest};

/// A value of a type; `path` is for messages. Numbers, `true` and `false` are text where text is expected,
/// as they are written. Whether unknown keys are errors is the type's to say.
///
/// # Errors
///
/// [`Error::Wrong`] with line, column and keys of the first thing that does not fit. The value itself is not
/// in it, unless the type's own message has it.
pub fn from_node<T: DeserializeOwned>(node: &Node, path: &Path) -> Result<T, Error> {
    let trail = RefCell::new(Vec::new());
    T::deserialize(At { node, trail: &trail }).map_err(|fault| {
        let (mark, key) = fault.place.unwrap_or_else(|| (node.mark, String::new()));
        Place::at(path, mark, key).wrong(fault.message)
    })
}

/// The keys that lead to where reading is.
type Trail = RefCell<Vec<String>>;

/// What does not fit, and where: the innermost place that is known.
#[derive(Debug)]
struct Fault {
    message: String,
    place: Option<(Mark, String)>,
}

impl Fault {
    /// At a place, unless it has one.
    fn at(mut self, mark: Mark, trail: &Trail) -> Self {
        self.place.get_or_insert_with(|| (mark, joined(&trail.borrow())));
        self
    }
}

/// Keys with dots, and indices as they are: `add.steps[2].needs`.
fn joined(trail: &[String]) -> String {
    let mut text = String::new();
    for part in trail {
        if !text.is_empty() && !part.starts_with('[') {
            text.push('.');
        }
        text.push_str(part);
    }
    text
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), place: None }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", kind(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found another {}", kind(found)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::custom(unknown("key", field, known))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        Self::custom(unknown("word", word, known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the key `{field}` is missing"))
    }
}

fn unknown(what: &str, found: &str, known: &'static [&'static str]) -> String {
    let shown: String = found.chars().filter(|c| !c.is_control()).take(40).collect();
    match nearest(found, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{shown}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{shown}`; known: {}", known.join(", ")),
    }
}

fn kind(found: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as U;
    match found {
        U::Bool(_) => "boolean",
        U::Unsigned(_) | U::Signed(_) | U::Float(_) => "number",
        U::Char(_) | U::Str(_) | U::Bytes(_) => "text",
        U::Unit | U::Option => "nothing",
        U::Seq => "list",
        U::Map => "map",
        _ => "value",
    }
}

/// A node, and where it is.
#[derive(Clone, Copy)]
struct At<'n> {
    node: &'n Node,
    trail: &'n Trail,
}

impl<'n> At<'n> {
    fn located<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| fault.at(self.node.mark, self.trail))
    }

    /// Not what the type expects.
    fn wrong<T>(self, visitor: &dyn de::Expected) -> Result<T, Fault> {
        let found = match &self.node.value {
            Value::Null => de::Unexpected::Unit,
            Value::Boolean(value) => de::Unexpected::Bool(*value),
            Value::Integer(number) => de::Unexpected::Signed(*number),
            Value::Text(text) => de::Unexpected::Str(text),
            Value::List(_) => de::Unexpected::Seq,
            Value::Map(_) => de::Unexpected::Map,
        };
        self.located(Err(de::Error::invalid_type(found, visitor)))
    }
}

impl<'de, 'n: 'de> de::Deserializer<'de> for At<'n> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(items) => {
                visitor.visit_seq(List { items: items.iter(), index: 0, trail: self.trail })
            }
            Value::Map(entries) => {
                visitor.visit_map(Map { entries: entries.iter(), current: None, trail: self.trail })
            }
        };
        self.located(result)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.scalar() {
            Some(text) => self.located(visitor.visit_string(text)),
            None => self.wrong(&visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            Value::Null => self.located(visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::List(_) => self.deserialize_any(visitor),
            // A key without a value is a list without items.
            Value::Null => {
                self.located(visitor.visit_seq(List { items: [].iter(), index: 0, trail: self.trail }))
            }
            _ => self.wrong(&visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            Value::Null => {
                self.located(visitor.visit_map(Map { entries: [].iter(), current: None, trail: self.trail }))
            }
            _ => self.wrong(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let result = match &self.node.value {
            Value::Text(word) => {
                visitor.visit_enum(IntoDeserializer::<Fault>::into_deserializer(word.as_str()))
            }
            Value::Map(entries) => match entries.as_slice() {
                [one] => visitor.visit_enum(Choice { entry: one, trail: self.trail }),
                [] => Err(de::Error::custom("expected one key, found none")),
                [_, second, ..] => {
                    let fault: Fault = de::Error::custom("expected one key, and here is a second one");
                    Err(fault.at(second.mark, self.trail))
                }
            },
            _ => return self.wrong(&visitor),
        };
        self.located(result)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct List<'n> {
    items: std::slice::Iter<'n, Node>,
    index: usize,
    trail: &'n Trail,
}

impl<'de, 'n: 'de> SeqAccess<'de> for List<'n> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let index = format!("[{}]", self.index);
        self.index += 1;
        below(self.trail, index, || seed.deserialize(At { node, trail: self.trail })).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Map<'n> {
    entries: std::slice::Iter<'n, Entry>,
    current: Option<&'n Entry>,
    trail: &'n Trail,
}

impl<'de, 'n: 'de> MapAccess<'de> for Map<'n> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.current = Some(entry);
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|fault| fault.at(entry.mark, self.trail))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some(entry) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        below(self.trail, entry.key.clone(), || seed.deserialize(At { node: &entry.node, trail: self.trail }))
    }
}

/// A map with one key: that names the variant.
struct Choice<'n> {
    entry: &'n Entry,
    trail: &'n Trail,
}

impl<'de, 'n: 'de> EnumAccess<'de> for Choice<'n> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let key: StrDeserializer<'_, Fault> = self.entry.key.as_str().into_deserializer();
        let value = seed.deserialize(key).map_err(|fault| fault.at(self.entry.mark, self.trail))?;
        Ok((value, self))
    }
}

impl<'de, 'n: 'de> VariantAccess<'de> for Choice<'n> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.entry.node.value {
            Value::Null => Ok(()),
            _ => {
                let fault: Fault = de::Error::custom("expected nothing behind this word");
                Err(fault.at(self.entry.node.mark, self.trail))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let at = At { node: &self.entry.node, trail: self.trail };
        below(self.trail, self.entry.key.clone(), || seed.deserialize(at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        de::Deserializer::deserialize_seq(At { node: &self.entry.node, trail: self.trail }, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        de::Deserializer::deserialize_map(At { node: &self.entry.node, trail: self.trail }, visitor)
    }
}

/// Does something one key further down. After a fault the trail is of no more use.
fn below<T>(trail: &Trail, part: String, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    trail.borrow_mut().push(part);
    let result = read();
    trail.borrow_mut().pop();
    result
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
        #[serde(default)]
        count: u8,
        #[serde(default)]
        parts: Vec<Part>,
        #[serde(default)]
        map: BTreeMap<String, i64>,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    enum Part {
        Bare,
        Named { title: String },
        Sized(u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged, expecting = "expected text or a list")]
    enum Either {
        One(String),
        Many(Vec<String>),
    }

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        let path = Path::new("f.yaml");
        let node = crate::parse(text, path).map_err(|error| error.to_string())?;
        from_node(&node, path).map_err(|error| error.to_string())
    }

    #[test]
    fn values_come_as_their_types() {
        let thing: Thing =
            read("name: 12\ncount: 3\nparts: [bare, { named: { title: x } }, { sized: 1 }]\nmap: { a: 1 }\n")
                .unwrap();
        let parts = vec![Part::Bare, Part::Named { title: "x".to_owned() }, Part::Sized(1)];
        assert_eq!((thing.name.as_str(), thing.count, thing.parts), ("12", 3, parts));
        assert_eq!((thing.map.get("a"), thing.note), (Some(&1), None));
        let empty: Thing = read("name: x\nparts:\nmap:\nnote:\n").unwrap();
        assert!(empty.parts.is_empty() && empty.map.is_empty() && empty.note.is_none());
        assert_eq!(read::<Either>("[a, b]"), Ok(Either::Many(vec!["a".to_owned(), "b".to_owned()])));
        // What has to be told apart by its type is what it is written as.
        assert!(read::<Either>("[a, 1]").is_err());
    }

    #[test]
    fn what_does_not_fit_has_a_place() {
        for (text, expected) in [
            ("name: x\ncuont: 1\n", "f.yaml:2:1: unknown key `cuont`; did you mean `count`?"),
            (
                "name: x\ncolour: 1\n",
                "f.yaml:2:1: unknown key `colour`; known: name, count, parts, map, note",
            ),
            ("count: 1\n", "f.yaml:1:1: the key `name` is missing"),
            ("name: [a]\n", "f.yaml:1:7: name: expected a string, found list"),
            ("name: x\ncount: many\n", "f.yaml:2:8: count: expected u8, found text"),
            ("name: x\ncount: 300\n", "f.yaml:2:8: count: expected u8, found another number"),
            (
                "name: x\nparts:\n  - bare\n  - nmaed: { title: x }\n",
                "f.yaml:4:5: parts[1]: unknown word `nmaed`; did you mean `named`?",
            ),
            (
                "name: x\nparts:\n  - named: { title: x, size: 1 }\n",
                "f.yaml:3:24: parts[0]: unknown key `size`; known: title",
            ),
            (
                "name: x\nparts:\n  - { bare: ~, sized: 1 }\n",
                "f.yaml:3:16: parts[0]: expected one key, and here is a second one",
            ),
            ("name: x\nparts: x\n", "f.yaml:2:8: parts: expected a sequence, found text"),
            ("name: x\nmap: { a: { b: 1 } }\n", "f.yaml:2:11: map.a: expected i64, found map"),
            ("- x\n", "f.yaml:1:1: expected struct Thing, found list"),
        ] {
            assert_eq!(read::<Thing>(text).unwrap_err(), expected, "{text}");
        }
        assert_eq!(read::<Either>("a: 1\n").unwrap_err(), "f.yaml:1:1: expected text or a list");
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(name|count|parts|[a-c:{}\\[\\],~# \n-]){0,40}") {
            let _ = read::<Thing>(&text);
        }
    }
}
