//! From a manifest to what the vendor is to hold. Later stages see only this.

use serde_json::Value as Json;

use crate::vendor::{Field, Fields, Traits, Value};

/// What a manifest asks of the vendor. A field that is absent here is not managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The vendor-side name.
    pub name: String,
    /// The user's description without mark; `None` leaves it alone.
    pub description: Option<String>,
    /// Every other managed field.
    pub fields: Fields,
}

/// A manifest that the API server let through and that still cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesiredError {
    /// Characters outside the basic plane count twice at the vendor, which CEL cannot see.
    #[error("spec.description has {units} UTF-16 units and {vendor} takes {limit}; shorten it")]
    DescriptionTooLong {
        /// The vendor.
        vendor: &'static str,
        /// Units of the text.
        units: usize,
        /// Units that leave room for the mark.
        limit: usize,
    },
    /// A field has a type that no rule of the vendor knows.
    #[error("spec.{field} cannot be read: {have}; write {want}")]
    Unreadable {
        /// The field.
        field: Field,
        /// What is there.
        have: String,
        /// What to write instead.
        want: &'static str,
    },
    /// The product is to be given a name that the vendor does not take.
    #[error(
        "the product is named {have:?} and cannot be renamed to spec.name: {message}; or write the name that it has"
    )]
    Name {
        /// The name at the vendor.
        have: String,
        /// What to write instead.
        message: &'static str,
    },
    /// The manifest has no name.
    #[error("spec.name is missing; write the product's name at the vendor")]
    NoName,
}

/// Reads what the vendor's rules know from a manifest's `spec`, given as JSON so that one walk serves
/// every vendor.
pub fn desired(spec: &Json, vendor: &'static str, traits: &Traits) -> Result<Desired, DesiredError> {
    let name = spec.get("name").and_then(Json::as_str).ok_or(DesiredError::NoName)?.to_owned();
    let description = spec.get("description").and_then(Json::as_str).map(str::to_owned);
    let units = description.as_deref().map_or(0, |text| text.encode_utf16().count());
    if units > traits.description_units {
        return Err(DesiredError::DescriptionTooLong { vendor, units, limit: traits.description_units });
    }
    let mut fields = fields(spec, traits)?;
    for rule in traits.rules {
        if let Some((other, value)) = rule.only_with
            && fields.get(other) != Some(&Value::Text(value.to_owned()))
        {
            fields.remove(rule.field);
        }
    }
    fields.remove("name");
    fields.remove("description");
    Ok(Desired { name, description, fields })
}

/// The vendor's fields in a JSON object that is shaped like `spec` (`status.observed` is, too).
pub fn fields(json: &Json, traits: &Traits) -> Result<Fields, DesiredError> {
    let mut fields = Fields::new();
    for rule in traits.rules {
        let found = rule.field.split('.').try_fold(json, |node, key| node.get(key));
        if let Some(found) = found.filter(|found| !found.is_null()) {
            fields.insert(rule.field, value(rule.field, found)?);
        }
    }
    Ok(fields)
}

fn value(field: Field, json: &Json) -> Result<Value, DesiredError> {
    let unreadable = || DesiredError::Unreadable {
        field,
        have: json.to_string(),
        want: "a text, a whole number, true or false",
    };
    match json {
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Bool(flag) => Ok(Value::Flag(*flag)),
        Json::Number(number) => number.as_i64().map(Value::Number).ok_or_else(unreadable),
        Json::Object(map) => map
            .iter()
            .map(|(key, entry)| Some((key.clone(), entry.as_str()?.to_owned())))
            .collect::<Option<_>>()
            .map(Value::Map)
            .ok_or_else(unreadable),
        Json::Null | Json::Array(_) => Err(unreadable()),
    }
}

/// The inverse of [`fields`]: a JSON object shaped like `spec`.
pub fn to_json(fields: &Fields) -> Json {
    let mut root = serde_json::Map::new();
    for (path, value) in fields {
        let leaf = match value {
            Value::Text(text) => Json::from(text.as_str()),
            Value::Number(number) => Json::from(*number),
            Value::Flag(flag) => Json::from(*flag),
            Value::Map(map) => map.iter().map(|(k, v)| (k.clone(), Json::from(v.as_str()))).collect(),
        };
        insert(&mut root, path, leaf);
    }
    Json::Object(root)
}

fn insert(node: &mut serde_json::Map<String, Json>, path: &str, leaf: Json) {
    match path.split_once('.') {
        None => {
            node.insert(path.to_owned(), leaf);
        }
        Some((head, rest)) => {
            let child = node.entry(head).or_insert_with(|| Json::Object(serde_json::Map::new()));
            if let Json::Object(child) = child {
                insert(child, rest, leaf);
            }
        }
    }
}
