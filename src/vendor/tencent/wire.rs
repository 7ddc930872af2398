//! Requests and answers as they are on the wire.
//!
//! The vendor's samples contradict its schema (numbers as text and the other way round, members missing,
//! null or in another spelling), so answers are picked apart member by member and nothing that is odd in
//! one member hides the others.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::vendor::known::{self, Known};
use crate::vendor::{bounds, pages};

pub(in crate::vendor) use crate::vendor::known::Unreadable;

/// Members of one answer or of an object in it.
pub(in crate::vendor) type Members = Map<String, Value>;

/// Largest page of `DescribeProducts` ("DescribeProducts": 10 to 250).
pub(super) const PAGE: u64 = 250;

/// Largest lists: 2,000 products in an account ("Product limits").
pub(super) const LIST: pages::Bounds = pages::Bounds { page: PAGE, quota: 2_000 };

/// What is read of an answer.
const KNOWN: Known = Known { names: NAMES, elements: PAGE };

/// Every member that is read here.
const NAMES: &[&str] = &[
    "Response",
    "Products",
    "ProductId",
    "ProductName",
    "ProductMetadata",
    "CreationDate",
    "ProductProperties",
    "ProductDescription",
    "EncryptionType",
    "ProductType",
    "Format",
    "ModelId",
    "AppEUI",
    "Appeui",
    "RegisterType",
    "RegisterLimit",
    "ProductSecret",
    "PrivateCAName",
    "ForbiddenStatus",
    "TotalCount",
    "RequestId",
    "Error",
    "Code",
    "Message",
    "code",
    "codeDesc",
    "message",
    "requestId",
];

/// From here on a creation date is in milliseconds: in seconds it would be in the year 33658.
const MILLISECONDS: i64 = 1_000_000_000_000;

/// What an answer's envelope holds.
#[derive(Debug)]
pub(super) struct Envelope {
    /// The vendor's id of the request.
    pub(super) request_id: Option<String>,
    /// The action's members, or the vendor's refusal.
    pub(super) content: Result<Members, Refusal>,
}

/// The vendor's `Error` object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Full code, if any.
    pub(super) code: Option<String>,
    /// Message, which may change at any time ("Returned Result").
    pub(super) message: String,
}

/// Reads `{"Response": …}` or the legacy `{"code", "message", "codeDesc"}`, which the vendor's gateway
/// can answer at the 3.0 host too.
pub(super) fn envelope(body: &[u8]) -> Result<Envelope, Unreadable> {
    let mut top = known::read(body, &KNOWN)?;
    if let Some(refusal) = legacy_refusal(&top) {
        let request_id = text(&top, &["requestId", "RequestId"]);
        return Ok(Envelope { request_id, content: Err(refusal) });
    }
    let Some(Value::Object(members)) = top.remove("Response") else {
        return Err(Unreadable::NoAnswer);
    };
    let request_id = text(&members, &["RequestId"]);
    let content = match members.get("Error") {
        None | Some(Value::Null) => Ok(members),
        Some(Value::Object(error)) => Err(Refusal {
            code: text(error, &["Code"]),
            message: text(error, &["Message"]).unwrap_or_default(),
        }),
        Some(_) => Err(Refusal { code: None, message: String::new() }),
    };
    Ok(Envelope { request_id, content })
}

fn legacy_refusal(top: &Members) -> Option<Refusal> {
    let number = text(top, &["code"]).filter(|code| code != "0")?;
    let code = text(top, &["codeDesc"]).unwrap_or(number);
    Some(Refusal { code: Some(code), message: text(top, &["message"]).unwrap_or_default() })
}

/// A product as an answer shows it; every member may be missing.
#[derive(Debug, Default)]
pub(super) struct Product {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// Seconds since the Unix epoch.
    pub(super) created_at: Option<i64>,
    pub(super) properties: Properties,
}

/// `ProductProperties`, as far as it is used. Left out: `Region`, `Platform`, `ModelName`, which answers
/// show wrongly, and what only mirrors another product.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub(super) description: Option<String>,
    pub(super) encryption: Option<i64>,
    pub(super) product_type: Option<i64>,
    pub(super) format: Option<String>,
    pub(super) model_id: Option<String>,
    pub(super) app_eui: Option<String>,
    pub(super) register_type: Option<i64>,
    pub(super) register_limit: Option<i64>,
    pub(super) secret: Option<SecretString>,
    /// Shown and empty means that no certificate is bound.
    pub(super) private_ca: Option<String>,
    pub(super) forbidden: Option<i64>,
}

/// Reads `DescribeProduct`'s answer, a list entry, or `CreateProduct`'s answer.
pub(super) fn product(members: &Members) -> Product {
    let object = |name: &str| members.get(name).and_then(Value::as_object);
    Product {
        id: filled(members, &["ProductId"]).filter(|id| bounds::is_id(id)),
        name: filled(members, &["ProductName"]),
        created_at: object("ProductMetadata").and_then(|meta| number(meta, "CreationDate")).and_then(seconds),
        properties: object("ProductProperties").map(properties).unwrap_or_default(),
    }
}

fn properties(members: &Members) -> Properties {
    Properties {
        description: text(members, &["ProductDescription"]),
        encryption: number(members, "EncryptionType"),
        product_type: number(members, "ProductType"),
        format: filled(members, &["Format"]),
        model_id: filled(members, &["ModelId"]).filter(|id| id != "-1"),
        app_eui: filled(members, &["AppEUI", "Appeui"]),
        register_type: number(members, "RegisterType"),
        register_limit: number(members, "RegisterLimit"),
        secret: secret(members),
        private_ca: text(members, &["PrivateCAName"]),
        forbidden: number(members, "ForbiddenStatus"),
    }
}

/// `ProductSecret`, if it is shown and not empty.
pub(super) fn secret(members: &Members) -> Option<SecretString> {
    filled(members, &["ProductSecret"]).and_then(bounds::secret)
}

/// One page of `DescribeProducts`. `None` when the total or the list is missing.
pub(super) fn page(members: &Members) -> Option<(u64, Vec<Product>)> {
    let products = match members.get("Products") {
        Some(Value::Array(entries)) => {
            entries.iter().map(|entry| entry.as_object().map(product).unwrap_or_default()).collect()
        }
        // An empty list is null in some of the vendor's answers.
        Some(Value::Null) => Vec::new(),
        _ => return None,
    };
    Some((total(members)?, products))
}

/// `TotalCount` of a list.
pub(super) fn total(members: &Members) -> Option<u64> {
    number(members, "TotalCount").and_then(|total| u64::try_from(total).ok())
}

pub(in crate::vendor) fn seconds(date: i64) -> Option<i64> {
    match date {
        ..=0 => None,
        MILLISECONDS.. => Some(date / 1_000),
        _ => Some(date),
    }
}

/// The first of several spellings that holds a text; numbers count as their text.
pub(in crate::vendor) fn text(members: &Members, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match members.get(*name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The first of several spellings that holds a text that is not empty.
pub(in crate::vendor) fn filled(members: &Members, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(members, &[*name]).filter(|text| !text.is_empty()))
}

/// A whole number, also as text or as a fraction without a fraction.
pub(in crate::vendor) fn number(members: &Members, name: &str) -> Option<i64> {
    match members.get(name)? {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the range and the fraction are checked first")]
fn whole(number: f64) -> Option<i64> {
    // Beyond 2^53 a float no longer tells whole numbers apart.
    (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
}

/// Body of `CreateProduct`. Undefined members are refused (`UnknownParameter`), so nothing is sent empty.
pub(super) fn create(name: &str, properties: &Value, skey: Option<&SecretString>) -> String {
    let mut body = json!({ "ProductName": name, "ProductProperties": properties });
    if let Some(skey) = skey {
        body["Skey"] = skey.expose_secret().into();
    }
    body.to_string()
}

/// Body of every action that names a product and nothing else.
pub(super) fn of_product(id: &str) -> String {
    json!({ "ProductId": id }).to_string()
}

/// Body of `DeleteProduct`.
pub(super) fn delete(id: &str, skey: Option<&SecretString>) -> String {
    match skey {
        None => of_product(id),
        Some(skey) => json!({ "ProductId": id, "Skey": skey.expose_secret() }).to_string(),
    }
}

/// Body of `DescribeProducts`.
pub(super) fn products(offset: u64) -> String {
    json!({ "Offset": offset, "Limit": PAGE }).to_string()
}

/// Body of `DescribeDevices` for their number: the smallest page.
pub(super) fn devices(id: &str) -> String {
    json!({ "ProductId": id, "Offset": 0, "Limit": 10 }).to_string()
}

/// Body of `UpdateProductDynamicRegister`; both values are required, whatever the type.
pub(super) fn register(id: &str, register_type: i64, limit: i64) -> String {
    json!({ "ProductId": id, "RegisterType": register_type, "RegisterLimit": limit }).to_string()
}

/// Body of `SetProductsForbiddenStatus`, which takes a list: one id, because with several a partial
/// failure could not be told.
pub(super) fn forbid(id: &str, forbidden: bool) -> String {
    json!({ "ProductId": [id], "Status": i64::from(forbidden) }).to_string()
}

/// Body of `UpdateProductPrivateCA`.
pub(super) fn bind_ca(id: &str, name: &str) -> String {
    json!({ "ProductId": id, "CertName": name }).to_string()
}

#[cfg(test)]
mod tests;
