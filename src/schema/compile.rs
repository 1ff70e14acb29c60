//! From a JSON Schema (draft 2020-12 or 7) to shapes.
//!
//! 1. A reference leads to a place in the same schema: `#`, `#/…` or `#name`. Nothing is ever fetched.
//! 2. Patterns are those that can be matched in linear time: no look-around, no back-references.
//! 3. `format` and the `content…` keywords are annotations, as draft 2020-12 has them by default.
//! 4. What is not supported (`unevaluatedProperties`, `unevaluatedItems`, `$dynamicRef`, an `$id` within a schema) is
//!    refused, not passed over. Keywords that no draft knows are passed over, as the drafts demand.
//! 5. A schema that refers to itself without going down in the document, or that asks too many schemas of one value,
//!    is refused.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::keyword::{Keyword, Result, SchemaMistake, number, read_types, string};
use super::shape::{ArrayShape, Contains, Id, InPlace, ObjectShape, Properties, Shape};
use crate::place::Place;

/// Schemas that may be asked of one value, counted along references.
const MAX_IN_PLACE: usize = 2_000;

/// Keywords that would change the verdict and are not supported.
const UNSUPPORTED: [&str; 5] =
    ["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "$dynamicAnchor"];

/// Compiles `schema`; the shapes, and which of them is the schema itself.
pub(super) fn compile(schema: &Value) -> Result<(Vec<Shape>, Id)> {
    let dialect = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
    let draft7 = match dialect.trim_end_matches('#') {
        "" | "https://json-schema.org/draft/2020-12/schema" => false,
        "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => true,
        _ => {
            let problem = "must be draft 2020-12 or draft 7".to_owned();
            return Err(SchemaMistake { place: Place::root().key("$schema"), problem });
        }
    };
    let mut compiler = Compiler { root: schema, draft7, shapes: Vec::new(), by_address: HashMap::new() };
    let id = compiler.shape(schema, &Place::root())?;
    let shapes: Vec<_> = compiler.shapes.into_iter().map(|shape| shape.unwrap_or_else(Shape::any)).collect();
    check_in_place(&shapes)?;
    Ok((shapes, id))
}

struct Compiler<'s> {
    root: &'s Value,
    draft7: bool,
    /// `None` while a shape is being compiled: what refers to it meanwhile only needs its index.
    shapes: Vec<Option<Shape>>,
    /// The shape of each schema seen so far, by its address in `root`.
    by_address: HashMap<*const Value, Id>,
}

impl<'s> Compiler<'s> {
    fn shape(&mut self, schema: &'s Value, place: &Place) -> Result<Id> {
        if let Some(id) = self.by_address.get(&std::ptr::from_ref(schema)) {
            return Ok(*id);
        }
        let id = self.shapes.len();
        self.shapes.push(None);
        self.by_address.insert(std::ptr::from_ref(schema), id);
        let shape = match schema {
            Value::Bool(right) => Shape { never: !right, ..Shape::any() },
            Value::Object(keywords) => self.keywords(keywords, place)?,
            _ => return Keyword { value: schema, place: place.clone() }.wrong("a schema is an object, true or false"),
        };
        if let Some(slot) = self.shapes.get_mut(id) {
            *slot = Some(shape);
        }
        Ok(id)
    }

    fn sub(&mut self, keyword: &Keyword<'s>) -> Result<Id> {
        self.shape(keyword.value, &keyword.place)
    }

    fn subs(&mut self, keyword: &Keyword<'s>) -> Result<Vec<Id>> {
        let list = keyword.list()?;
        if list.is_empty() {
            return keyword.wrong("must not be an empty list");
        }
        list.iter().map(|schema| self.sub(schema)).collect()
    }

    fn keywords(&mut self, keywords: &'s Map<String, Value>, place: &Place) -> Result<Shape> {
        let get = |name: &str| keywords.get(name).map(|value| Keyword { value, place: place.clone().key(name) });
        if let Some(keyword) = UNSUPPORTED.iter().find_map(|name| get(name)) {
            return keyword.wrong("this keyword is not supported");
        }
        let names_itself = |id: &Keyword<'_>| self.draft7 && id.value.as_str().is_some_and(|id| id.starts_with('#'));
        if let Some(id) = get("$id").filter(|id| !place.is_root() && !names_itself(id)) {
            return id.wrong("an `$id` within a schema is not supported; refer to `#/…` instead");
        }
        let mut shape = Shape::any();
        if let Some(reference) = get("$ref") {
            let target = self.target(&reference)?;
            shape.in_place.push(InPlace::All(vec![target]));
            // Draft 7, 8.3: beside `$ref` nothing else counts.
            if self.draft7 {
                return Ok(shape);
            }
        }
        if let Some(types) = get("type") {
            shape.types = read_types(&types)?;
        }
        shape.one_of_values = match (get("enum"), get("const")) {
            (_, Some(constant)) => Some(vec![constant.value.clone()]),
            (Some(values), None) => Some(values.list()?.iter().map(|value| value.value.clone()).collect()),
            (None, None) => None,
        };
        shape.number = number(&get)?;
        shape.string = string(&get)?;
        shape.array = self.array(&get)?;
        shape.object = self.object(&get)?;
        self.in_place(&get, &mut shape.in_place)?;
        Ok(shape)
    }

    fn in_place(&mut self, get: &impl Fn(&str) -> Option<Keyword<'s>>, in_place: &mut Vec<InPlace>) -> Result<()> {
        if let Some(all) = get("allOf") {
            in_place.push(InPlace::All(self.subs(&all)?));
        }
        if let Some(any) = get("anyOf") {
            in_place.push(InPlace::Any(self.subs(&any)?));
        }
        if let Some(one) = get("oneOf") {
            in_place.push(InPlace::One(self.subs(&one)?));
        }
        if let Some(not) = get("not") {
            in_place.push(InPlace::Not(self.sub(&not)?));
        }
        if let Some(condition) = get("if") {
            let condition = self.sub(&condition)?;
            let then = get("then").map(|then| self.sub(&then)).transpose()?;
            let otherwise = get("else").map(|otherwise| self.sub(&otherwise)).transpose()?;
            in_place.push(InPlace::If { condition, then, otherwise });
        }
        Ok(())
    }

    fn array(&mut self, get: &impl Fn(&str) -> Option<Keyword<'s>>) -> Result<Option<Box<ArrayShape>>> {
        let count = |name| get(name).map(|keyword| keyword.count()).transpose();
        let items = get("items");
        let (first, others) = match &items {
            Some(items) if self.draft7 && items.value.is_array() => (items.list()?, get("additionalItems")),
            _ if self.draft7 => (Vec::new(), items),
            _ => (get("prefixItems").map(|first| first.list()).transpose()?.unwrap_or_default(), items),
        };
        let contains = match get("contains") {
            None => None,
            // Draft 7 has no number of matches.
            Some(contains) if self.draft7 => Some(Contains { id: self.sub(&contains)?, min: 1, max: None }),
            Some(contains) => Some(Contains {
                id: self.sub(&contains)?,
                min: count("minContains")?.unwrap_or(1),
                max: count("maxContains")?,
            }),
        };
        let shape = ArrayShape {
            min_items: count("minItems")?.unwrap_or(0),
            max_items: count("maxItems")?,
            first_items: first.iter().map(|schema| self.sub(schema)).collect::<Result<_>>()?,
            other_items: others.map(|schema| self.sub(&schema)).transpose()?,
            contains,
            unique: get("uniqueItems").map(|unique| unique.boolean()).transpose()?.unwrap_or(false),
        };
        let says_nothing = shape.min_items == 0
            && shape.max_items.is_none()
            && shape.first_items.is_empty()
            && shape.other_items.is_none()
            && shape.contains.is_none()
            && !shape.unique;
        Ok((!says_nothing).then(|| Box::new(shape)))
    }

    fn object(&mut self, get: &impl Fn(&str) -> Option<Keyword<'s>>) -> Result<Option<Box<ObjectShape>>> {
        let count = |name| get(name).map(|keyword| keyword.count()).transpose();
        let entries = |name| get(name).map(|keyword| keyword.entries()).transpose().map(Option::unwrap_or_default);
        let mut shape = ObjectShape {
            min_properties: count("minProperties")?.unwrap_or(0),
            max_properties: count("maxProperties")?,
            required: get("required").map(|names| names.texts()).transpose()?.unwrap_or_default(),
            ..ObjectShape::default()
        };
        let mut properties = Vec::new();
        for (name, schema) in entries("properties")? {
            properties.push((name.to_owned(), self.sub(&schema)?));
        }
        let has_properties = !properties.is_empty();
        shape.properties = Properties::new(properties);
        for (pattern, schema) in entries("patternProperties")? {
            let pattern = schema.pattern(pattern)?;
            shape.patterns.push((pattern, self.sub(&schema)?));
        }
        shape.additional = get("additionalProperties").map(|schema| self.sub(&schema)).transpose()?;
        shape.names = get("propertyNames").map(|schema| self.sub(&schema)).transpose()?;
        let older = if self.draft7 { entries("dependencies")? } else { Vec::new() };
        let newer = if self.draft7 { Vec::new() } else { entries("dependentRequired")? };
        for (name, needs) in newer.into_iter().chain(older) {
            if needs.value.is_array() {
                shape.dependent_required.push((name.to_owned(), needs.texts()?));
            } else {
                shape.dependent_schemas.push((name.to_owned(), self.sub(&needs)?));
            }
        }
        if !self.draft7 {
            for (name, schema) in entries("dependentSchemas")? {
                shape.dependent_schemas.push((name.to_owned(), self.sub(&schema)?));
            }
        }
        let says_nothing = shape.min_properties == 0
            && shape.max_properties.is_none()
            && !has_properties
            && shape.required.is_empty()
            && shape.patterns.is_empty()
            && shape.additional.is_none()
            && shape.names.is_none()
            && shape.dependent_required.is_empty()
            && shape.dependent_schemas.is_empty();
        Ok((!says_nothing).then(|| Box::new(shape)))
    }

    /// The schema that a `$ref` leads to.
    fn target(&mut self, reference: &Keyword<'s>) -> Result<Id> {
        let written = reference.text()?;
        let Some(fragment) = written.strip_prefix('#') else {
            return reference.wrong("refer to a place in this schema (`#/…`): nothing is ever fetched");
        };
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            self.root.pointer(fragment)
        } else {
            find_anchor(self.root, fragment, self.draft7)
        };
        match target {
            Some(target) => self.shape(target, &Place::root().key(written)),
            None => reference.wrong("there is nothing at this place of the schema"),
        }
    }
}

/// The schema within `value` that has the name `anchor`.
fn find_anchor<'s>(value: &'s Value, anchor: &str, draft7: bool) -> Option<&'s Value> {
    let has_name = |schema: &Map<String, Value>| {
        let name = if draft7 { schema.get("$id") } else { schema.get("$anchor") };
        let name = name.and_then(Value::as_str);
        if draft7 { name.and_then(|name| name.strip_prefix('#')) == Some(anchor) } else { name == Some(anchor) }
    };
    match value {
        Value::Object(schema) if has_name(schema) => Some(value),
        // A name in `enum` or `const` is data.
        Value::Object(schema) => {
            let schemas = schema.iter().filter(|(key, _)| !matches!(key.as_str(), "enum" | "const"));
            schemas.into_iter().find_map(|(_, value)| find_anchor(value, anchor, draft7))
        }
        Value::Array(list) => list.iter().find_map(|value| find_anchor(value, anchor, draft7)),
        _ => None,
    }
}

/// No shape asks itself of the same value again, and none asks more than [`MAX_IN_PLACE`] others of it.
fn check_in_place(shapes: &[Shape]) -> Result<()> {
    let mut costs = vec![Cost::Unknown; shapes.len()];
    if (0..shapes.len()).all(|id| cost(shapes, &mut costs, id).is_some()) {
        return Ok(());
    }
    let problem =
        format!("the schema refers to itself without end, or asks more than {MAX_IN_PLACE} schemas of one value");
    Err(SchemaMistake { place: Place::root(), problem })
}

/// How many shapes are asked of one value, the first included.
#[derive(Clone, Copy)]
enum Cost {
    Unknown,
    /// Too many, or no end of them; also while it is being counted, so that a shape that asks itself has no end.
    TooMuch,
    Known(usize),
}

fn cost(shapes: &[Shape], costs: &mut [Cost], id: Id) -> Option<usize> {
    match costs.get(id)? {
        Cost::Known(cost) => return Some(*cost),
        Cost::TooMuch => return None,
        Cost::Unknown => *costs.get_mut(id)? = Cost::TooMuch,
    }
    let shape = shapes.get(id)?;
    let in_place = shape.in_place.iter().flat_map(InPlace::ids);
    let dependent = shape.object.iter().flat_map(|object| object.dependent_schemas.iter().map(|(_, id)| *id));
    let mut sum = 1_usize;
    for asked in in_place.chain(dependent) {
        sum = sum.checked_add(cost(shapes, costs, asked)?).filter(|sum| *sum <= MAX_IN_PLACE)?;
    }
    *costs.get_mut(id)? = Cost::Known(sum);
    Some(sum)
}
