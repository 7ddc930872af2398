//! What differs between a wish and a product, and what can be done about it.

use super::desired::Desired;
use super::mark::{Mark, Marks, find, strip};
use super::origin::Origin;
use crate::vendor::{Changes, Field, Fields, Observed, Traits, Value};

/// The field under which a missing mark is reported.
pub const OWNERSHIP: Field = "ownership";

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The field.
    pub field: Field,
    /// What the manifest asks for.
    pub want: Value,
    /// What the vendor has.
    pub have: Value,
    /// The vendor can change it.
    pub mutable: bool,
}

/// Compares what an answer shows with the wish, in the order of the vendor's rules. What the answer does not
/// show is not compared.
pub fn diff(
    desired: &Desired,
    observed: &Observed,
    mark: &Mark,
    origin: Origin,
    traits: &Traits,
) -> Vec<Drift> {
    let mut drift: Vec<Drift> = traits
        .rules
        .iter()
        .filter_map(|rule| {
            let (want, have) = match rule.field {
                "name" => (Value::Text(desired.name.clone()), Value::Text(observed.name.clone())),
                "description" => {
                    (Value::Text(desired.description.clone()?), Value::Text(strip(&observed.description)))
                }
                field => (desired.fields.get(field)?.clone(), observed.fields.get(field)?.clone()),
            };
            (!same(&want, &have)).then_some(Drift { field: rule.field, want, have, mutable: rule.mutable })
        })
        .collect();
    if let Some(have) = other_mark(observed, mark, origin, traits) {
        drift.push(Drift {
            field: OWNERSHIP,
            want: Value::Text(mark.to_string()),
            have: Value::Text(have),
            mutable: traits.can_remark,
        });
    }
    drift
}

/// What a product known by its id carries where our mark should be, if that is to be mended or told. Of an
/// adopted one nothing is told where the vendor cannot mark it, and where it can, adoption re-marks
/// (protocol, Adopt).
fn other_mark(observed: &Observed, mark: &Mark, origin: Origin, traits: &Traits) -> Option<String> {
    let adopted = origin == Origin::Adopted;
    match find(&observed.description) {
        _ if origin == Origin::Watched => None,
        Marks::None if adopted && !traits.can_remark => None,
        Marks::None => Some(String::new()),
        // That of a former object of the same name counts as ours, and is brought up to date as well.
        Marks::One(found) if traits.can_remark && found != *mark && (adopted || found.same_owner(mark)) => {
            Some(found.to_string())
        }
        Marks::One(_) | Marks::Many => None,
    }
}

/// The differences that an edit of the manifest made: what is asked for now is not what was asked for when
/// the product was last compared. `known` is the product as it was then, `reported` tells what was asked for
/// where that differed from it.
pub fn edited<'a>(
    drift: &[Drift],
    known: &Observed,
    reported: impl Fn(Field) -> Option<&'a str>,
) -> Vec<Drift> {
    let before = |field: Field| match field {
        "name" => Some(Value::Text(known.name.clone())),
        "description" => Some(Value::Text(strip(&known.description))),
        field => known.fields.get(field).cloned(),
    };
    let by_edit = |entry: &&Drift| match reported(entry.field) {
        _ if entry.field == OWNERSHIP => false,
        Some(asked) => asked != entry.want.to_string(),
        None => before(entry.field).is_none_or(|before| !same(&entry.want, &before)),
    };
    drift.iter().filter(by_edit).cloned().collect()
}

/// Entries of a map that the manifest does not name are left alone.
fn same(want: &Value, have: &Value) -> bool {
    match (want, have) {
        (Value::Map(want), Value::Map(have)) => want.iter().all(|(key, value)| have.get(key) == Some(value)),
        _ => want == have,
    }
}

/// Whether a list entry cannot settle the comparison: a managed field is shown by a read only.
pub fn needs_full_read(desired: &Desired, traits: &Traits) -> bool {
    traits.rules.iter().any(|rule| !rule.listed && desired.fields.contains_key(rule.field))
}

/// What to send to take the mutable differences away; `None` when there are none.
pub fn changes(drift: &[Drift], desired: &Desired, observed: &Observed, mark: &Mark) -> Option<Changes> {
    let text = desired.description.clone().unwrap_or_else(|| strip(&observed.description));
    let description = Value::Text(mark.append_to(&text));
    let mut set = Fields::new();
    for entry in drift.iter().filter(|entry| entry.mutable) {
        match entry.field {
            "description" | OWNERSHIP => set.insert("description", description.clone()),
            field => set.insert(field, entry.want.clone()),
        };
    }
    if set.is_empty() {
        return None;
    }
    let mut wish = desired.fields.clone();
    wish.insert("name", Value::Text(desired.name.clone()));
    wish.insert("description", description);
    Some(Changes { set, desired: wish, observed: observed.fields.clone() })
}

/// The product as it is after an update that the vendor answered clearly.
pub fn applied(observed: &Observed, changes: &Changes) -> Observed {
    let mut product = observed.clone();
    for (field, value) in &changes.set {
        match (*field, value) {
            ("name", Value::Text(text)) => product.name.clone_from(text),
            ("description", Value::Text(text)) => product.description.clone_from(text),
            (_, Value::Map(want)) => match product.fields.get_mut(field) {
                Some(Value::Map(have)) => have.extend(want.clone()),
                _ => drop(product.fields.insert(field, value.clone())),
            },
            (_, value) => {
                product.fields.insert(field, value.clone());
            }
        }
    }
    product
}
