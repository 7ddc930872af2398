//! Parameters of an action: which there are, of what type, which must be there.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Type of a parameter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Uint,
    Texts,
    Object(&'static [Field]),
}

/// One parameter.
#[derive(Debug)]
pub(crate) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

/// Checked parameters of a call.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Params(Map<String, Value>);

impl Params {
    /// Text of a parameter; a required one is there after [`check`].
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(crate) fn uint(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    }

    pub(crate) fn object(&self, name: &str) -> Self {
        self.0.get(name).and_then(Value::as_object).map(|map| Self(map.clone())).unwrap_or_default()
    }
}

/// Checks a JSON document against the parameters of an action.
pub(crate) fn check(fields: &'static [Field], document: &Value) -> Result<Params, Refusal> {
    let object = document.as_object().ok_or_else(|| Refusal::invalid("The body is not a JSON object."))?;
    check_object(fields, object, "")?;
    Ok(Params(object.clone()))
}

fn check_object(fields: &'static [Field], object: &Map<String, Value>, prefix: &str) -> Result<(), Refusal> {
    if let Some(name) = object.keys().find(|name| !fields.iter().any(|field| field.name == name.as_str())) {
        let message = format!("The parameter `{prefix}{name}` is not recognized.");
        return Err(Refusal::new("UnknownParameter", message));
    }
    for field in fields {
        let name = format!("{prefix}{}", field.name);
        match object.get(field.name) {
            None if field.required => return Err(Refusal::missing(&name)),
            None => {}
            Some(value) => check_value(field.kind, value, &name)?,
        }
    }
    Ok(())
}

fn check_value(kind: Kind, value: &Value, name: &str) -> Result<(), Refusal> {
    let (fits, expected) = match kind {
        Kind::Text => (value.is_string(), "a string"),
        Kind::Uint => (value.is_u64(), "an unsigned integer"),
        Kind::Texts => {
            (value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "a list of strings")
        }
        Kind::Object(fields) => match value.as_object() {
            Some(object) => return check_object(fields, object, &format!("{name}.")),
            None => (false, "an object"),
        },
    };
    if fits { Ok(()) } else { Err(Refusal::invalid(format!("The parameter `{name}` must be {expected}."))) }
}

/// Builds the document that a flattened parameter list (`A.B=v`, `A.0=v`) stands for, with the types of the
/// schema. Names that it does not have stay texts, for [`check`] to refuse.
pub(crate) fn unflatten(fields: &'static [Field], pairs: &[(String, String)]) -> Result<Value, Refusal> {
    let mut groups: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    let mut document = Map::new();
    for (name, value) in pairs {
        let (head, rest) = name.split_once('.').unwrap_or((name, ""));
        groups.entry(head).or_default().push((rest.to_owned(), value.clone()));
    }
    for (head, members) in groups {
        let kind = fields.iter().find(|field| field.name == head).map(|field| field.kind);
        document.insert(head.to_owned(), unflatten_value(kind, head, &members)?);
    }
    Ok(Value::Object(document))
}

fn unflatten_value(kind: Option<Kind>, name: &str, members: &[(String, String)]) -> Result<Value, Refusal> {
    let wrong = || Refusal::invalid(format!("The parameter `{name}` has a wrong form."));
    match kind {
        Some(Kind::Object(fields)) => unflatten(fields, members),
        Some(Kind::Texts) => {
            let mut items = BTreeMap::new();
            for (index, value) in members {
                items.insert(index.parse::<usize>().map_err(|_| wrong())?, Value::from(value.as_str()));
            }
            Ok(items.into_values().collect())
        }
        Some(Kind::Uint) => {
            let number = single(members).and_then(|text| text.parse::<u64>().ok()).ok_or_else(wrong)?;
            Ok(Value::from(number))
        }
        Some(Kind::Text) => single(members).map(Value::from).ok_or_else(wrong),
        None => Ok(Value::from(members.first().map_or("", |(_, value)| value.as_str()))),
    }
}

fn single(members: &[(String, String)]) -> Option<&str> {
    match members {
        [(rest, value)] if rest.is_empty() => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: &[Field] = &[optional("Format", Kind::Text), optional("ProductType", Kind::Uint)];
    const FIELDS: &[Field] = &[
        required("ProductName", Kind::Text),
        optional("ProductProperties", Kind::Object(INNER)),
        optional("ProductId", Kind::Texts),
    ];

    fn code(document: &Value) -> String {
        check(FIELDS, document).unwrap_err().code
    }

    #[test]
    fn missing_wrong_and_unknown_parameters_have_their_codes() {
        assert!(check(FIELDS, &json!({"ProductName": "a", "ProductProperties": {"ProductType": 0}})).is_ok());
        assert_eq!(code(&json!({})), "MissingParameter");
        assert_eq!(code(&json!([])), "InvalidParameter");
        assert_eq!(code(&json!({"ProductName": 1})), "InvalidParameter");
        assert_eq!(code(&json!({"ProductName": null})), "InvalidParameter");
        assert_eq!(code(&json!({"ProductName": "a", "ClientToken": "x"})), "UnknownParameter");
        assert_eq!(
            code(&json!({"ProductName": "a", "ProductProperties": {"ProductType": "0"}})),
            "InvalidParameter"
        );
        assert_eq!(
            code(&json!({"ProductName": "a", "ProductProperties": {"ProductType": -1}})),
            "InvalidParameter"
        );
        let refusal =
            check(FIELDS, &json!({"ProductName": "a", "ProductProperties": {"Colour": "x"}})).unwrap_err();
        assert_eq!(refusal.code, "UnknownParameter");
        assert!(refusal.message.contains("ProductProperties.Colour"), "{}", refusal.message);
    }

    #[test]
    fn flattened_parameters_become_the_same_document() {
        let pairs = [
            ("ProductProperties.ProductType", "5"),
            ("ProductProperties.Format", "json"),
            ("ProductId.10", "C"),
            ("ProductId.2", "B"),
            ("ProductName", "a"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            unflatten(FIELDS, &pairs).unwrap(),
            json!({"ProductName": "a", "ProductId": ["B", "C"], "ProductProperties": {"Format": "json", "ProductType": 5}})
        );
        let bad = [("ProductProperties.ProductType".to_owned(), "five".to_owned())];
        assert_eq!(unflatten(FIELDS, &bad).unwrap_err().code, "InvalidParameter");
    }
}
