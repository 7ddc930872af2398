//! Answers as the vendor writes them, oddities of its documents included when asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::tencent::Product;

/// Oddities that the vendor's documents show. All off by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The service's number stands in full-width parentheses.
    pub full_width_parentheses: bool,
    /// Answers have no `codeDesc`.
    pub no_code_desc: bool,
    /// `code` as a text.
    pub text_code: bool,
    /// Lists show no properties of a product.
    pub empty_properties: bool,
    /// The client's clock may be off for five minutes only, instead of two hours.
    pub five_minute_clock: bool,
}

/// A product in a list.
pub(crate) fn entry(product: &Product, quirks: &Quirks) -> Value {
    let properties = if quirks.empty_properties {
        json!({})
    } else {
        json!({
            "productDescription": product.product_description,
            "encryptionType": product.encryption_type,
            "region": "gz",
            "productType": product.product_type,
        })
    };
    json!({
        "productID": product.product_id,
        "productName": product.product_name,
        "productMetadata": {"creationDate": product.creation_date.saturating_mul(1000)},
        "productProperties": properties,
    })
}

/// A successful answer with the action's members.
pub(crate) fn success(members: Map<String, Value>, quirks: &Quirks) -> Vec<u8> {
    envelope(members, 0, String::new(), "Success", quirks)
}

/// An error.
pub(crate) fn failure(refusal: &Refusal, quirks: &Quirks) -> Vec<u8> {
    let Refusal { code, module, name, message } = refusal;
    let message = match module {
        Some(module) if quirks.full_width_parentheses => format!("（{module}）{message}"),
        Some(module) => format!("({module}){message}"),
        None => message.clone(),
    };
    envelope(Map::new(), *code, message, name, quirks)
}

fn envelope(
    mut members: Map<String, Value>,
    code: i64,
    message: String,
    name: &str,
    quirks: &Quirks,
) -> Vec<u8> {
    let code = if quirks.text_code { json!(code.to_string()) } else { json!(code) };
    members.insert("code".to_owned(), code);
    members.insert("message".to_owned(), message.into());
    if !quirks.no_code_desc {
        members.insert("codeDesc".to_owned(), name.into());
    }
    Value::Object(members).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn answers_are_as_documented() {
        let members = Map::from_iter([("productID".to_owned(), json!("A"))]);
        assert_eq!(
            read(&success(members, &Quirks::default())),
            json!({"code": 0, "message": "", "codeDesc": "Success", "productID": "A"})
        );
        let refusal = Refusal::service(1001, "product name exists".to_owned());
        assert_eq!(
            read(&failure(&refusal, &Quirks::default())),
            json!({"code": 5100, "message": "(1001)product name exists", "codeDesc": "ProductAlreadyExist"})
        );
        let product = Product {
            product_id: "A".to_owned(),
            product_description: "d".to_owned(),
            creation_date: 1_535_385_948,
            ..Product::named("n")
        };
        assert_eq!(
            entry(&product, &Quirks::default()),
            json!({"productID": "A", "productName": "n", "productMetadata": {"creationDate": 1_535_385_948_000_i64},
                "productProperties": {"productDescription": "d", "encryptionType": "1", "region": "gz",
                    "productType": 0}})
        );
    }

    #[test]
    fn quirks_change_what_is_shown() {
        let quirks = Quirks {
            full_width_parentheses: true,
            no_code_desc: true,
            text_code: true,
            empty_properties: true,
            five_minute_clock: false,
        };
        let refusal = Refusal::service(1004, "gone".to_owned());
        assert_eq!(read(&failure(&refusal, &quirks)), json!({"code": "5100", "message": "（1004）gone"}));
        assert_eq!(read(&success(Map::new(), &quirks)), json!({"code": "0", "message": ""}));
        assert_eq!(entry(&Product::named("n"), &quirks)["productProperties"], json!({}));
        let common = Refusal::common(4400, "RequestLimitExceeded", "slow".to_owned());
        assert_eq!(read(&failure(&common, &quirks)), json!({"code": "4400", "message": "slow"}));
    }
}
