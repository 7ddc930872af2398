//! Requests and answers as they are on the wire.
//!
//! The vendor's tables and samples contradict each other (`manufacturer_id` as text and number, ids as number
//! and text, members in one edition only), so answers are picked apart member by member.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::http::transport::MAX_REFUSAL;
use crate::vendor::known::{self, Known};
use crate::vendor::pages;

pub(super) use crate::vendor::known::Unreadable;

/// Members of one answer or of an object in it.
pub(super) type Members = Map<String, Value>;

/// Page of a list. An instance has 500 products unless its quota was raised, and a page of that many stays
/// far below the longest answer that is read ("`ListProducts`": at most 999).
pub(super) const PAGE: u64 = 500;

/// Largest lists: 500 products in an instance ("Quotas"), which the vendor raises when it is asked to.
pub(super) const LIST: pages::Bounds = pages::Bounds { page: PAGE, quota: 500 };

/// What is read of an answer.
const KNOWN: Known = Known { names: NAMES, elements: PAGE };

/// Every member that is read of an answer that is a success.
const NAMES: &[&str] = &[
    "items",
    "total",
    "summary",
    "id",
    "product_serial",
    "app_id",
    "name",
    "manufacturer_id",
    "manufacturer_name",
    "model",
    "product_type",
    "protocol_type",
    "data_format",
    "device_type",
    "description",
    "version",
    "template_id",
    "authentication",
    "user_name",
    "created_datetime",
    // Of a token.
    "token",
    "expires_at",
    "issued_at",
];

/// What a failure's body holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

/// An answer's members; an empty body (a delete's 204) has none.
pub(super) fn members(body: &[u8]) -> Result<Members, Unreadable> {
    if body.is_empty() { Ok(Members::new()) } else { known::read(body, &KNOWN) }
}

/// Reads a failure in the order of the vendor's SDK: three spellings, at the top or one object deep, whatever that is called.
pub(super) fn refusal(body: &[u8]) -> Option<Refusal> {
    // Longer ones are not read from the network either.
    let whole = body.get(..MAX_REFUSAL + 1).is_none().then_some(body)?;
    let top: Members = serde_json::from_slice(whole).ok()?;
    let deeper = top.values().filter_map(Value::as_object);
    let (found, holder) = std::iter::once(&top).chain(deeper).find_map(|members| {
        let names = [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message")];
        let at = |(code, message): (&str, &str)| Some((filled(members, code)?, text(members, message)));
        Some((names.into_iter().find_map(at)?, members))
    })?;
    let request_id = filled(holder, "request_id").or_else(|| filled(&top, "request_id"));
    Some(Refusal { code: found.0, message: found.1.unwrap_or_default(), request_id })
}

/// The fields that a message of the form `[field:reason, …]` complains of.
pub(super) fn bad_fields(message: &str) -> Vec<&str> {
    let Some((_, list)) = message.split_once('[') else {
        return Vec::new();
    };
    let list = list.split_once(']').map_or(list, |(list, _)| list);
    list.split(',').filter_map(|entry| Some(entry.split_once(':')?.0.trim())).collect()
}

/// A product as an answer shows it; every member may be missing.
#[derive(Debug, Default, Clone)]
pub(super) struct Product {
    /// Decimal digits.
    pub(super) id: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) app_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) manufacturer_id: Option<String>,
    pub(super) manufacturer_name: Option<String>,
    pub(super) model: Option<String>,
    /// `product_type`.
    pub(super) kind: Option<i64>,
    pub(super) protocol_type: Option<i64>,
    pub(super) data_format: Option<i64>,
    pub(super) device_type: Option<String>,
    pub(super) description: Option<String>,
    pub(super) version: Option<String>,
    pub(super) template_id: Option<i64>,
    pub(super) user_name: Option<String>,
    /// Seconds since the Unix epoch.
    pub(super) created_at: Option<i64>,
}

/// Reads a product. `status` is in samples only and says nothing; the password is masked.
pub(super) fn product(members: &Members) -> Product {
    let authentication = members.get("authentication").and_then(Value::as_object);
    Product {
        id: id(members),
        serial: filled(members, "product_serial"),
        app_id: filled(members, "app_id"),
        name: filled(members, "name"),
        manufacturer_id: filled(members, "manufacturer_id"),
        manufacturer_name: filled(members, "manufacturer_name"),
        model: filled(members, "model").map(|model| model.trim().to_owned()),
        kind: number(members, "product_type"),
        protocol_type: number(members, "protocol_type"),
        data_format: number(members, "data_format"),
        device_type: filled(members, "device_type"),
        description: text(members, "description"),
        version: text(members, "version"),
        template_id: number(members, "template_id").filter(|id| *id > 0),
        user_name: authentication.and_then(|shown| filled(shown, "user_name")),
        created_at: number(members, "created_datetime").filter(|ms| *ms > 0).map(|ms| ms / 1_000),
    }
}

/// One page of `ListProducts`. `None` when the total or the list is missing.
pub(super) fn page(members: &Members) -> Option<(u64, Vec<Product>)> {
    let products = match members.get("items") {
        Some(Value::Array(entries)) => {
            entries.iter().map(|entry| entry.as_object().map(product).unwrap_or_default()).collect()
        }
        Some(Value::Null) => Vec::new(),
        _ => return None,
    };
    Some((count(members, "total")?, products))
}

/// `summary` of `ListDevicesInProduct`.
pub(super) fn devices(members: &Members) -> Option<u64> {
    count(members, "summary")
}

/// The id as text: it is larger than what a float tells apart ("`CreateProduct`": up to 17 digits).
fn id(members: &Members) -> Option<String> {
    let id = filled(members, "id")?;
    is_id(&id).then_some(id)
}

/// Whether a text can be a product's id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

fn count(members: &Members, name: &str) -> Option<u64> {
    number(members, name).and_then(|count| u64::try_from(count).ok())
}

/// A text; numbers count as their text.
fn text(members: &Members, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text that is not empty.
fn filled(members: &Members, name: &str) -> Option<String> {
    text(members, name).filter(|text| !text.is_empty())
}

/// A whole number, also as text. Fractions and exponents would not be exact.
fn number(members: &Members, name: &str) -> Option<i64> {
    match members.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Body of `ResetProductAuthentication`. One with neither value would have the vendor make a new password,
/// so there is none.
pub(super) fn authentication(user_name: Option<&str>, password: Option<&SecretString>) -> Option<String> {
    let mut body = Members::new();
    if let Some(user_name) = user_name.filter(|text| !text.is_empty()) {
        body.insert("user_name".to_owned(), user_name.into());
    }
    if let Some(password) = password.map(ExposeSecret::expose_secret).filter(|text| !text.is_empty()) {
        body.insert("password".to_owned(), password.into());
    }
    (!body.is_empty()).then(|| Value::Object(body).to_string())
}

/// Body of a request for a token, valid in one project.
pub(super) fn login(domain: &str, user: &str, password: &SecretString, project_id: &str) -> String {
    let user = json!({ "name": user, "password": password.expose_secret(), "domain": { "name": domain } });
    json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": user } },
        "scope": { "project": { "id": project_id } },
    }})
    .to_string()
}

#[cfg(test)]
mod tests;
