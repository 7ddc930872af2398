//! The vendor's properties in the manifest's terms, and back (`CreateProduct`, `ListProducts`).

use serde_json::Value as Json;

use super::wire::{self, Product};
use crate::vendor::bounds::within;
use crate::vendor::tencent::fields::{
    BadField, ENCRYPTIONS, PRODUCT_TYPES, named, node_type, numbered, unknown, wished, word,
};
use crate::vendor::{CreateRequest, Field, Fields, Observed, Rule};

const ENCRYPTION: Field = "encryption";
const NODE_TYPE: Field = "nodeType";
const DATA_FORMAT: Field = "dataFormat";
const PRODUCT_TYPE: Field = "tencent.productType";

/// Every field of this vendor. No action changes any.
pub const RULES: &[Rule] = &[
    Rule { field: "name", mutable: false, listed: true, only_with: None },
    Rule { field: "description", mutable: false, listed: true, only_with: None },
    Rule { field: ENCRYPTION, mutable: false, listed: true, only_with: None },
    Rule { field: NODE_TYPE, mutable: false, listed: true, only_with: None },
    // Nothing shows it. A look of its own at the product would be a list too, so none is asked for.
    Rule { field: DATA_FORMAT, mutable: false, listed: true, only_with: None },
    Rule { field: PRODUCT_TYPE, mutable: false, listed: true, only_with: None },
];

/// The formats, types and nodes that a create of this API can have.
const FORMAT: &str = "JSON";
const DEVICE: &str = "Device";
const CREATED_TYPES: &[(i64, &str)] = &[(0, "Normal"), (2, "NBIoT")];

/// A product as a list shows it. `None` when the entry lacks id or name: then nothing can be said about it.
/// A property that is left out is not known to be the default, so it is not observed.
pub(super) fn observed(product: Product) -> Option<Observed> {
    let shown = [
        (ENCRYPTION, named(ENCRYPTIONS, product.encryption)),
        (NODE_TYPE, product.kind.and_then(node_type).map(word)),
        (PRODUCT_TYPE, named(PRODUCT_TYPES, product.kind)),
    ];
    within(Observed {
        id: product.id?,
        name: product.name?,
        description: product.description.unwrap_or_default(),
        serial: None,
        fields: shown.into_iter().filter_map(|(field, value)| Some((field, value?))).collect(),
        secret: None,
        created_at: product.created_at,
        full: false,
    })
}

/// Device MQTT host: products of both APIs are of one service ("Device Access Regions").
pub(super) fn endpoint(id: &str) -> String {
    format!("{id}.iotcloud.tencentdevices.com")
}

/// A product fresh from this create: what was sent, and the vendor's defaults.
pub(super) fn created(request: &CreateRequest) -> Fields {
    let mut fields = request.fields.clone();
    let product_type = product_type(&fields).ok();
    let defaults = [
        (ENCRYPTION, Some(word("Asymmetric"))),
        (NODE_TYPE, Some(word(DEVICE))),
        (DATA_FORMAT, Some(word(FORMAT))),
        (PRODUCT_TYPE, named(CREATED_TYPES, product_type)),
    ];
    for (field, value) in defaults {
        if let Some(value) = value {
            fields.entry(field).or_insert(value);
        }
    }
    fields
}

/// `productProperties` of a create.
pub(super) fn properties(request: &CreateRequest) -> Result<Json, BadField> {
    let wish = &request.fields;
    only(wish, NODE_TYPE, DEVICE)?;
    only(wish, DATA_FORMAT, FORMAT)?;
    let encryption = numbered(ENCRYPTIONS, wish, ENCRYPTION)?.unwrap_or(1);
    Ok(wire::properties(&request.description, encryption, product_type(wish)?))
}

fn product_type(wish: &Fields) -> Result<i64, BadField> {
    Ok(numbered(CREATED_TYPES, wish, PRODUCT_TYPE)?.unwrap_or(0))
}

fn only(wish: &Fields, field: Field, value: &'static str) -> Result<(), BadField> {
    match wished(wish, field)? {
        Some(other) if other != value => Err(unknown(field, other, std::iter::once(value))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::vendor::Value;

    fn shown(properties: &Json) -> Observed {
        let entry = json!({"productID": "A1", "productName": "n", "productProperties": properties});
        observed(wire::product(entry.as_object().unwrap())).unwrap()
    }

    fn request(fields: Fields) -> CreateRequest {
        CreateRequest { name: "n".into(), description: "d".into(), fields, inputs: BTreeMap::new() }
    }

    fn wish<const N: usize>(fields: [(Field, &str); N]) -> Fields {
        fields.into_iter().map(|(field, value)| (field, word(value))).collect()
    }

    #[test]
    fn an_entry_shows_its_fields_in_the_manifests_terms() {
        let product = shown(&json!({"productDescription": "d [iotp:0123456789ab.01234567]",
            "encryptionType": "2", "region": "gz", "productType": 2}));
        let expected = wish([(ENCRYPTION, "Symmetric"), (NODE_TYPE, DEVICE), (PRODUCT_TYPE, "NBIoT")]);
        assert_eq!(product.fields, expected);
        assert_eq!(product.description, "d [iotp:0123456789ab.01234567]");
        assert!(!product.full && product.secret.is_none());
        let gateway = shown(&json!({"productType": 5}));
        assert_eq!(gateway.fields, wish([(NODE_TYPE, "Gateway"), (PRODUCT_TYPE, "Gateway")]));
    }

    #[test]
    fn what_an_entry_leaves_out_is_not_observed() {
        for properties in [json!({}), Json::Null, json!({"encryptionType": "", "productType": 1})] {
            let product = shown(&properties);
            assert!(product.fields.is_empty() && product.description.is_empty(), "{properties}");
        }
        assert!(observed(Product { id: Some("A".into()), ..Product::default() }).is_none());
        assert!(observed(Product { name: Some("n".into()), ..Product::default() }).is_none());
    }

    #[test]
    fn a_create_sends_the_documented_members() {
        assert_eq!(
            properties(&request(Fields::new())).unwrap(),
            json!({"productDescription": "d", "encryptionType": "1", "region": "gz", "productType": 0})
        );
        let all = wish([
            (ENCRYPTION, "Symmetric"),
            (NODE_TYPE, DEVICE),
            (DATA_FORMAT, FORMAT),
            (PRODUCT_TYPE, "NBIoT"),
        ]);
        assert_eq!(
            properties(&request(all.clone())).unwrap(),
            json!({"productDescription": "d", "encryptionType": "2", "region": "gz", "productType": 2})
        );
        assert_eq!(created(&request(all.clone())), all);
    }

    #[test]
    fn a_fresh_product_has_the_defaults() {
        let expected = wish([
            (ENCRYPTION, "Asymmetric"),
            (NODE_TYPE, DEVICE),
            (DATA_FORMAT, FORMAT),
            (PRODUCT_TYPE, "Normal"),
        ]);
        assert_eq!(created(&request(Fields::new())), expected);
        let ruled: Vec<_> = RULES.iter().map(|rule| rule.field).skip(2).collect();
        assert!(expected.keys().eq(ruled.iter().collect::<std::collections::BTreeSet<_>>()));
    }

    #[test]
    fn what_this_api_cannot_create_is_refused_with_what_can() {
        for (field, value, text) in [
            (NODE_TYPE, "Gateway", "nodeType Gateway is unknown; write one of Device"),
            (DATA_FORMAT, "Custom", "dataFormat Custom is unknown; write one of JSON"),
            (PRODUCT_TYPE, "LoRa", "tencent.productType LoRa is unknown; write one of Normal, NBIoT"),
            (ENCRYPTION, "None", "encryption None is unknown; write one of Asymmetric, Symmetric"),
        ] {
            let error = properties(&request(wish([(field, value)]))).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
        let number = Fields::from([(ENCRYPTION, Value::Number(1))]);
        assert!(properties(&request(number)).is_err());
    }
}
