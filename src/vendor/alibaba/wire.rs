//! Requests and answers as they are on the wire.
//!
//! The vendor's documents disagree about the shape of failures and leave members out by edition, so answers
//! are picked apart member by member and nothing that is odd in one member hides the others.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::vendor::known::{self, Known};
use crate::vendor::{bounds, pages};

pub(super) use crate::vendor::known::Unreadable;

/// Members of one answer or of an object in it.
pub(super) type Members = Map<String, Value>;

/// Parameters of a request, in any order: the signature sorts them.
pub(super) type Parameters = Vec<(String, String)>;

/// Largest page of `QueryProductList` ("QueryProductList": 1 to 200).
pub(super) const PAGE: u64 = 200;

/// Largest lists: 1,000 products in an instance ("Limits").
pub(super) const LIST: pages::Bounds = pages::Bounds { page: PAGE, quota: 1_000 };

/// What is read of an answer. A product has 100 tags at most, so a page of products is the longest array.
const KNOWN: Known = Known { names: NAMES, elements: PAGE };

/// Every member that is read here.
const NAMES: &[&str] = &[
    "RequestId",
    "requestId",
    "Success",
    "Code",
    "code",
    "ErrorMessage",
    "Message",
    "message",
    "InvalidProductTags",
    "ProductTag",
    "TagKey",
    "TagValue",
    "Data",
    "Total",
    "List",
    "ProductInfo",
    "ProductKey",
    "ProductName",
    "Description",
    "ProductSecret",
    "ProductStatus",
    "AliyunCommodityCode",
    "NodeType",
    "DataFormat",
    "NetType",
    "ProtocolType",
    "AuthType",
    "Id2",
    "ValidateType",
    "CategoryKey",
    "DeviceCount",
    "GmtCreate",
];

/// Tags of one call ("CreateProductTags": up to 10).
pub(super) const TAGS: usize = 10;

/// What an answer's envelope holds.
#[derive(Debug)]
pub(super) struct Envelope {
    /// The vendor's id of the request.
    pub(super) request_id: Option<String>,
    /// The answer's members, or the vendor's refusal.
    pub(super) content: Result<Members, Refusal>,
}

/// A failure of either shape: `Success: false` with `Code` and `ErrorMessage`, or the gateway's `Code` and
/// `Message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Full code, if any.
    pub(super) code: Option<String>,
    /// Message.
    pub(super) message: String,
}

/// Reads an answer, whatever its HTTP status: business failures come with 200 or without.
pub(super) fn envelope(body: &[u8]) -> Result<Envelope, Unreadable> {
    let members = known::read(body, &KNOWN)?;
    let request_id = filled(&members, &["RequestId", "requestId"]);
    let code = filled(&members, &["Code", "code"]).filter(|code| code != "200");
    let content = match (flag(&members, "Success"), &code) {
        // On success a code says nothing.
        (Some(true), _) => Ok(members),
        (None, None) if request_id.is_some() => Ok(members),
        (None, None) => return Err(Unreadable::NoAnswer),
        (Some(false), _) | (None, Some(_)) => Err(Refusal { code, message: message(&members) }),
    };
    Ok(Envelope { request_id, content })
}

/// The message, and the tags that it is about: only they say which of ten was refused.
fn message(members: &Members) -> String {
    let mut message = filled(members, &["ErrorMessage", "Message", "message"]).unwrap_or_default();
    let refused = members.get("InvalidProductTags").and_then(Value::as_object).map(pairs).unwrap_or_default();
    if !refused.is_empty() {
        let refused: Vec<_> = refused.iter().map(|(key, value)| format!("{key}={value}")).collect();
        message = format!("{message} (refused: {})", refused.join(", "));
    }
    message
}

/// A product as an answer shows it; every member may be missing.
#[derive(Debug, Default)]
pub(super) struct Product {
    pub(super) key: Option<String>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) secret: Option<SecretString>,
    /// `DEVELOPMENT_STATUS`, `RELEASE_STATUS`.
    pub(super) status: Option<String>,
    pub(super) commodity: Option<String>,
    pub(super) node_type: Option<i64>,
    pub(super) data_format: Option<i64>,
    /// A number in answers, a text in `CreateProduct`; either is kept as text.
    pub(super) net_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) auth_type: Option<String>,
    pub(super) id2: Option<bool>,
    pub(super) validate_type: Option<i64>,
    pub(super) category: Option<String>,
    pub(super) devices: Option<u64>,
    /// Seconds since the Unix epoch.
    pub(super) created_at: Option<i64>,
}

/// Reads the `Data` of `QueryProduct`. `None` when it is missing.
pub(super) fn data(members: &Members) -> Option<Product> {
    members.get("Data").and_then(Value::as_object).map(product)
}

fn product(members: &Members) -> Product {
    Product {
        key: key(members),
        name: filled(members, &["ProductName"]),
        description: text(members, "Description"),
        secret: filled(members, &["ProductSecret"]).and_then(bounds::secret),
        status: filled(members, &["ProductStatus"]),
        commodity: filled(members, &["AliyunCommodityCode"]),
        node_type: number(members, "NodeType"),
        data_format: number(members, "DataFormat"),
        net_type: filled(members, &["NetType"]),
        protocol: filled(members, &["ProtocolType"]),
        auth_type: filled(members, &["AuthType"]),
        id2: flag(members, "Id2"),
        validate_type: number(members, "ValidateType"),
        category: filled(members, &["CategoryKey"]),
        devices: number(members, "DeviceCount").and_then(|count| u64::try_from(count).ok()),
        created_at: number(members, "GmtCreate")
            .filter(|at| *at > 0)
            .map(|milliseconds| milliseconds / 1_000),
    }
}

/// The key in `CreateProduct`'s answer, which has it twice.
pub(super) fn created_key(members: &Members) -> Option<String> {
    key(members).or_else(|| key(members.get("Data").and_then(Value::as_object)?))
}

fn key(members: &Members) -> Option<String> {
    filled(members, &["ProductKey"]).filter(|key| bounds::is_id(key))
}

/// One page of `QueryProductList`. `None` when total or list is missing.
pub(super) fn page(members: &Members) -> Option<(u64, Vec<Product>)> {
    let data = members.get("Data").and_then(Value::as_object)?;
    let total = number(data, "Total").and_then(|total| u64::try_from(total).ok())?;
    let entries = match data.get("List") {
        Some(Value::Object(list)) => list.get("ProductInfo"),
        other => other,
    };
    let products = match entries {
        Some(Value::Array(entries)) => {
            entries.iter().map(|entry| entry.as_object().map(product).unwrap_or_default()).collect()
        }
        None | Some(Value::Null) if total == 0 => Vec::new(),
        _ => return None,
    };
    Some((total, products))
}

/// The tags of `ListProductTags`. `None` when the answer has no place for them.
pub(super) fn tags(members: &Members) -> Option<BTreeMap<String, String>> {
    match members.get("Data")? {
        Value::Object(data) => Some(bounds::map_within(pairs(data))),
        Value::Null => Some(BTreeMap::new()),
        _ => None,
    }
}

fn pairs(holder: &Members) -> BTreeMap<String, String> {
    let entries = holder.get("ProductTag").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    entries
        .iter()
        .filter_map(Value::as_object)
        .filter_map(|tag| Some((filled(tag, &["TagKey"])?, text(tag, "TagValue").unwrap_or_default())))
        .collect()
}

/// A text; numbers count as their text.
fn text(members: &Members, name: &str) -> Option<String> {
    match members.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The first of several spellings that holds a text that is not empty.
fn filled(members: &Members, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| text(members, name).filter(|text| !text.is_empty()))
}

/// A whole number, also as text.
fn number(members: &Members, name: &str) -> Option<i64> {
    match members.get(name)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A switch, also as text in any case.
fn flag(members: &Members, name: &str) -> Option<bool> {
    match members.get(name)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Parameters of every action that names a product and nothing else.
pub(super) fn of_product(key: &str) -> Parameters {
    vec![("ProductKey".to_owned(), key.to_owned())]
}

/// Parameters of `QueryProductList`, pages from 1.
pub(super) fn list(page: u64) -> Parameters {
    vec![("CurrentPage".to_owned(), page.to_string()), ("PageSize".to_owned(), PAGE.to_string())]
}

/// Parameters of `UpdateProduct`. Both values always: what a missing description does is not documented.
pub(super) fn update(key: &str, name: &str, description: &str) -> Parameters {
    let mut parameters = of_product(key);
    parameters.push(("ProductName".to_owned(), name.to_owned()));
    parameters.push(("Description".to_owned(), description.to_owned()));
    parameters
}

/// Parameters of `CreateProductTags` and `UpdateProductTags`.
pub(super) fn with_tags(key: &str, tags: &[(String, String)]) -> Parameters {
    let mut parameters = of_product(key);
    for (index, (tag, value)) in tags.iter().enumerate() {
        parameters.push((format!("ProductTag.{}.TagKey", index + 1), tag.clone()));
        parameters.push((format!("ProductTag.{}.TagValue", index + 1), value.clone()));
    }
    parameters
}

#[cfg(test)]
mod tests;
