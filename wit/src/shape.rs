//! The shape of an interface: every function's signature with all type names resolved.
//!
//! WIT types cannot be recursive, so a type written out in full is a finite text, and two
//! interfaces are the same to the component model exactly if their texts are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wit_parser::{Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

/// Signatures by function name.
pub(crate) type Shape = BTreeMap<String, String>;

/// The shape of one interface.
pub(crate) fn of_interface(resolve: &Resolve, interface: InterfaceId) -> Shape {
    let mut shape = Shape::new();
    for (name, function) in &resolve.interfaces[interface].functions {
        let mut text = String::from(if function.kind.is_async() { "async func(" } else { "func(" });
        for (index, param) in function.params.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let _ = write!(text, "{comma}{}: {}", param.name, of_type(resolve, &param.ty));
        }
        text.push(')');
        if let Some(result) = &function.result {
            let _ = write!(text, " -> {}", of_type(resolve, result));
        }
        shape.insert(name.clone(), text);
    }
    shape
}

/// Every interface among a world's items, by its full name.
pub(crate) fn interfaces<'a>(
    resolve: &'a Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> BTreeMap<String, InterfaceId> {
    items
        .into_iter()
        .filter_map(|(key, item)| match item {
            WorldItem::Interface { id, .. } => Some((resolve.name_world_key(key), *id)),
            _ => None,
        })
        .collect()
}

/// A type written out in full.
pub(crate) fn of_type(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => of_defined(resolve, *id),
        Type::Bool => "bool".into(),
        Type::U8 => "u8".into(),
        Type::U16 => "u16".into(),
        Type::U32 => "u32".into(),
        Type::U64 => "u64".into(),
        Type::S8 => "s8".into(),
        Type::S16 => "s16".into(),
        Type::S32 => "s32".into(),
        Type::S64 => "s64".into(),
        Type::F32 => "f32".into(),
        Type::F64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::ErrorContext => "error-context".into(),
    }
}

fn of_optional(resolve: &Resolve, ty: Option<&Type>) -> String {
    ty.map_or_else(|| "_".into(), |ty| of_type(resolve, ty))
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn of_defined(resolve: &Resolve, id: TypeId) -> String {
    let def = &resolve.types[id];
    match &def.kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter().map(|f| format!("{}: {}", f.name, of_type(resolve, &f.ty)));
            format!("record {{ {} }}", joined(fields))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter().map(|c| match &c.ty {
                Some(ty) => format!("{}({})", c.name, of_type(resolve, ty)),
                None => c.name.clone(),
            });
            format!("variant {{ {} }}", joined(cases))
        }
        TypeDefKind::Enum(e) => format!("enum {{ {} }}", joined(e.cases.iter().map(|c| c.name.clone()))),
        TypeDefKind::Flags(f) => format!("flags {{ {} }}", joined(f.flags.iter().map(|f| f.name.clone()))),
        TypeDefKind::Tuple(t) => format!("tuple<{}>", joined(t.types.iter().map(|ty| of_type(resolve, ty)))),
        TypeDefKind::Option(ty) => format!("option<{}>", of_type(resolve, ty)),
        TypeDefKind::Result(r) => {
            format!(
                "result<{}, {}>",
                of_optional(resolve, r.ok.as_ref()),
                of_optional(resolve, r.err.as_ref())
            )
        }
        TypeDefKind::List(ty) => format!("list<{}>", of_type(resolve, ty)),
        TypeDefKind::Type(ty) => of_type(resolve, ty),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name_of(resolve, *id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name_of(resolve, *id)),
        other => format!("{} {}", other.as_str(), def.name.as_deref().unwrap_or("_")),
    }
}

fn name_of(resolve: &Resolve, id: TypeId) -> &str {
    resolve.types[id].name.as_deref().unwrap_or("_")
}
