//! What differs between a wish and a product, and what can be done about it.

use super::desired::{Desired, DesiredError};
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
    /// Why this product's description cannot be changed, and with it the mark, at a vendor that changes others'.
    pub hindrance: Option<Hindrance>,
}

/// Why a description cannot be changed at a vendor that changes others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// The mark does not fit behind the vendor's text, which the manifest does not manage.
    NoRoom,
    /// The change would repeat a name that the vendor's console took and its API does not.
    Name,
}

impl Hindrance {
    /// Why a product is managed without the operator's mark, and what makes it marked.
    pub fn told(self, id: &str, traits: &Traits) -> String {
        let (why, instead) = match self {
            Self::NoRoom => (
                "its description leaves no room for it",
                format!(
                    "shorten the description at the vendor, or write a spec.description, of at most {} characters",
                    traits.description_units
                ),
            ),
            Self::Name => (
                "a change of the description repeats the product's name, which the vendor's API does not take",
                "write a spec.name that it takes, which renames the product".to_owned(),
            ),
        };
        format!(
            "product {id} is managed without the operator's mark, because {why}. To have it marked, {instead}"
        )
    }
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
    let hindrance = hindrance(desired, observed, traits);
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
            let hindrance = hindrance.filter(|_| rule.field == "description");
            let mutable = rule.mutable && hindrance.is_none();
            (!same(&want, &have)).then_some(Drift { field: rule.field, want, have, mutable, hindrance })
        })
        .collect();
    if let Some(have) = other_mark(observed, mark, origin, traits) {
        drift.push(Drift {
            field: OWNERSHIP,
            want: Value::Text(mark.to_string()),
            have: Value::Text(have),
            mutable: traits.can_remark && hindrance.is_none(),
            hindrance,
        });
    }
    drift
}

/// Why the description of this product cannot be changed. One that the manifest manages leaves room for the mark.
fn hindrance(desired: &Desired, observed: &Observed, traits: &Traits) -> Option<Hindrance> {
    let renamed = desired.name != observed.name && traits.names.takes(&desired.name);
    if !traits.can_remark {
        None
    } else if !traits.names.takes(&observed.name) && !renamed {
        Some(Hindrance::Name)
    } else {
        // A text of so many bytes has no more units.
        let fits = desired.description.is_some()
            || observed.description.len() <= traits.description_units
            || strip(&observed.description).encode_utf16().count() <= traits.description_units;
        (!fits).then_some(Hindrance::NoRoom)
    }
}

/// Whether a name that is about to be sent is one that the vendor takes. The definition lets any pass in a manifest that
/// imports a product.
pub fn check_name(drift: &[Drift], traits: &Traits) -> Result<(), DesiredError> {
    let wrong = |entry: &&Drift| {
        let taken = matches!(&entry.want, Value::Text(name) if traits.names.takes(name));
        entry.field == "name" && entry.mutable && !taken
    };
    drift.iter().find(wrong).map_or(Ok(()), |entry| {
        Err(DesiredError::Name { have: entry.have.shown(), message: traits.names.message })
    })
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

/// What to send to take the mutable differences away; `None` when there are none. What a call repeats besides is as the
/// vendor has it: a difference that is not to be mended now stays.
pub fn changes(drift: &[Drift], desired: &Desired, observed: &Observed, mark: &Mark) -> Option<Changes> {
    let text = desired.description.clone().unwrap_or_else(|| strip(&observed.description));
    let mut set = Fields::new();
    for entry in drift.iter().filter(|entry| entry.mutable) {
        match entry.field {
            "description" | OWNERSHIP => set.insert("description", Value::Text(mark.append_to(&text))),
            field => set.insert(field, entry.want.clone()),
        };
    }
    if set.is_empty() {
        return None;
    }
    let mut after = desired.fields.clone();
    let shown = |field: &Field| desired.fields.contains_key(field);
    after.extend(observed.fields.iter().filter(|(field, _)| shown(field)).map(|(f, v)| (*f, v.clone())));
    after.insert("name", Value::Text(observed.name.clone()));
    after.insert("description", Value::Text(observed.description.clone()));
    after.extend(set.clone());
    Some(Changes { set, desired: after, observed: observed.fields.clone() })
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
