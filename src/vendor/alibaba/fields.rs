//! The vendor's values in the manifest's terms, and back (`CreateProduct`, `QueryProduct`).

use std::collections::BTreeMap;

use super::wire::{Parameters, Product};
use crate::vendor::bounds::within;
use crate::vendor::{Changes, CreateRequest, Field, Fields, Observed, Rule, Value};

const ENCRYPTION: Field = "encryption";
const NODE_TYPE: Field = "nodeType";
const DATA_FORMAT: Field = "dataFormat";
const COMMODITY: Field = "alibaba.aliyunCommodityCode";
const NET_TYPE: Field = "alibaba.netType";
const PROTOCOL: Field = "alibaba.protocolType";
const JOIN_PERMISSION: Field = "alibaba.joinPermissionId";
const AUTH_TYPE: Field = "alibaba.authType";
const ID2: Field = "alibaba.id2";
const CATEGORY: Field = "alibaba.categoryKey";
const PUBLISH_AUTO: Field = "alibaba.publishAuto";
const VALIDATE_TYPE: Field = "alibaba.validateType";
const RESOURCE_GROUP: Field = "alibaba.resourceGroupId";

/// Tags: set after the create, and read by an action of their own.
pub(super) const TAGS: Field = "alibaba.tags";

/// Every field of this vendor. `UpdateProduct` takes name and description, the tag actions tags, and nothing
/// changes anything else.
pub const RULES: &[Rule] = &[
    Rule { field: "name", mutable: true, listed: true, only_with: None },
    Rule { field: "description", mutable: true, listed: true, only_with: None },
    Rule { field: ENCRYPTION, mutable: false, listed: true, only_with: None },
    Rule { field: NODE_TYPE, mutable: false, listed: true, only_with: None },
    // A list shows a number for it, but not the edition without which the number means nothing.
    Rule { field: DATA_FORMAT, mutable: false, listed: false, only_with: None },
    Rule { field: COMMODITY, mutable: false, listed: false, only_with: None },
    Rule { field: NET_TYPE, mutable: false, listed: false, only_with: None },
    Rule { field: PROTOCOL, mutable: false, listed: false, only_with: None },
    Rule { field: AUTH_TYPE, mutable: false, listed: true, only_with: None },
    Rule { field: ID2, mutable: false, listed: false, only_with: None },
    Rule { field: CATEGORY, mutable: false, listed: false, only_with: None },
    Rule { field: VALIDATE_TYPE, mutable: false, listed: false, only_with: None },
    Rule { field: TAGS, mutable: true, listed: false, only_with: None },
    // Nothing shows these, so there is nothing to read for them either.
    Rule { field: JOIN_PERMISSION, mutable: false, listed: true, only_with: None },
    Rule { field: PUBLISH_AUTO, mutable: false, listed: true, only_with: None },
    Rule { field: RESOURCE_GROUP, mutable: false, listed: true, only_with: None },
];

/// What answers never show.
const UNREADABLE: &[Field] = &[JOIN_PERMISSION, PUBLISH_AUTO, RESOURCE_GROUP];

const SENIOR: &str = "iothub_senior";
/// What a product without edition is read back as.
const BASIC: &str = "iothub";
const ONE_PARTY: &str = "one-party";

const NODE_TYPES: &[(i64, &str)] = &[(0, "Device"), (1, "Gateway")];
const FORMATS: &[(i64, &str)] = &[(0, "Custom"), (1, "JSON")];
/// The strictest, 0, is not taken by a create and shown by old products.
const VALIDATE_TYPES: &[(i64, &str)] = &[(0, "Strong"), (1, "Weak"), (2, "None")];
/// Text in a create, number in an answer; the number of `LORA` is not documented.
const NET_TYPES: &[(&str, &str)] = &[("3", "WIFI"), ("6", "CELLULAR"), ("7", "ETHERNET"), ("8", "OTHER")];

/// A wish that cannot be put into the vendor's terms; the text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadField(pub(super) String);

/// A product as it is observed. `None` when the answer lacks key or name: then nothing can be said about it.
pub(super) fn observed(product: Product, full: bool) -> Option<Observed> {
    let (id, name) = (product.key.clone()?, product.name.clone()?);
    let fields = fields(&product, full);
    let Product { description, secret, created_at, .. } = product;
    let description = description.unwrap_or_default();
    within(Observed { id, name, description, serial: None, fields, secret, created_at, full })
}

fn fields(product: &Product, full: bool) -> Fields {
    let mut fields = Fields::new();
    let mut show = |field, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(field, value);
        }
    };
    show(ENCRYPTION, product.auth_type.as_deref().and_then(encryption).map(word));
    show(NODE_TYPE, named(NODE_TYPES, product.node_type));
    show(AUTH_TYPE, product.auth_type.as_deref().map(word));
    if !full {
        return fields;
    }
    // Basic knows JSON only and may show any number for it, or none.
    let basic =
        product.commodity.as_deref() == Some(BASIC) && product.auth_type.as_deref() != Some(ONE_PARTY);
    show(DATA_FORMAT, if basic { Some(word("JSON")) } else { named(FORMATS, product.data_format) });
    show(COMMODITY, product.commodity.as_deref().map(word));
    show(NET_TYPE, product.net_type.as_deref().and_then(net_type).map(word));
    show(PROTOCOL, product.protocol.as_deref().map(word));
    show(ID2, product.id2.map(Value::Flag));
    show(CATEGORY, product.category.as_deref().map(word));
    show(VALIDATE_TYPE, named(VALIDATE_TYPES, product.validate_type));
    fields
}

/// `id2` and `one-party` are keys, too. An unknown way proves nothing.
fn encryption(auth_type: &str) -> Option<&'static str> {
    match auth_type {
        "x509" => Some("Asymmetric"),
        "secret" | "id2" | ONE_PARTY => Some("Symmetric"),
        _ => None,
    }
}

fn net_type(shown: &str) -> Option<&'static str> {
    if shown == "LORA" {
        return Some("LORA");
    }
    NET_TYPES.iter().find(|(number, name)| *number == shown || *name == shown).map(|(_, name)| *name)
}

/// A product fresh from this create: what was sent, the vendor's defaults as far as they are documented, and
/// no tags, which are set afterwards.
pub(super) fn created(request: &CreateRequest) -> Fields {
    let mut fields = request.fields.clone();
    let auth_type = auth_type(&fields);
    let has = |field: Field, text: &str| request.fields.get(field) == Some(&word(text));
    let mut defaults = vec![
        (AUTH_TYPE, word(auth_type)),
        (ENCRYPTION, word(encryption(auth_type).unwrap_or("Symmetric"))),
        (NODE_TYPE, word("Device")),
    ];
    if auth_type == ONE_PARTY {
        defaults.push((DATA_FORMAT, word("Custom")));
    } else {
        defaults.push((DATA_FORMAT, word("JSON")));
        defaults.push((COMMODITY, word(BASIC)));
    }
    if has(COMMODITY, SENIOR) {
        defaults.push((VALIDATE_TYPE, word("Weak")));
    }
    for (field, value) in defaults {
        fields.entry(field).or_insert(value);
    }
    fields.retain(|field, _| !UNREADABLE.contains(field));
    fields.insert(TAGS, Value::Map(BTreeMap::new()));
    fields
}

/// The way of authentication that a create asks for; the vendor's default is `secret`.
fn auth_type(wish: &Fields) -> &str {
    match (wish.get(AUTH_TYPE), wish.get(ID2), wish.get(ENCRYPTION)) {
        (Some(Value::Text(text)), _, _) => text,
        (_, Some(Value::Flag(true)), _) => "id2",
        (_, _, Some(Value::Text(text))) if text == "Asymmetric" => "x509",
        _ => "secret",
    }
}

/// The owner is shown the secret of a product at any time (`QueryProduct`). What devices with certificates or
/// credentials of their own would need it for is not documented, so it is not insisted on there.
pub(super) fn has_secret(fields: &Fields) -> bool {
    !matches!(fields.get(AUTH_TYPE), Some(Value::Text(auth)) if auth == "x509" || auth == ONE_PARTY)
}

/// Device MQTT host ("Manage the endpoint of an instance"): of the instance where it has an id of the current
/// form, of product and region for public instances without id. Others have their own, which no answer shows.
pub(super) fn endpoint(id: &str, region: &str, instance: Option<&str>) -> Option<String> {
    match instance {
        None => Some(format!("{id}.iot-as-mqtt.{region}.aliyuncs.com")),
        Some(instance) if instance.starts_with("iot-") => {
            Some(format!("{instance}.mqtt.iothub.aliyuncs.com"))
        }
        Some(_) => None,
    }
}

/// Parameters of `CreateProduct`. What the manifest leaves out is left out, but for what the vendor requires.
pub(super) fn parameters(request: &CreateRequest) -> Result<Parameters, BadField> {
    let wish = &request.fields;
    let mut parameters = vec![
        ("ProductName".to_owned(), request.name.clone()),
        ("Description".to_owned(), request.description.clone()),
    ];
    let mut send = |name: &str, value: Option<String>| {
        parameters.extend(value.map(|value| (name.to_owned(), value)));
    };
    let number = |number: i64| Some(number.to_string());
    send("NodeType", number(numbered(NODE_TYPES, wish, NODE_TYPE)?.unwrap_or(0)));
    let commodity = wished(wish, COMMODITY)?.filter(|text| *text == SENIOR);
    send("AliyunCommodityCode", commodity.map(str::to_owned));
    let auth_type = auth_type(wish);
    let format = numbered(FORMATS, wish, DATA_FORMAT)?;
    // Required with the Advanced edition; an instance of the MQTT type takes bytes only; Basic has none.
    match (commodity, auth_type) {
        (_, ONE_PARTY) => send("DataFormat", number(format.unwrap_or(0))),
        (Some(_), _) => send("DataFormat", number(format.unwrap_or(1))),
        (None, _) => {}
    }
    if wish.contains_key(AUTH_TYPE) || auth_type != "secret" {
        send("AuthType", Some(auth_type.to_owned()));
    }
    for (name, field) in [
        ("NetType", NET_TYPE),
        ("ProtocolType", PROTOCOL),
        ("JoinPermissionId", JOIN_PERMISSION),
        ("CategoryKey", CATEGORY),
        ("ResourceGroupId", RESOURCE_GROUP),
    ] {
        send(name, wished(wish, field)?.map(str::to_owned));
    }
    send("Id2", switched(wish, ID2)?);
    send("PublishAuto", switched(wish, PUBLISH_AUTO)?);
    send("ValidateType", numbered(VALIDATE_TYPES, wish, VALIDATE_TYPE)?.map(|number| number.to_string()));
    Ok(parameters)
}

/// Tags by key.
type Tags = BTreeMap<String, String>;

/// What an update sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    /// Name and description for `UpdateProduct`, which takes both.
    pub(super) product: Option<(String, String)>,
    /// Tags to have, and the tags as they were last seen.
    pub(super) tags: Option<(Tags, Option<Tags>)>,
}

/// The calls that set `changes.set`.
pub(super) fn update(changes: &Changes) -> Result<Update, BadField> {
    let (mut renamed, mut tags) = (false, None);
    for (field, value) in &changes.set {
        match (*field, value) {
            ("name" | "description", Value::Text(_)) => renamed = true,
            (TAGS, Value::Map(want)) => {
                let have = match changes.observed.get(TAGS) {
                    Some(Value::Map(have)) => Some(have.clone()),
                    _ => None,
                };
                tags = Some((want.clone(), have));
            }
            (field, value) => return Err(BadField(format!("{field} cannot be changed to {value}"))),
        }
    }
    let product = if renamed { Some((both(changes, "name")?, both(changes, "description")?)) } else { None };
    Ok(Update { product, tags })
}

/// A value that is sent whether it changes or not.
fn both(changes: &Changes, field: Field) -> Result<String, BadField> {
    let value = wished(&changes.set, field)?.or(wished(&changes.desired, field)?);
    value
        .map(str::to_owned)
        .ok_or_else(|| BadField(format!("{field} is not known; it is sent with every update")))
}

/// The tags to create and those to give another value, in calls of at most so many.
pub(super) fn tag_calls(want: &Tags, have: &Tags, most: usize) -> Vec<(&'static str, Vec<(String, String)>)> {
    let differs = |key: &String, value: &String| have.get(key) != Some(value);
    let of = |known: bool| -> Vec<(String, String)> {
        want.iter()
            .filter(|(key, value)| have.contains_key(*key) == known && differs(key, value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    [("CreateProductTags", of(false)), ("UpdateProductTags", of(true))]
        .into_iter()
        .flat_map(|(action, tags)| tags.chunks(most).map(|tags| (action, tags.to_vec())).collect::<Vec<_>>())
        .collect()
}

fn named(names: &[(i64, &str)], number: Option<i64>) -> Option<Value> {
    names.iter().find(|(known, _)| Some(*known) == number).map(|(_, name)| word(name))
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn wished(fields: &Fields, field: Field) -> Result<Option<&str>, BadField> {
    match fields.get(field) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => Err(BadField(format!("{field} is {other}; write a text"))),
    }
}

fn switched(fields: &Fields, field: Field) -> Result<Option<String>, BadField> {
    match fields.get(field) {
        None => Ok(None),
        Some(Value::Flag(flag)) => Ok(Some(flag.to_string())),
        Some(other) => Err(BadField(format!("{field} is {other}; write true or false"))),
    }
}

fn numbered(names: &[(i64, &str)], fields: &Fields, field: Field) -> Result<Option<i64>, BadField> {
    let Some(text) = wished(fields, field)? else {
        return Ok(None);
    };
    let known = names.iter().find(|(_, name)| *name == text).map(|(number, _)| *number);
    known.map(Some).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|(_, name)| *name).collect();
        BadField(format!("{field} {text} is unknown; write one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests;
