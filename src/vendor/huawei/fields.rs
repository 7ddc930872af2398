//! The vendor's product in the manifest's terms, and back ("`CreateProduct`", "`UpdateProduct`").

use serde_json::{Map, Value as Json};

use super::wire::Product;
use crate::vendor::bounds::within;
use crate::vendor::{Changes, CreateRequest, Field, Fields, Observed, Rule, Value};

const NAME: Field = "name";
const DESCRIPTION: Field = "description";
const ENCRYPTION: Field = "encryption";
const NODE_TYPE: Field = "nodeType";
const DATA_FORMAT: Field = "dataFormat";
const APP_ID: Field = "huawei.appId";
const MANUFACTURER_ID: Field = "huawei.manufacturerId";
const MANUFACTURER_NAME: Field = "huawei.manufacturerName";
const MODEL: Field = "huawei.model";
const PROTOCOL_TYPE: Field = "huawei.protocolType";
const DEVICE_TYPE: Field = "huawei.deviceType";
const TEMPLATE_ID: Field = "huawei.templateId";
const VERSION: Field = "huawei.version";

/// User name with which devices connect. No part of a create: it is set with the password right after, or
/// alone by an update.
pub const USER_NAME: Field = "huawei.userName";

/// Every field of this vendor. `UpdateProduct` has neither application, types, format nor template.
pub const RULES: &[Rule] = &[
    Rule { field: NAME, mutable: true, listed: true, only_with: None },
    Rule { field: DESCRIPTION, mutable: true, listed: true, only_with: None },
    Rule { field: ENCRYPTION, mutable: false, listed: true, only_with: None },
    Rule { field: NODE_TYPE, mutable: false, listed: true, only_with: None },
    Rule { field: DATA_FORMAT, mutable: false, listed: true, only_with: None },
    Rule { field: APP_ID, mutable: false, listed: true, only_with: None },
    Rule { field: MANUFACTURER_ID, mutable: true, listed: true, only_with: None },
    Rule { field: MANUFACTURER_NAME, mutable: true, listed: true, only_with: None },
    Rule { field: MODEL, mutable: true, listed: true, only_with: None },
    Rule { field: PROTOCOL_TYPE, mutable: false, listed: true, only_with: None },
    Rule { field: DEVICE_TYPE, mutable: true, listed: true, only_with: None },
    Rule { field: TEMPLATE_ID, mutable: false, listed: true, only_with: None },
    Rule { field: VERSION, mutable: true, listed: true, only_with: None },
    Rule { field: USER_NAME, mutable: true, listed: true, only_with: None },
];

/// The members of an update, which replaces all of them, and whether one must not be left out.
const EDITABLE: &[(Field, &str, bool)] = &[
    (NAME, "name", true),
    (MANUFACTURER_ID, "manufacturer_id", true),
    (MANUFACTURER_NAME, "manufacturer_name", true),
    (MODEL, "model", true),
    (DEVICE_TYPE, "device_type", true),
    (DESCRIPTION, "description", false),
    (VERSION, "version", false),
];

const NODE_TYPES: &[(i64, &str)] = &[(0, "Device"), (1, "Gateway")];
const FORMATS: &[(i64, &str)] = &[(0, "JSON"), (1, "Custom")];
const PROTOCOLS: &[(i64, &str)] = &[(0, "MQTT"), (1, "CoAP"), (2, "Modbus"), (4, "OPCUA"), (5, "Extended")];

/// What the vendor takes when no device type is sent.
const DEFAULT_DEVICE_TYPE: &str = "Default";

/// A wish that cannot be put into the vendor's terms; the text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadField(pub(super) String);

/// Why there is no update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoEdit {
    /// The wish is no text of the vendor's.
    Bad(BadField),
    /// The answer lacks a member that the update must repeat.
    NotShown(&'static str),
}

/// A product as it is observed. `None` when the answer lacks id or name: then nothing can be said about it.
pub(super) fn observed(product: Product, full: bool) -> Option<Observed> {
    let fields = fields(&product);
    within(Observed {
        id: product.id?,
        name: product.name?,
        description: product.description.unwrap_or_default(),
        serial: product.serial,
        fields,
        secret: None,
        created_at: product.created_at,
        full,
    })
}

/// What an answer shows.
fn fields(product: &Product) -> Fields {
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let shown = [
        (NODE_TYPE, named(NODE_TYPES, product.kind)),
        (DATA_FORMAT, named(FORMATS, product.data_format)),
        (APP_ID, text(&product.app_id)),
        (MANUFACTURER_ID, text(&product.manufacturer_id)),
        (MANUFACTURER_NAME, text(&product.manufacturer_name)),
        (MODEL, text(&product.model)),
        (PROTOCOL_TYPE, named(PROTOCOLS, product.protocol_type)),
        (DEVICE_TYPE, text(&product.device_type)),
        (TEMPLATE_ID, product.template_id.map(Value::Number)),
        (VERSION, text(&product.version)),
        (USER_NAME, text(&product.user_name)),
        // No product of this vendor is anything else.
        (ENCRYPTION, Some(word("Symmetric"))),
    ];
    shown.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
}

/// A product fresh from this create. A user name that is wished for is set together with the password; one
/// that is not is the vendor's to choose, and only a read shows it.
pub(super) fn created(request: &CreateRequest) -> Fields {
    let mut fields = request.fields.clone();
    for (field, default) in [
        (ENCRYPTION, "Symmetric"),
        (NODE_TYPE, "Device"),
        (DATA_FORMAT, "JSON"),
        (DEVICE_TYPE, DEFAULT_DEVICE_TYPE),
    ] {
        fields.entry(field).or_insert_with(|| word(default));
    }
    fields
}

/// User name with which devices connect, if it is known.
pub(super) fn user(fields: &Fields) -> Option<String> {
    match fields.get(USER_NAME) {
        Some(Value::Text(user)) if !user.is_empty() => Some(user.clone()),
        _ => None,
    }
}

/// Body of a create. Everything with a default is sent: not every default is documented.
pub(super) fn create(request: &CreateRequest) -> Result<String, BadField> {
    let wish = &request.fields;
    let mut body = Map::new();
    let mut put = |name: &str, value: Json| drop(body.insert(name.to_owned(), value));
    put("name", request.name.as_str().into());
    put("description", request.description.as_str().into());
    for (field, name) in [
        (APP_ID, "app_id"),
        (MANUFACTURER_ID, "manufacturer_id"),
        (MANUFACTURER_NAME, "manufacturer_name"),
        (MODEL, "model"),
    ] {
        put(name, required(wish, field)?.trim().into());
    }
    let protocol = numbered(PROTOCOLS, wish, PROTOCOL_TYPE)?.ok_or_else(|| missing(PROTOCOL_TYPE))?;
    put("protocol_type", protocol.into());
    put("product_type", numbered(NODE_TYPES, wish, NODE_TYPE)?.unwrap_or(0).into());
    put("data_format", numbered(FORMATS, wish, DATA_FORMAT)?.unwrap_or(0).into());
    put("device_type", wished(wish, DEVICE_TYPE)?.unwrap_or(DEFAULT_DEVICE_TYPE).into());
    if let Some(version) = wished(wish, VERSION)? {
        put("version", version.into());
    }
    match wish.get(TEMPLATE_ID) {
        None => {}
        Some(Value::Number(template)) => put("template_id", (*template).into()),
        Some(other) => return Err(BadField(format!("{TEMPLATE_ID} is {other}; write a whole number"))),
    }
    Ok(Json::Object(body).to_string())
}

/// What an update does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Body of `UpdateProduct`, if it changes anything.
    pub(super) body: Option<String>,
    /// New name, if that is changed.
    pub(super) renamed: Option<String>,
    /// User name to set, if that is changed.
    pub(super) user_name: Option<String>,
}

/// The wish merged into the product as it was just read. The call replaces everything it can change, and
/// whether it clears what is left out is not documented, so what the wish leaves out is repeated as shown.
pub(super) fn edit(changes: &Changes, shown: &Product) -> Result<Edit, NoEdit> {
    for field in changes.set.keys() {
        if !RULES.iter().any(|rule| rule.field == *field && rule.mutable) {
            return Err(NoEdit::Bad(BadField(format!("{field} cannot be changed once the product exists"))));
        }
    }
    let mut body = Map::new();
    let mut differs = false;
    for (field, name, needed) in EDITABLE {
        let old = shown_text(shown, field);
        let new = wished(&changes.set, field).map_err(NoEdit::Bad)?;
        differs |= new.is_some() && new != old;
        match new.or(old) {
            Some(text) => drop(body.insert((*name).to_owned(), text.into())),
            None if *needed => return Err(NoEdit::NotShown(name)),
            None => {}
        }
    }
    let new_text = |field, old: Option<&str>| {
        let new = wished(&changes.set, field).map_err(NoEdit::Bad)?;
        Ok(new.filter(|new| Some(*new) != old).map(str::to_owned))
    };
    Ok(Edit {
        body: differs.then(|| Json::Object(body).to_string()),
        renamed: new_text(NAME, shown.name.as_deref())?,
        user_name: new_text(USER_NAME, shown.user_name.as_deref())?,
    })
}

fn shown_text<'a>(product: &'a Product, field: &str) -> Option<&'a str> {
    let text = match field {
        NAME => &product.name,
        MANUFACTURER_ID => &product.manufacturer_id,
        MANUFACTURER_NAME => &product.manufacturer_name,
        MODEL => &product.model,
        DEVICE_TYPE => &product.device_type,
        DESCRIPTION => &product.description,
        VERSION => &product.version,
        _ => return None,
    };
    text.as_deref()
}

/// Whether a name follows the documented pattern: then a complaint about it is that it is taken.
pub(super) fn is_documented_name(name: &str) -> bool {
    let fits = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || ('\u{4e00}'..='\u{9fff}').contains(&c)
    };
    (1..=64).contains(&name.chars().count()) && name.chars().all(fits)
}

/// The name of a number; one that is not known is shown as its digits, so that it is seen to differ.
fn named(names: &[(i64, &str)], number: Option<i64>) -> Option<Value> {
    let number = number?;
    let name = names.iter().find(|(known, _)| *known == number);
    Some(name.map_or_else(|| Value::Text(number.to_string()), |(_, name)| word(name)))
}

fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn wished<'a>(fields: &'a Fields, field: &str) -> Result<Option<&'a str>, BadField> {
    match fields.get(field) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => Err(BadField(format!("{field} is {other}; write a text"))),
    }
}

fn required<'a>(fields: &'a Fields, field: &str) -> Result<&'a str, BadField> {
    wished(fields, field)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(field))
}

fn missing(field: &str) -> BadField {
    BadField(format!("{field} is missing; write it below spec"))
}

fn numbered(names: &[(i64, &str)], fields: &Fields, field: &str) -> Result<Option<i64>, BadField> {
    let Some(text) = wished(fields, field)? else {
        return Ok(None);
    };
    if let Some((number, _)) = names.iter().find(|(_, name)| *name == text) {
        return Ok(Some(*number));
    }
    let known: Vec<&str> = names.iter().map(|(_, name)| *name).collect();
    Err(BadField(format!("{field} {text} is unknown; write one of {}", known.join(", "))))
}

#[cfg(test)]
mod tests;
