//! The types of a component's functions as text, resolved to the last name, so that two types are equal if their texts
//! are.

use wasmparser::component_types::{ComponentDefinedType, ComponentFuncTypeId, ComponentValType};
use wasmparser::types::TypesRef;

/// Longer texts are cut: they equal none of the contract's types, and a type that names another many times can be
/// written out to any length.
const TEXT_BYTES_MAX: usize = 1024;

/// The type of a function.
pub(super) fn signature(types: TypesRef<'_>, id: ComponentFuncTypeId) -> String {
    let mut text = Text { types, out: String::new() };
    let Some(ty) = types.get(id) else { return "func".to_owned() };
    text.push(if ty.async_ { "async func(" } else { "func(" });
    for (index, (name, ty)) in ty.params.iter().enumerate() {
        text.push(if index == 0 { "" } else { ", " });
        text.push(name.as_str());
        text.push(": ");
        text.value(*ty);
    }
    text.push(")");
    if let Some(result) = ty.result {
        text.push(" -> ");
        text.value(result);
    }
    if text.is_full() {
        text.out.push('…');
    }
    text.out
}

struct Text<'a> {
    types: TypesRef<'a>,
    out: String,
}

impl Text<'_> {
    fn is_full(&self) -> bool {
        self.out.len() > TEXT_BYTES_MAX
    }

    fn push(&mut self, piece: &str) {
        if !self.is_full() {
            self.out.extend(piece.chars().take(TEXT_BYTES_MAX));
        }
    }

    fn list<'t>(&mut self, open: &str, items: impl Iterator<Item = (&'t str, Option<ComponentValType>)>, close: &str) {
        self.push(open);
        for (index, (name, ty)) in items.enumerate() {
            if self.is_full() {
                return;
            }
            self.push(if index == 0 { "" } else { ", " });
            self.push(name);
            if let Some(ty) = ty {
                self.push(if name.is_empty() { "" } else { ": " });
                self.value(ty);
            }
        }
        self.push(close);
    }

    /// Recursion ends: validation allows types of a depth of 100.
    fn value(&mut self, ty: ComponentValType) {
        use ComponentDefinedType as Defined;
        let id = match ty {
            _ if self.is_full() => return,
            ComponentValType::Primitive(primitive) => return self.push(&primitive.to_string()),
            ComponentValType::Type(id) => id,
        };
        let Some(defined) = self.types.get(id) else { return self.push("?") };
        let unnamed = |ty: &ComponentValType| ("", Some(*ty));
        match defined {
            Defined::Primitive(primitive) => self.push(&primitive.to_string()),
            Defined::Record(record) => {
                self.list("record{", record.fields.iter().map(|(name, ty)| (name.as_str(), Some(*ty))), "}");
            }
            Defined::Variant(variant) => {
                self.list("variant{", variant.cases.iter().map(|(name, case)| (name.as_str(), case.ty)), "}");
            }
            Defined::List { element, .. } => self.list("list<", [unnamed(element)].into_iter(), ">"),
            Defined::Tuple(tuple) => self.list("tuple<", tuple.types.iter().map(unnamed), ">"),
            Defined::Flags(names) => self.list("flags{", names.iter().map(|name| (name.as_str(), None)), "}"),
            Defined::Enum(names) => self.list("enum{", names.iter().map(|name| (name.as_str(), None)), "}"),
            Defined::Option { ty, .. } => self.list("option<", [unnamed(ty)].into_iter(), ">"),
            Defined::Result { ok: None, err: None, .. } => self.push("result"),
            Defined::Result { ok, err, .. } => {
                let side = |ty: &Option<ComponentValType>| (if ty.is_some() { "" } else { "_" }, *ty);
                self.list("result<", [side(ok), side(err)].into_iter(), ">");
            }
            Defined::Own(_) => self.push("own"),
            Defined::Borrow(_) => self.push("borrow"),
            _ => self.push("?"),
        }
    }
}
