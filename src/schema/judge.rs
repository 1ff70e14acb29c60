//! Judges a document by shapes, in place: nothing is allocated for a document that is right.

use std::borrow::Cow;
use std::cmp::Ordering::{Equal, Greater, Less};

use super::compare;
use super::shape::{ArrayShape, Id, InPlace, NumberShape, ObjectShape, Shape, StringShape, Types};
use crate::document::{Kind, Node, Numeral};

/// Shapes that may be asked for each token of a document, beside [`BASE_STEPS`]. A schema whose alternatives hold each
/// other can ask about the same token again and again; the bundled schemas ask about one in a few.
const STEPS_PER_TOKEN: usize = 64;
const BASE_STEPS: usize = 10_000;

/// A rule that a value breaks: which value, and which rule. Cheap to make, and to throw away where another alternative
/// fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Broken<'a> {
    pub(super) node: Node<'a>,
    pub(super) rule: Rule<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Rule<'a> {
    Type(Types),
    Values(&'a [serde_json::Value]),
    Min(&'a super::shape::Bound),
    Max(&'a super::shape::Bound),
    MultipleOf(&'a serde_json::Number),
    MinLength(usize),
    MaxLength(usize),
    Pattern(&'a str),
    MinItems(usize),
    MaxItems(usize),
    Contains,
    Unique,
    MinProperties(usize),
    MaxProperties(usize),
    Required(&'a str),
    /// The key of a member that may not be there.
    Unknown(Node<'a>),
    /// The key of a member whose name is not right.
    Name(Node<'a>),
    /// The key of a member that could be taken for a property of another name.
    Lookalike(Node<'a>),
    /// More than one of the alternatives fits.
    Ambiguous,
    Not,
    Never,
    /// The schema asks too much of the document.
    TooComplex,
}

/// What holds the shapes while a document is judged.
pub(super) struct Judge<'a> {
    shapes: &'a [Shape],
    steps: usize,
    refuse_lookalikes: bool,
}

type Verdict<'a> = Result<(), Broken<'a>>;

impl<'a> Judge<'a> {
    /// A judge of a document that has so many tokens.
    pub(super) fn new(shapes: &'a [Shape], tokens: usize, refuse_lookalikes: bool) -> Self {
        let steps = tokens.saturating_mul(STEPS_PER_TOKEN).saturating_add(BASE_STEPS);
        Self { shapes, steps, refuse_lookalikes }
    }

    /// Judges the value `node` and all in it.
    pub(super) fn judge(mut self, id: Id, node: Node<'a>) -> Verdict<'a> {
        self.value(id, node)
    }

    fn value(&mut self, id: Id, node: Node<'a>) -> Verdict<'a> {
        let broken = |rule| Err(Broken { node, rule });
        let Some(shape) = self.shapes.get(id) else {
            return Ok(());
        };
        if self.steps == 0 {
            return broken(Rule::TooComplex);
        }
        self.steps -= 1;
        if shape.never {
            return broken(Rule::Never);
        }
        let kind = node.kind();
        if !shape.types.is_all() && !shape.types.take(kind, || node.numeral().is_some_and(Numeral::is_whole)) {
            return broken(Rule::Type(shape.types));
        }
        if let Some(values) = &shape.one_of_values
            && !values.iter().any(|value| compare::is(node, value))
        {
            return broken(Rule::Values(values));
        }
        match kind {
            Kind::Number => shape.number.as_ref().map_or(Ok(()), |rules| number(rules, node))?,
            Kind::String => shape.string.as_ref().map_or(Ok(()), |rules| string(rules, node))?,
            Kind::Array => shape.array.as_ref().map_or(Ok(()), |rules| self.array(rules, node))?,
            Kind::Object => shape.object.as_ref().map_or(Ok(()), |rules| self.object(rules, node))?,
            Kind::Null | Kind::False | Kind::True => {}
        }
        shape.in_place.iter().try_for_each(|in_place| self.in_place(in_place, node))
    }

    fn in_place(&mut self, in_place: &'a InPlace, node: Node<'a>) -> Verdict<'a> {
        match in_place {
            InPlace::All(ids) => ids.iter().try_for_each(|id| self.value(*id, node)),
            InPlace::Any(ids) => self.first_that_fits(ids, node).map(|_| ()),
            InPlace::One(ids) => {
                let first = self.first_that_fits(ids, node)?;
                let others = ids.get(first + 1..).unwrap_or_default();
                for id in others {
                    if self.fits(*id, node)? {
                        return Err(Broken { node, rule: Rule::Ambiguous });
                    }
                }
                Ok(())
            }
            InPlace::Not(id) => {
                if self.fits(*id, node)? {
                    Err(Broken { node, rule: Rule::Not })
                } else {
                    Ok(())
                }
            }
            InPlace::If { condition, then, otherwise } => {
                let next = if self.fits(*condition, node)? { then } else { otherwise };
                next.map_or(Ok(()), |id| self.value(id, node))
            }
        }
    }

    /// Whether a value fits, where not fitting is no error by itself; running out of steps still is.
    fn fits(&mut self, id: Id, node: Node<'a>) -> Result<bool, Broken<'a>> {
        match self.value(id, node) {
            Ok(()) => Ok(true),
            Err(broken) if matches!(broken.rule, Rule::TooComplex) => Err(broken),
            Err(_) => Ok(false),
        }
    }

    /// The index of the first of `ids` that fits. Where none does: what is broken in the one that the value seems to be
    /// meant as, which is the one that got furthest; an alternative of another type altogether got nowhere.
    fn first_that_fits(&mut self, ids: &'a [Id], node: Node<'a>) -> Result<usize, Broken<'a>> {
        let mut furthest: Option<Broken<'a>> = None;
        let mut types = Types::default();
        for (index, id) in ids.iter().enumerate() {
            let Err(broken) = self.value(*id, node) else {
                return Ok(index);
            };
            match broken.rule {
                Rule::TooComplex => return Err(broken),
                Rule::Type(other) if broken.node.is(node) => types = types.with(other),
                _ => {
                    if furthest.is_none_or(|furthest| broken.node.is_behind(furthest.node)) {
                        furthest = Some(broken);
                    }
                }
            }
        }
        Err(furthest.unwrap_or(Broken { node, rule: Rule::Type(types) }))
    }

    fn array(&mut self, rules: &'a ArrayShape, node: Node<'a>) -> Verdict<'a> {
        let broken = |rule| Err(Broken { node, rule });
        let mut count = 0;
        let mut matches = 0;
        for element in node.elements() {
            if let Some(id) = rules.first_items.get(count).copied().or(rules.other_items) {
                self.value(id, element)?;
            }
            if let Some(contains) = &rules.contains {
                matches += usize::from(self.fits(contains.id, element)?);
            }
            count += 1;
        }
        if count < rules.min_items {
            return broken(Rule::MinItems(rules.min_items));
        }
        if let Some(max) = rules.max_items.filter(|max| count > *max) {
            return broken(Rule::MaxItems(max));
        }
        if let Some(contains) = &rules.contains
            && (matches < contains.min || contains.max.is_some_and(|max| matches > max))
        {
            return broken(Rule::Contains);
        }
        if rules.unique && !compare::all_different(node) {
            return broken(Rule::Unique);
        }
        Ok(())
    }

    fn object(&mut self, rules: &'a ObjectShape, node: Node<'a>) -> Verdict<'a> {
        let broken = |rule| Err(Broken { node, rule });
        let mut count = 0;
        for (key, value) in node.members() {
            count += 1;
            let name = key.string().unwrap_or(Cow::Borrowed(""));
            let mut known = false;
            if let Some(id) = rules.properties.find(&name) {
                self.value(id, value)?;
                known = true;
            } else if self.refuse_lookalikes && rules.properties.has_lookalike(&name) {
                return broken(Rule::Lookalike(key));
            }
            for (pattern, id) in &rules.patterns {
                if pattern.is_match(&name) {
                    self.value(*id, value)?;
                    known = true;
                }
            }
            if let Some(additional) = rules.additional.filter(|_| !known) {
                match self.value(additional, value) {
                    Err(Broken { rule: Rule::Never, node: at }) if at.is(value) => return broken(Rule::Unknown(key)),
                    verdict => verdict?,
                }
            }
            if let Some(names) = rules.names
                && !self.fits(names, key)?
            {
                return broken(Rule::Name(key));
            }
        }
        if let Some(name) = missing(&rules.required, node) {
            return broken(Rule::Required(name));
        }
        if count < rules.min_properties {
            return broken(Rule::MinProperties(rules.min_properties));
        }
        if let Some(max) = rules.max_properties.filter(|max| count > *max) {
            return broken(Rule::MaxProperties(max));
        }
        for (name, needs) in &rules.dependent_required {
            if node.get(name).is_some()
                && let Some(name) = missing(needs, node)
            {
                return broken(Rule::Required(name));
            }
        }
        for (name, id) in &rules.dependent_schemas {
            if node.get(name).is_some() {
                self.value(*id, node)?;
            }
        }
        Ok(())
    }
}

/// The first of `names` that `object` has no member of.
fn missing<'a>(names: &'a [String], object: Node<'a>) -> Option<&'a str> {
    names.iter().map(String::as_str).find(|name| object.get(name).is_none())
}

fn number<'a>(rules: &'a NumberShape, node: Node<'a>) -> Verdict<'a> {
    let broken = |rule| Err(Broken { node, rule });
    let Some(number) = node.numeral() else {
        return Ok(());
    };
    for bound in &rules.min {
        match compare::order(number, &bound.limit) {
            Less => return broken(Rule::Min(bound)),
            Equal if bound.exclusive => return broken(Rule::Min(bound)),
            _ => {}
        }
    }
    for bound in &rules.max {
        match compare::order(number, &bound.limit) {
            Greater => return broken(Rule::Max(bound)),
            Equal if bound.exclusive => return broken(Rule::Max(bound)),
            _ => {}
        }
    }
    match &rules.multiple_of {
        Some(factor) if !compare::is_multiple(number, factor) => broken(Rule::MultipleOf(factor)),
        _ => Ok(()),
    }
}

fn string<'a>(rules: &'a StringShape, node: Node<'a>) -> Verdict<'a> {
    let broken = |rule| Err(Broken { node, rule });
    let Some(text) = node.string() else {
        return Ok(());
    };
    // A code point takes one to four bytes: most bounds are decided without counting.
    let fewer_than = |limit: usize| text.len() < limit || (text.len() / 4 < limit && text.chars().count() < limit);
    if rules.min_length > 0 && fewer_than(rules.min_length) {
        return broken(Rule::MinLength(rules.min_length));
    }
    if let Some(max) = rules.max_length
        && text.len() > max
        && !fewer_than(max.saturating_add(1))
    {
        return broken(Rule::MaxLength(max));
    }
    match &rules.pattern {
        Some(pattern) if !pattern.is_match(&text) => broken(Rule::Pattern(pattern.as_str())),
        _ => Ok(()),
    }
}
