//! Requests and answers as they are on the wire.
//!
//! The documents print numbers as texts and the other way round, and a sample of a list leaves every
//! property out, so answers are picked apart member by member, as those of the newer API are.

use serde_json::{Value, json};

use super::sign::Parameters;
use crate::vendor::known::{self, Known};
use crate::vendor::tencent::wire::{filled, number, seconds, text};
use crate::vendor::{bounds, pages};

pub(super) use crate::vendor::tencent::wire::{Members, Unreadable};

/// Largest page of `ListProducts` (`ListProducts`: 10 to 250).
pub(super) const PAGE: u64 = 250;

/// Largest lists: 2,000 products in an account ("Product limits").
pub(super) const LIST: pages::Bounds = pages::Bounds { page: PAGE, quota: 2_000 };

/// What is read of an answer.
const KNOWN: Known = Known { names: NAMES, elements: PAGE };

/// Every member that is read here.
const NAMES: &[&str] = &[
    "code",
    "products",
    "productID",
    "productId",
    "productName",
    "productMetadata",
    "creationDate",
    "productProperties",
    "productDescription",
    "encryptionType",
    "productType",
    "totalCnt",
    "message",
    "codeDesc",
];

/// The vendor's refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// `code`, common to all services.
    pub(super) code: i64,
    /// The service's own code: the number in parentheses at the start of the message.
    pub(super) module: Option<u32>,
    /// The message behind that number, with the reason's name if it has one.
    pub(super) message: String,
}

/// Reads `{"code", "message", "codeDesc", …}`: the action's members, or the vendor's refusal.
pub(super) fn envelope(body: &[u8]) -> Result<Result<Members, Refusal>, Unreadable> {
    let members = known::read(body, &KNOWN)?;
    let code = number(&members, "code").ok_or(Unreadable::NoAnswer)?;
    if code == 0 {
        return Ok(Ok(members));
    }
    let message = text(&members, &["message"]).unwrap_or_default();
    let (module, words) = module(&message);
    let message = match filled(&members, &["codeDesc"]) {
        None => words.to_owned(),
        Some(name) if words.is_empty() => name,
        Some(name) => format!("{words}, {name}"),
    };
    Ok(Err(Refusal { code, module, message }))
}

/// Splits `(1001)text`, with ASCII or full-width parentheses (`CreateProduct`, error codes).
fn module(message: &str) -> (Option<u32>, &str) {
    let message = message.trim();
    let split = message.strip_prefix(['(', '（']).and_then(|rest| rest.split_once([')', '）']));
    match split.map(|(number, words)| (digits(number), words.trim())) {
        Some((Some(number), words)) => (Some(number), words),
        _ => (None, message),
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A product as an entry of a list shows it; every member may be missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    /// Seconds since the Unix epoch; milliseconds on the wire.
    pub(super) created_at: Option<i64>,
    pub(super) description: Option<String>,
    pub(super) encryption: Option<i64>,
    pub(super) kind: Option<i64>,
}

/// Reads an entry of a list. Left out: `region`, which is always `gz`.
pub(super) fn product(members: &Members) -> Product {
    let object = |name: &str| members.get(name).and_then(Value::as_object);
    let properties = object("productProperties");
    Product {
        id: id(members),
        name: filled(members, &["productName"]),
        created_at: object("productMetadata").and_then(|meta| number(meta, "creationDate")).and_then(seconds),
        description: properties.and_then(|members| text(members, &["productDescription"])),
        encryption: properties.and_then(|members| number(members, "encryptionType")),
        kind: properties.and_then(|members| number(members, "productType")),
    }
}

/// `productID`, of an entry or of a create's answer.
pub(super) fn id(members: &Members) -> Option<String> {
    filled(members, &["productID", "productId"]).filter(|id| bounds::is_id(id))
}

/// One page of `ListProducts`. `None` when the total or the list is missing.
pub(super) fn page(members: &Members) -> Option<(u64, Vec<Product>)> {
    let products = match members.get("products") {
        Some(Value::Array(entries)) => {
            entries.iter().map(|entry| entry.as_object().map(product).unwrap_or_default()).collect()
        }
        Some(Value::Null) => Vec::new(),
        _ => return None,
    };
    Some((total(members)?, products))
}

/// `totalCnt` of a list.
pub(super) fn total(members: &Members) -> Option<u64> {
    number(members, "totalCnt").and_then(|total| u64::try_from(total).ok())
}

/// Parameters of `CreateProduct`. The properties are one parameter whose value is a JSON text.
pub(super) fn create(name: &str, properties: &Value) -> Parameters {
    vec![("productName", name.to_owned()), ("productProperties", properties.to_string())]
}

/// `productProperties` of a create.
pub(super) fn properties(description: &str, encryption: i64, kind: i64) -> Value {
    json!({
        "productDescription": description,
        "encryptionType": encryption.to_string(),
        "region": "gz",
        "productType": kind,
    })
}

/// Parameters of `ListProducts`; pages count from 1.
pub(super) fn products(page: u64) -> Parameters {
    vec![("pageNum", page.to_string()), ("pageSize", PAGE.to_string())]
}

/// Parameters of `ListDevices` for their number: the smallest page.
pub(super) fn devices(id: &str) -> Parameters {
    vec![("pageNum", "1".to_owned()), ("pageSize", "10".to_owned()), ("productID", id.to_owned())]
}

/// Parameters of `DeleteProduct`.
pub(super) fn delete(id: &str) -> Parameters {
    vec![("productID", id.to_owned())]
}

#[cfg(test)]
mod tests;
