//! Answers as the vendor writes them, oddities of its samples included when asked for.

use serde::{Deserialize, Serialize, Serializer};

use super::product::Product;
use super::refusal::Refusal;

/// Oddities that the vendor's own samples and SDKs show. All off by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// `EncryptionType` as a number.
    pub numeric_encryption_type: bool,
    /// `CreationDate` in milliseconds.
    pub creation_date_ms: bool,
    /// `ProductProperties.Region` comes back empty.
    pub empty_region: bool,
    /// Errors in the legacy envelope `{code, message, codeDesc}`.
    pub legacy_envelope: bool,
    /// The answer of `CreateProduct` shows a name, description and type other than the request's.
    pub create_answer_differs: bool,
    /// Only the members that older samples show.
    pub sparse_properties: bool,
    /// `OriginUserId` as a text.
    pub text_origin_user_id: bool,
    /// `Appeui` instead of `AppEUI`.
    pub old_app_eui: bool,
    /// Reads show no `ProductSecret` while `RegisterType` is 0.
    pub hide_secret_when_off: bool,
    /// Every `UpdateProductDynamicRegister` makes a new `ProductSecret`.
    pub secret_changes_on_update: bool,
    /// The international site: without the actions and members that its SDK lacks.
    pub international: bool,
}

/// Which answer a product is shown in; the vendor's samples show other values in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Create,
    Describe,
    List,
}

struct EncryptionType<'a> {
    text: &'a str,
    numeric: bool,
}

impl Serialize for EncryptionType<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.text.parse::<u64>() {
            Ok(number) if self.numeric => serializer.serialize_u64(number),
            _ => serializer.serialize_str(self.text),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum OriginUserId {
    Number(u64),
    Text(&'static str),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Properties<'a> {
    product_description: &'a str,
    encryption_type: EncryptionType<'a>,
    region: &'a str,
    product_type: u64,
    format: &'a str,
    platform: &'a str,
    #[serde(rename = "AppEUI", skip_serializing_if = "Option::is_none")]
    app_eui: Option<&'a str>,
    #[serde(rename = "Appeui", skip_serializing_if = "Option::is_none")]
    old_app_eui: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rest: Option<Rest<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rest<'a> {
    model_id: &'a str,
    model_name: &'a str,
    product_key: &'a str,
    register_type: u64,
    product_secret: &'a str,
    register_limit: u64,
    origin_product_id: &'a str,
    origin_user_id: OriginUserId,
    #[serde(rename = "PrivateCAName")]
    private_ca_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forbidden_status: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    creation_date: i64,
    create_user_id: u64,
    user_id: u64,
}

/// A product as an answer shows it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
pub(crate) struct ProductInfo<'a> {
    product_id: &'a str,
    product_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_metadata: Option<Metadata>,
    product_properties: Properties<'a>,
}

/// What an answer needs to know besides the product.
pub(crate) struct Frame<'a> {
    pub(crate) quirks: &'a Quirks,
    pub(crate) view: View,
    pub(crate) uin: u64,
    pub(crate) model_name: &'a str,
}

impl<'a> ProductInfo<'a> {
    pub(crate) fn new(product: &'a Product, frame: &Frame<'a>) -> Self {
        let quirks = frame.quirks;
        let differs = frame.view == View::Create && quirks.create_answer_differs;
        let factor = if quirks.creation_date_ms { 1000 } else { 1 };
        let listed = frame.view == View::List;
        Self {
            product_id: &product.product_id,
            product_name: if differs { "sample" } else { &product.product_name },
            product_metadata: (frame.view != View::Create).then_some(Metadata {
                creation_date: product.creation_date * factor,
                create_user_id: frame.uin,
                user_id: if listed { 0 } else { frame.uin },
            }),
            product_properties: Properties {
                product_description: if differs { "a sample" } else { &product.product_description },
                encryption_type: EncryptionType {
                    text: &product.encryption_type,
                    numeric: quirks.numeric_encryption_type,
                },
                region: if quirks.empty_region { "" } else { "gz" },
                product_type: if differs { 4 } else { product.product_type },
                format: &product.format,
                platform: "DEFAULT",
                app_eui: (!quirks.old_app_eui).then_some(&product.app_eui),
                old_app_eui: quirks.old_app_eui.then_some(&product.app_eui),
                rest: (!quirks.sparse_properties).then(|| Rest::new(product, frame)),
            },
        }
    }
}

impl<'a> Rest<'a> {
    fn new(product: &'a Product, frame: &Frame<'a>) -> Self {
        let (quirks, listed) = (frame.quirks, frame.view == View::List);
        let hidden = quirks.hide_secret_when_off && product.register_type == 0;
        Self {
            model_id: &product.model_id,
            model_name: frame.model_name,
            product_key: "",
            register_type: product.register_type,
            product_secret: if hidden { "" } else { &product.product_secret },
            register_limit: if listed { 0 } else { product.register_limit },
            origin_product_id: "",
            origin_user_id: if quirks.text_origin_user_id {
                OriginUserId::Text("0")
            } else {
                OriginUserId::Number(0)
            },
            private_ca_name: &product.private_ca_name,
            device_limit: (!quirks.international).then_some(if listed { 1_000_000 } else { 0 }),
            forbidden_status: (!quirks.international).then_some(product.forbidden_status),
        }
    }
}

/// Wraps the members of a successful answer. `members` is a JSON object.
pub(crate) fn success(mut members: Vec<u8>, request_id: &str) -> Vec<u8> {
    members.pop();
    let comma = if members.len() > 1 { "," } else { "" };
    let mut body = Vec::with_capacity(members.len() + 80);
    body.extend_from_slice(b"{\"Response\":");
    body.extend_from_slice(&members);
    body.extend_from_slice(format!("{comma}\"RequestId\":\"{request_id}\"}}}}").as_bytes());
    body
}

/// An error in the current or in the legacy envelope.
pub(crate) fn failure(refusal: &Refusal, request_id: &str, quirks: &Quirks) -> Vec<u8> {
    let Refusal { code, message } = refusal;
    let document = if quirks.legacy_envelope {
        serde_json::json!({"code": 4000, "message": message, "codeDesc": code, "requestId": request_id})
    } else {
        serde_json::json!({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": request_id}})
    };
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn show(quirks: &Quirks, view: View) -> Value {
        let product = Product {
            product_id: "ABCDE12345".to_owned(),
            encryption_type: "2".to_owned(),
            product_secret: "s".to_owned(),
            creation_date: 1_740_475_425,
            register_limit: 500,
            ..Product::named("lamp")
        };
        let frame = Frame { quirks, view, uin: 7, model_name: "" };
        serde_json::to_value(ProductInfo::new(&product, &frame)).unwrap()
    }

    #[test]
    fn a_product_is_shown_as_in_the_current_samples() {
        assert_eq!(
            show(&Quirks::default(), View::Describe),
            json!({"ProductId": "ABCDE12345", "ProductName": "lamp",
                "ProductMetadata": {"CreationDate": 1_740_475_425, "CreateUserId": 7, "UserId": 7},
                "ProductProperties": {"ProductDescription": "", "EncryptionType": "2", "Region": "gz",
                    "ProductType": 0, "Format": "json", "Platform": "DEFAULT", "AppEUI": "", "ModelId": "-1",
                    "ModelName": "", "ProductKey": "", "RegisterType": 0, "ProductSecret": "s",
                    "RegisterLimit": 500, "OriginProductId": "", "OriginUserId": 0, "PrivateCAName": "",
                    "DeviceLimit": 0, "ForbiddenStatus": 0}})
        );
    }

    #[test]
    fn lists_show_other_values() {
        let listed = show(&Quirks::default(), View::List);
        assert_eq!(listed["ProductProperties"]["RegisterLimit"], 0);
        assert_eq!(listed["ProductProperties"]["DeviceLimit"], 1_000_000);
        assert_eq!(listed["ProductMetadata"]["UserId"], 0);
    }

    #[test]
    fn quirks_change_what_is_shown() {
        let quirks = Quirks {
            numeric_encryption_type: true,
            creation_date_ms: true,
            empty_region: true,
            create_answer_differs: true,
            text_origin_user_id: true,
            old_app_eui: true,
            hide_secret_when_off: true,
            international: true,
            ..Quirks::default()
        };
        let shown = show(&quirks, View::Describe);
        let properties = &shown["ProductProperties"];
        assert_eq!(properties["EncryptionType"], 2);
        assert_eq!(shown["ProductMetadata"]["CreationDate"], 1_740_475_425_000_i64);
        assert_eq!(properties["Region"], "");
        assert_eq!(properties["OriginUserId"], "0");
        assert_eq!((&properties["Appeui"], properties.get("AppEUI")), (&json!(""), None));
        assert_eq!(properties["ProductSecret"], "");
        assert_eq!(properties.get("ForbiddenStatus"), None);
        assert_eq!(shown["ProductName"], "lamp");
        assert_ne!(show(&quirks, View::Create)["ProductName"], "lamp");
        let sparse = show(&Quirks { sparse_properties: true, ..Quirks::default() }, View::Describe);
        assert_eq!(sparse["ProductProperties"].as_object().map(serde_json::Map::len), Some(7));
    }

    #[test]
    fn envelopes_are_valid_json() {
        let empty: Value = serde_json::from_slice(&success(b"{}".to_vec(), "r")).unwrap();
        assert_eq!(empty, json!({"Response": {"RequestId": "r"}}));
        let one: Value = serde_json::from_slice(&success(b"{\"A\":1}".to_vec(), "r")).unwrap();
        assert_eq!(one, json!({"Response": {"A": 1, "RequestId": "r"}}));
        let legacy = Quirks { legacy_envelope: true, ..Quirks::default() };
        let refusal = Refusal::new("InternalError", "x");
        let body: Value = serde_json::from_slice(&failure(&refusal, "r", &legacy)).unwrap();
        assert_eq!(body["codeDesc"], "InternalError");
        assert_ne!(body["code"], 0);
    }
}
