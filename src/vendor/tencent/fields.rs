//! The vendor's properties in the manifest's terms, and back ("Data Types", `ProductProperties`).

use serde_json::{Value as Json, json};

use super::wire::Product;
use crate::api::account::TencentSite;
use crate::vendor::bounds::within;
use crate::vendor::{Changes, CreateRequest, Field, Fields, Observed, Rule, Value};

const ENCRYPTION: Field = "encryption";
const NODE_TYPE: Field = "nodeType";
const DATA_FORMAT: Field = "dataFormat";
const MODE: Field = "dynamicRegistration.mode";
const LIMIT: Field = "dynamicRegistration.limit";
const ENABLED: Field = "enabled";
const PRODUCT_TYPE: Field = "tencent.productType";
const MODEL_ID: Field = "tencent.modelId";
const APP_EUI: Field = "tencent.appEui";
const PRIVATE_CA: Field = "tencent.privateCaName";

/// Input of create and delete: the key of LoRa and CLAA products.
pub const SKEY: Field = "tencent.skeySecretRef";

/// Every field of this vendor. No action changes a name, description, type, encryption or format.
pub const RULES: &[Rule] = &[
    Rule { field: "name", mutable: false, listed: true, only_with: None },
    Rule { field: "description", mutable: false, listed: true, only_with: None },
    Rule { field: ENCRYPTION, mutable: false, listed: true, only_with: None },
    Rule { field: NODE_TYPE, mutable: false, listed: true, only_with: None },
    Rule { field: DATA_FORMAT, mutable: false, listed: true, only_with: None },
    Rule { field: MODE, mutable: true, listed: true, only_with: None },
    // "DescribeProducts" shows 0 for every product.
    Rule { field: LIMIT, mutable: true, listed: false, only_with: Some((MODE, "AutoCreate")) },
    Rule { field: ENABLED, mutable: true, listed: true, only_with: None },
    Rule { field: PRODUCT_TYPE, mutable: false, listed: true, only_with: None },
    Rule { field: MODEL_ID, mutable: false, listed: true, only_with: None },
    Rule { field: APP_EUI, mutable: false, listed: true, only_with: None },
    Rule { field: PRIVATE_CA, mutable: true, listed: true, only_with: None },
];

/// The limit that fresh products report.
const DEFAULT_LIMIT: i64 = 10_000;

/// `RegisterType` at which the limit means something; at the others the vendor does not keep what was sent.
const AUTO_CREATE: i64 = 2;

pub(in crate::vendor) const ENCRYPTIONS: &[(i64, &str)] = &[(1, "Asymmetric"), (2, "Symmetric")];
const MODES: &[(i64, &str)] = &[(0, "Disabled"), (1, "PreRegistered"), (AUTO_CREATE, "AutoCreate")];
pub(in crate::vendor) const PRODUCT_TYPES: &[(i64, &str)] =
    &[(0, "Normal"), (2, "NBIoT"), (3, "LoRaGateway"), (4, "LoRa"), (5, "Gateway")];
const FORMATS: &[(&str, &str)] = &[("json", "JSON"), ("custom", "Custom")];

/// A wish that cannot be put into the vendor's terms; the text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::vendor) struct BadField(pub(in crate::vendor) String);

/// A product as it is observed. `None` when the answer lacks id or name: then nothing can be said about it.
pub(super) fn observed(product: Product, full: bool) -> Option<Observed> {
    let (id, name) = (product.id.clone()?, product.name.clone()?);
    let fields = fields(&product, full);
    let Product { created_at, properties, .. } = product;
    let description = properties.description.unwrap_or_default();
    let secret = properties.secret;
    within(Observed { id, name, description, serial: None, fields, secret, created_at, full })
}

/// Device MQTT host ("Device Access Regions"). Which of the sites abroad serves a product is in no answer.
pub(super) fn endpoint(id: &str, site: TencentSite) -> Option<String> {
    (site == TencentSite::Domestic).then(|| format!("{id}.iotcloud.tencentdevices.com"))
}

/// A product fresh from this create: what was sent, the vendor's defaults, and its start values of what is
/// set afterwards by actions of its own.
pub(super) fn created(request: &CreateRequest) -> Fields {
    let mut fields = request.fields.clone();
    let product_type = product_type(&fields).ok();
    let defaults = [
        (ENCRYPTION, Some(word("Asymmetric"))),
        (NODE_TYPE, product_type.and_then(node_type).map(word)),
        (DATA_FORMAT, Some(word("JSON"))),
        (PRODUCT_TYPE, named(PRODUCT_TYPES, product_type)),
    ];
    for (field, value) in defaults {
        if let Some(value) = value {
            fields.entry(field).or_insert(value);
        }
    }
    fields.insert(LIMIT, Value::Number(DEFAULT_LIMIT));
    fields.insert(MODE, word("Disabled"));
    fields.insert(ENABLED, Value::Flag(true));
    fields.insert(PRIVATE_CA, word(""));
    fields
}

/// Enabling dynamic registration generates the secret ("Access Preparations", step 4); what a product shows
/// that never had it is empty.
pub(super) fn has_secret(fields: &Fields) -> bool {
    matches!(fields.get(MODE), Some(Value::Text(mode)) if mode != "Disabled")
}

/// What an answer shows reliably.
fn fields(product: &Product, full: bool) -> Fields {
    let shown = &product.properties;
    let mut fields = Fields::new();
    let mut show = |field, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(field, value);
        }
    };
    show(ENCRYPTION, named(ENCRYPTIONS, shown.encryption));
    show(NODE_TYPE, shown.product_type.and_then(node_type).map(word));
    show(DATA_FORMAT, shown.format.as_deref().and_then(format));
    show(MODE, named(MODES, shown.register_type));
    let limited = full && shown.register_type == Some(AUTO_CREATE);
    show(LIMIT, shown.register_limit.filter(|_| limited).map(Value::Number));
    show(ENABLED, shown.forbidden.and_then(enabled));
    show(PRODUCT_TYPE, named(PRODUCT_TYPES, shown.product_type));
    show(MODEL_ID, shown.model_id.clone().map(Value::Text));
    show(APP_EUI, shown.app_eui.clone().map(Value::Text));
    // Shown empty is an observation here, unlike above: it tells that a wished certificate is not bound.
    show(PRIVATE_CA, shown.private_ca.clone().map(Value::Text));
    fields
}

pub(in crate::vendor) fn node_type(product_type: i64) -> Option<&'static str> {
    match product_type {
        0 | 2 | 4 => Some("Device"),
        3 | 5 => Some("Gateway"),
        _ => None,
    }
}

fn format(wire: &str) -> Option<Value> {
    FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(wire)).map(|(_, ours)| word(ours))
}

/// Values of `SetProductsForbiddenStatus`.
fn enabled(forbidden: i64) -> Option<Value> {
    match forbidden {
        0 => Some(Value::Flag(true)),
        1 => Some(Value::Flag(false)),
        _ => None,
    }
}

pub(in crate::vendor) fn named(names: &[(i64, &str)], number: Option<i64>) -> Option<Value> {
    names.iter().find(|(known, _)| Some(*known) == number).map(|(_, name)| word(name))
}

pub(in crate::vendor) fn word(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// `ProductProperties` of a create. Registration and certificate are left out: whether `CreateProduct`
/// honours them is not documented, and their own actions follow.
pub(super) fn properties(request: &CreateRequest, site: TencentSite) -> Result<Json, BadField> {
    let wish = &request.fields;
    let encryption = numbered(ENCRYPTIONS, wish, ENCRYPTION)?.unwrap_or(1);
    let format = match wished(wish, DATA_FORMAT)? {
        None => "json",
        Some(name) => FORMATS
            .iter()
            .find(|(_, ours)| *ours == name)
            .map(|(wire, _)| *wire)
            .ok_or_else(|| unknown(DATA_FORMAT, name, FORMATS.iter().map(|(_, ours)| *ours)))?,
    };
    let mut properties = json!({
        "ProductDescription": request.description,
        "EncryptionType": encryption.to_string(),
        "Region": "gz",
        "ProductType": product_type(wish)?,
        "Format": format,
    });
    if let Some(model) = wished(wish, MODEL_ID)?.filter(|text| !text.is_empty()) {
        properties["ModelId"] = model.into();
    }
    if let Some(app_eui) = wished(wish, APP_EUI)?.filter(|text| !text.is_empty()) {
        // The international schema has only the older spelling, and undefined members are refused.
        let name = match site {
            TencentSite::Domestic => "AppEUI",
            TencentSite::International => "Appeui",
        };
        properties[name] = app_eui.into();
    }
    Ok(properties)
}

fn product_type(wish: &Fields) -> Result<i64, BadField> {
    if let Some(number) = numbered(PRODUCT_TYPES, wish, PRODUCT_TYPE)? {
        return Ok(number);
    }
    match wished(wish, NODE_TYPE)? {
        None | Some("Device") => Ok(0),
        Some("Gateway") => Ok(5),
        Some(other) => Err(unknown(NODE_TYPE, other, ["Device", "Gateway"].into_iter())),
    }
}

/// One call of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// `SetProductsForbiddenStatus` with 0.
    Enable,
    /// `UpdateProductDynamicRegister`.
    Register { register_type: i64, limit: i64 },
    /// `UpdateProductPrivateCA`.
    BindCa(String),
    /// `DeleteProductPrivateCA`.
    UnbindCa,
    /// `SetProductsForbiddenStatus` with 1.
    Disable,
}

/// The calls that set `changes.set`, in their order. A disabled product refuses a change of its
/// registration ("UpdateProductDynamicRegister": `ProductIsForbidden`), so enabling comes first and
/// disabling last.
pub(super) fn steps(changes: &Changes, site: TencentSite) -> Result<Vec<Step>, BadField> {
    let (mut steps, mut last) = (Vec::new(), None);
    for (field, value) in &changes.set {
        match (*field, value) {
            (MODE | LIMIT | PRIVATE_CA, _) => {}
            (ENABLED, Value::Flag(true)) => steps.push(Step::Enable),
            (ENABLED, Value::Flag(false)) => last = Some(Step::Disable),
            (field, value) => return Err(BadField(format!("{field} cannot be changed to {value}"))),
        }
    }
    if changes.set.contains_key(MODE) || changes.set.contains_key(LIMIT) {
        steps.push(register(changes)?);
    }
    match wished(&changes.set, PRIVATE_CA)? {
        None => {}
        Some(_) if site == TencentSite::International => {
            let text = format!("{PRIVATE_CA} exists at the domestic site only; remove it");
            return Err(BadField(text));
        }
        Some("") => steps.push(Step::UnbindCa),
        Some(name) => steps.push(Step::BindCa(name.to_owned())),
    }
    steps.extend(last);
    Ok(steps)
}

fn register(changes: &Changes) -> Result<Step, BadField> {
    let sources = [&changes.set, &changes.desired, &changes.observed];
    let mut register_type = None;
    for fields in sources {
        register_type = register_type.or(numbered(MODES, fields, MODE)?);
    }
    let register_type = register_type
        .ok_or_else(|| BadField(format!("{LIMIT} is set without a mode; write {MODE} as well")))?;
    let limit = sources.iter().find_map(|fields| match fields.get(LIMIT) {
        Some(Value::Number(limit)) => Some(*limit),
        _ => None,
    });
    Ok(Step::Register { register_type, limit: limit.unwrap_or(DEFAULT_LIMIT) })
}

pub(in crate::vendor) fn wished(fields: &Fields, field: Field) -> Result<Option<&str>, BadField> {
    match fields.get(field) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(other) => Err(BadField(format!("{field} is {other}; write a text"))),
    }
}

pub(in crate::vendor) fn numbered(
    names: &[(i64, &str)],
    fields: &Fields,
    field: Field,
) -> Result<Option<i64>, BadField> {
    let Some(text) = wished(fields, field)? else {
        return Ok(None);
    };
    match names.iter().find(|(_, name)| *name == text) {
        Some((number, _)) => Ok(Some(*number)),
        None => Err(unknown(field, text, names.iter().map(|(_, name)| *name))),
    }
}

pub(in crate::vendor) fn unknown<'a>(
    field: Field,
    text: &str,
    known: impl Iterator<Item = &'a str>,
) -> BadField {
    BadField(format!("{field} {text} is unknown; write one of {}", known.collect::<Vec<_>>().join(", ")))
}

#[cfg(test)]
mod tests;
