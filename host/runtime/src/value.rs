//! Component values as JSON, both ways.
//!
//! | WIT | JSON |
//! |---|---|
//! | `bool`, integers, floats, `string`, `char` | as they are; a float that JSON cannot say is `"NaN"`, `"inf"`, `"-inf"` |
//! | `list<u8>` | a string if it is UTF-8, else `{"base64": "…"}` |
//! | `list`, `tuple` | array |
//! | `record` | object; the hyphens of names become underscores (`memory-mib` → `memory_mib`) |
//! | `variant` | `"case"`, or `{"case": payload}` |
//! | `enum` | `"case"` |
//! | `flags` | array of names |
//! | `option` | `null` or the value; a field of an object may be left out |
//! | `result` | `{"ok": …}` or `{"err": …}`; at the top, `ok` is the value itself |
//!
//! On the way in, names may be written with hyphens or underscores. Unknown and missing fields are
//! errors. 64-bit integers are JSON numbers: read them with a parser that keeps them exact.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json, json};
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

use crate::error::{Error, GuestError};

/// An argument that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Too many or too few.
    #[error("arguments expected: {expected} ({names}); given: {found}")]
    Count {
        /// How many the function takes.
        expected: usize,
        /// Their names.
        names: String,
        /// How many there were.
        found: usize,
    },
    /// The wrong type of value.
    #[error("{path}: expected {expected}, found {found}")]
    Type {
        /// Where, such as `spec.nics[0].subnet`.
        path: String,
        /// What fits.
        expected: String,
        /// What was there, shortened.
        found: String,
    },
    /// A field that the record does not have.
    #[error("{path}: there is no field `{field}`; there are: {known}")]
    UnknownField {
        /// Where the record is.
        path: String,
        /// What was written.
        field: String,
        /// What could be.
        known: String,
    },
    /// A field that must be there.
    #[error("{path}: the field `{field}` is missing")]
    MissingField {
        /// Where the record is.
        path: String,
        /// What is missing.
        field: String,
    },
    /// Neither JSON nor WAVE.
    #[error("the argument for `{name}` is neither JSON ({json}) nor WAVE ({wave})")]
    Syntax {
        /// The parameter.
        name: String,
        /// What the JSON parser said.
        json: String,
        /// What the WAVE parser said.
        wave: String,
    },
}

impl ValueError {
    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("`skywright plugin inspect PLUGIN -o json` has each function's parameters".to_owned())
    }
}

/// Reads one argument as JSON, or else as WAVE (the component model's own notation).
///
/// # Errors
///
/// [`ValueError::Syntax`] if it is neither; the others if it is JSON of another shape.
pub fn parse(ty: &Type, text: &str, name: &str) -> Result<Val, ValueError> {
    let json = match serde_json::from_str::<Json>(text) {
        Ok(json) => return from_json(ty, &json, name),
        Err(error) => error.to_string(),
    };
    wasm_wave::from_str(ty, text).map_err(|wave| ValueError::Syntax {
        name: name.to_owned(),
        json,
        wave: wave.to_string(),
    })
}

/// The value in WAVE.
///
/// # Errors
///
/// [`Error::Engine`] for a value that WAVE cannot write, such as a handle.
pub fn to_wave(value: &Val) -> Result<String, Error> {
    wasm_wave::to_string(value).map_err(|e| Error::Engine(e.to_string()))
}

pub(crate) fn check_count(function: &ComponentFunc, found: usize) -> Result<(), ValueError> {
    let names: Vec<_> = function.params().map(|(name, _)| name.to_owned()).collect();
    if names.len() == found {
        return Ok(());
    }
    Err(ValueError::Count { expected: names.len(), names: names.join(", "), found })
}

/// A value of this type from JSON; `path` is where it stands, for messages.
///
/// # Errors
///
/// [`ValueError`], with the path of the part that does not fit.
pub fn from_json(ty: &Type, json: &Json, path: &str) -> Result<Val, ValueError> {
    let wrong = |expected: &str| {
        let mut found = json.to_string();
        if found.len() > 60 {
            found.truncate(found.floor_char_boundary(60));
            found.push('…');
        }
        ValueError::Type { path: path.to_owned(), expected: expected.to_owned(), found }
    };
    match ty {
        Type::Bool => json.as_bool().map(Val::Bool).ok_or_else(|| wrong("true or false")),
        Type::String => json.as_str().map(|s| Val::String(s.into())).ok_or_else(|| wrong("a string")),
        Type::Char => single_char(json).map(Val::Char).ok_or_else(|| wrong("one character")),
        Type::Float32 => float(json).map(|f| Val::Float32(f as f32)).ok_or_else(|| wrong("a number")),
        Type::Float64 => float(json).map(Val::Float64).ok_or_else(|| wrong("a number")),
        Type::List(list) => list_from_json(&list.ty(), json, path, &wrong),
        Type::Tuple(tuple) => {
            let types: Vec<_> = tuple.types().collect();
            let items = json.as_array().filter(|items| items.len() == types.len());
            let items = items.ok_or_else(|| wrong(&format!("an array of {}", types.len())))?;
            let values = types.iter().zip(items).enumerate();
            values
                .map(|(i, (ty, v))| from_json(ty, v, &format!("{path}[{i}]")))
                .collect::<Result<_, _>>()
                .map(Val::Tuple)
        }
        Type::Record(record) => {
            let object = json.as_object().ok_or_else(|| wrong("an object"))?;
            let fields: Vec<_> = record.fields().map(|f| (f.name.to_owned(), f.ty)).collect();
            record_from_json(&fields, object, path)
        }
        Type::Enum(e) => {
            let names: Vec<_> = e.names().collect();
            let found = json.as_str().and_then(|s| names.iter().find(|n| same_name(n, s)));
            found
                .map(|n| Val::Enum((*n).to_owned()))
                .ok_or_else(|| wrong(&format!("one of {}", names.join(", "))))
        }
        Type::Flags(flags) => {
            let names: Vec<_> = flags.names().collect();
            let expected = || wrong(&format!("an array of {}", names.join(", ")));
            let items = json.as_array().ok_or_else(expected)?;
            let known = |item: &Json| names.iter().find(|n| item.as_str().is_some_and(|s| same_name(n, s)));
            let found = items.iter().map(|item| known(item).map(|n| (*n).to_owned()).ok_or_else(expected));
            found.collect::<Result<_, _>>().map(Val::Flags)
        }
        Type::Option(option) => match json {
            Json::Null => Ok(Val::Option(None)),
            some => Ok(Val::Option(Some(Box::new(from_json(&option.ty(), some, path)?)))),
        },
        Type::Variant(variant) => {
            let cases: Vec<_> = variant.cases().map(|c| (c.name.to_owned(), c.ty)).collect();
            variant_from_json(&cases, json, path, &wrong)
        }
        Type::Result(result) => {
            let cases = [("ok".to_owned(), result.ok()), ("err".to_owned(), result.err())];
            match variant_from_json(&cases, json, path, &wrong)? {
                Val::Variant(case, payload) if case == "ok" => Ok(Val::Result(Ok(payload))),
                Val::Variant(_, payload) => Ok(Val::Result(Err(payload))),
                other => Ok(other),
            }
        }
        _ => integer_from_json(ty, json).ok_or_else(|| wrong(integer_name(ty))),
    }
}

fn same_name(wit: &str, written: &str) -> bool {
    wit == written || wit == written.replace('_', "-")
}

fn single_char(json: &Json) -> Option<char> {
    let mut chars = json.as_str()?.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn float(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("inf") => Some(f64::INFINITY),
        Some("-inf") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

fn integer_from_json(ty: &Type, json: &Json) -> Option<Val> {
    let (signed, unsigned) = (json.as_i64(), json.as_u64());
    match ty {
        Type::U8 => unsigned?.try_into().ok().map(Val::U8),
        Type::U16 => unsigned?.try_into().ok().map(Val::U16),
        Type::U32 => unsigned?.try_into().ok().map(Val::U32),
        Type::U64 => unsigned.map(Val::U64),
        Type::S8 => signed?.try_into().ok().map(Val::S8),
        Type::S16 => signed?.try_into().ok().map(Val::S16),
        Type::S32 => signed?.try_into().ok().map(Val::S32),
        Type::S64 => signed.map(Val::S64),
        _ => None,
    }
}

fn integer_name(ty: &Type) -> &'static str {
    match ty {
        Type::U8 => "an integer from 0 to 255",
        Type::U16 => "an integer from 0 to 65535",
        Type::U32 => "an integer from 0 to 4294967295",
        Type::U64 => "an integer from 0 to 2^64-1",
        Type::S8 => "an integer from -128 to 127",
        Type::S16 => "an integer from -32768 to 32767",
        Type::S32 => "an integer from -2^31 to 2^31-1",
        Type::S64 => "an integer from -2^63 to 2^63-1",
        _ => "a value that JSON can say (handles cannot be passed)",
    }
}

fn list_from_json(
    item: &Type,
    json: &Json,
    path: &str,
    wrong: &dyn Fn(&str) -> ValueError,
) -> Result<Val, ValueError> {
    if *item == Type::U8 {
        let bytes = match json {
            Json::String(text) => Some(text.as_bytes().to_vec()),
            Json::Object(object) => object.get("base64").and_then(|b| BASE64.decode(b.as_str()?).ok()),
            _ => None,
        };
        if let Some(bytes) = bytes {
            return Ok(Val::List(bytes.into_iter().map(Val::U8).collect()));
        }
    }
    let items = json.as_array().ok_or_else(|| wrong("an array"))?.iter().enumerate();
    items.map(|(i, v)| from_json(item, v, &format!("{path}[{i}]"))).collect::<Result<_, _>>().map(Val::List)
}

fn record_from_json(
    fields: &[(String, Type)],
    object: &Map<String, Json>,
    path: &str,
) -> Result<Val, ValueError> {
    if let Some(field) = object.keys().find(|key| !fields.iter().any(|(name, _)| same_name(name, key))) {
        let known: Vec<_> = fields.iter().map(|(name, _)| name.replace('-', "_")).collect();
        let (path, field) = (path.to_owned(), field.clone());
        return Err(ValueError::UnknownField { path, field, known: known.join(", ") });
    }
    let mut values = Vec::with_capacity(fields.len());
    for (name, ty) in fields {
        let written = object.iter().find(|(key, _)| same_name(name, key)).map(|(_, value)| value);
        let value = match (written, ty) {
            (Some(json), _) => from_json(ty, json, &format!("{path}.{}", name.replace('-', "_")))?,
            (None, Type::Option(_)) => Val::Option(None),
            (None, _) => {
                let (path, field) = (path.to_owned(), name.replace('-', "_"));
                return Err(ValueError::MissingField { path, field });
            }
        };
        values.push((name.clone(), value));
    }
    Ok(Val::Record(values))
}

fn variant_from_json(
    cases: &[(String, Option<Type>)],
    json: &Json,
    path: &str,
    wrong: &dyn Fn(&str) -> ValueError,
) -> Result<Val, ValueError> {
    let names = || cases.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let single = json.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    let (written, payload) = match (json.as_str(), single) {
        (Some(name), _) => (name, None),
        (None, Some((name, payload))) => (name.as_str(), Some(payload)),
        (None, None) => {
            return Err(wrong(&format!("one of {}, as \"case\" or {{\"case\": value}}", names())));
        }
    };
    let Some((name, ty)) = cases.iter().find(|(name, _)| same_name(name, written)) else {
        return Err(wrong(&format!("one of {}", names())));
    };
    let payload = match (ty, payload) {
        (None, None | Some(Json::Null)) => None,
        (Some(ty), Some(json)) => Some(Box::new(from_json(ty, json, &format!("{path}.{name}"))?)),
        (Some(_), None) => return Err(wrong(&format!("{{\"{name}\": value}}"))),
        (None, Some(_)) => return Err(wrong(&format!("\"{name}\" alone"))),
    };
    Ok(Val::Variant(name.clone(), payload))
}

/// The value as JSON.
#[must_use]
pub fn to_json(value: &Val) -> Json {
    match value {
        Val::Bool(b) => json!(b),
        Val::S8(n) => json!(n),
        Val::U8(n) => json!(n),
        Val::S16(n) => json!(n),
        Val::U16(n) => json!(n),
        Val::S32(n) => json!(n),
        Val::U32(n) => json!(n),
        Val::S64(n) => json!(n),
        Val::U64(n) => json!(n),
        Val::Float32(f) => float_to_json(shortest(*f)),
        Val::Float64(f) => float_to_json(*f),
        Val::Char(c) => json!(c),
        Val::String(s) => json!(s),
        Val::List(items) => list_to_json(items),
        Val::Tuple(items) => items.iter().map(to_json).collect(),
        Val::Record(fields) => {
            fields.iter().map(|(name, value)| (name.replace('-', "_"), to_json(value))).collect()
        }
        Val::Variant(case, None) | Val::Enum(case) => json!(case),
        Val::Variant(case, Some(payload)) => json!({ case: to_json(payload) }),
        Val::Option(None) => Json::Null,
        Val::Option(Some(value)) => to_json(value),
        Val::Result(Ok(value)) => json!({ "ok": value.as_deref().map(to_json) }),
        Val::Result(Err(value)) => json!({ "err": value.as_deref().map(to_json) }),
        Val::Flags(names) => json!(names),
        // Handles and streams mean nothing outside the instance.
        _ => Json::Null,
    }
}

/// The `f64` that prints like the `f32`: 2.3, not 2.299999952316284.
fn shortest(f: f32) -> f64 {
    f.to_string().parse().unwrap_or_else(|_| f64::from(f))
}

fn float_to_json(f: f64) -> Json {
    if f.is_nan() {
        json!("NaN")
    } else if f.is_infinite() {
        json!(if f > 0.0 { "inf" } else { "-inf" })
    } else {
        json!(f)
    }
}

fn list_to_json(items: &[Val]) -> Json {
    let bytes: Option<Vec<u8>> =
        items.iter().map(|item| if let Val::U8(byte) = item { Some(*byte) } else { None }).collect();
    match bytes {
        Some(bytes) if !bytes.is_empty() => match String::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(error) => json!({ "base64": BASE64.encode(error.as_bytes()) }),
        },
        _ => items.iter().map(to_json).collect(),
    }
}

/// `ok` unwrapped; `err` with the contract's error as [`Error::Guest`].
pub(crate) fn guest_error_of(value: Val) -> Result<Val, Error> {
    match value {
        Val::Result(Ok(Some(value))) => Ok(*value),
        Val::Result(Ok(None)) => Ok(Val::Tuple(Vec::new())),
        Val::Result(Err(Some(error))) => match guest_error(&error) {
            Some(error) => Err(Error::Guest(Box::new(error))),
            None => Ok(Val::Result(Err(Some(error)))),
        },
        other => Ok(other),
    }
}

/// The contract's `error` record, recognised by its fields.
fn guest_error(value: &Val) -> Option<GuestError> {
    let mut json = to_json(value);
    let object = json.as_object_mut()?;
    let retry = object.remove("retry")?;
    let after = retry.get("after-ms").and_then(Json::as_u64).map(std::time::Duration::from_millis);
    let mut error: GuestError = serde_json::from_value(json).ok()?;
    error.retry_after = after;
    for text in
        [&mut error.code, &mut error.message].into_iter().chain(&mut error.subject).chain(&mut error.hint)
    {
        *text = crate::logbook::printable(text);
    }
    Some(error)
}
