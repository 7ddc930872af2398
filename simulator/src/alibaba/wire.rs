//! Answers as the vendor writes them: JSON or XML, two shapes of failure, oddities when asked for.

use http::StatusCode;
use http::header::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::product::Product;
use super::refusal::Refusal;
use crate::reply::Reply;

/// How a call beyond the quota is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttling {
    /// `Throttling.User` with HTTP 400.
    #[default]
    Gateway,
    /// `iot.common.TooManyRequest`, as the service refuses.
    Service,
    /// HTTP 429 and a hint when to come back.
    Header,
}

/// What the vendor's documents leave open, or say in two ways.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Failures of the service come in the gateway's shape with HTTP 400.
    pub business_as_gateway: bool,
    /// How calls beyond the quota are refused.
    pub throttling: Throttling,
    /// `NodeType` and `DataFormat` of Basic products are not shown.
    pub basic_hides_numbers: bool,
    /// A read does not show a product in its first milliseconds.
    pub read_lag_ms: u64,
    /// Deleting a product with devices, or a released one, is refused with this code. Without it the product
    /// goes, and its devices with it.
    pub delete_refusal: Option<String>,
    /// A name is taken in all instances of an account.
    pub names_unique_in_account: bool,
    /// `CreateProductTags` takes keys that are there already.
    pub create_tags_overwrites: bool,
}

/// A successful answer, with the members of the action.
pub(crate) fn success(mut members: Map<String, Value>, request_id: &str) -> Map<String, Value> {
    members.insert("RequestId".to_owned(), request_id.into());
    members.insert("Success".to_owned(), true.into());
    members
}

/// A failure and its HTTP status.
pub(crate) fn failure(
    refusal: &Refusal,
    host: &str,
    request_id: &str,
    quirks: &Quirks,
) -> (StatusCode, Map<String, Value>) {
    let Refusal { code, message, tags } = refusal;
    let mut members = Map::new();
    let mut set = |name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    set("RequestId", request_id.into());
    set("Code", code.as_str().into());
    if refusal.is_business() && !quirks.business_as_gateway {
        set("Success", false.into());
        set("ErrorMessage", message.as_str().into());
        if !tags.is_empty() {
            let list: Vec<_> = tags.iter().map(|(key, value)| tag(key, value)).collect();
            set("InvalidProductTags", json!({ "ProductTag": list }));
        }
        return (StatusCode::OK, members);
    }
    set("HostId", host.into());
    set("Message", message.as_str().into());
    (refusal.status(), members)
}

/// The answer beyond the quota.
pub(crate) fn throttled(quirks: &Quirks) -> (Refusal, Option<StatusCode>) {
    let message = "Request was denied due to user flow control.";
    match quirks.throttling {
        Throttling::Gateway => (Refusal::new("Throttling.User", message), None),
        Throttling::Service => (Refusal::new("iot.common.TooManyRequest", message), None),
        Throttling::Header => (Refusal::new("Throttling.Api", message), Some(StatusCode::TOO_MANY_REQUESTS)),
    }
}

/// Writes an answer in the form that was asked for.
pub(crate) fn reply(status: StatusCode, members: Map<String, Value>, json: bool, action: &str) -> Reply {
    let reply = if json {
        Reply::json(status, Value::Object(members).to_string())
    } else {
        let root = if status == StatusCode::OK { format!("{action}Response") } else { "Error".to_owned() };
        let mut document = "<?xml version='1.0' encoding='UTF-8'?>".to_owned();
        xml(&root, &Value::Object(members), &mut document);
        Reply::new(status, "text/xml", document)
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return reply.header(HeaderName::from_static("x-acs-retry-after"), "1000");
    }
    reply
}

fn xml(name: &str, value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| xml(name, item, out)),
        Value::Object(members) => {
            out.extend(["<", name, ">"]);
            members.iter().for_each(|(name, value)| xml(name, value, out));
            out.extend(["</", name, ">"]);
        }
        scalar => {
            let text = scalar.as_str().map_or_else(|| scalar.to_string(), str::to_owned);
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            out.extend(["<", name, ">", &text, "</", name, ">"]);
        }
    }
}

/// A tag as answers show it.
pub(crate) fn tag(key: &str, value: &str) -> Value {
    json!({"TagKey": key, "TagValue": value})
}

/// `Data` of a create.
pub(crate) fn created(product: &Product, quirks: &Quirks) -> Value {
    let mut data = json!({
        "ProductKey": product.product_key,
        "ProductSecret": product.product_secret,
        "ProductName": product.product_name,
        "Description": product.description,
        "AuthType": product.auth_type,
        "AliyunCommodityCode": product.aliyun_commodity_code,
        "Id2": product.id2,
    });
    with_numbers(&mut data, product, quirks);
    if product.is_senior() && !product.protocol_type.is_empty() {
        data["ProtocolType"] = product.protocol_type.as_str().into();
    }
    data
}

/// `Data` of a read.
pub(crate) fn shown(product: &Product, quirks: &Quirks) -> Value {
    let mut data = created(product, quirks);
    data["ProductStatus"] = if product.released { "RELEASE_STATUS" } else { "DEVELOPMENT_STATUS" }.into();
    // A number here, a text in the create; that of LORA is not documented.
    data["NetType"] = match product.net_type.as_str() {
        "WIFI" => 3,
        "CELLULAR" => 6,
        "ETHERNET" => 7,
        "OTHER" => 8,
        _ => 11,
    }
    .into();
    data["ValidateType"] = product.validate_type.into();
    if !product.category_key.is_empty() {
        data["CategoryKey"] = product.category_key.as_str().into();
        data["CategoryName"] = product.category_key.as_str().into();
    }
    data["DeviceCount"] = product.device_count.into();
    data["GmtCreate"] = product.gmt_create.into();
    data["Owner"] = product.owner.into();
    data
}

/// A list entry.
pub(crate) fn listed(product: &Product, quirks: &Quirks) -> Value {
    let mut entry = json!({
        "ProductKey": product.product_key,
        "ProductName": product.product_name,
        "Description": product.description,
        "AuthType": product.auth_type,
        "DeviceCount": product.device_count,
        "GmtCreate": product.gmt_create,
    });
    with_numbers(&mut entry, product, quirks);
    entry
}

fn with_numbers(data: &mut Value, product: &Product, quirks: &Quirks) {
    if product.is_senior() || !quirks.basic_hides_numbers {
        data["NodeType"] = product.node_type.into();
        data["DataFormat"] = product.data_format.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_failure_have_their_members() {
        let refusal = Refusal::new("iot.prod.NotExistedProduct", "gone");
        let (status, business) = failure(&refusal, "h", "r", &Quirks::default());
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            Value::Object(business),
            json!({"RequestId": "r", "Success": false, "Code": "iot.prod.NotExistedProduct", "ErrorMessage": "gone"})
        );
        let other = Quirks { business_as_gateway: true, ..Quirks::default() };
        let (status, gateway) = failure(&refusal, "h", "r", &other);
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(
            Value::Object(gateway),
            json!({"RequestId": "r", "HostId": "h", "Code": "iot.prod.NotExistedProduct", "Message": "gone"})
        );
    }

    #[test]
    fn without_a_wish_answers_are_xml() {
        let members = json!({"Success": true, "List": [{"A": "1<2"}, {"A": 3}]});
        let reply = reply(StatusCode::OK, members.as_object().unwrap().clone(), false, "QueryProduct");
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(
            body.contains("<QueryProductResponse><List><A>1&lt;2</A></List><List><A>3</A></List>"),
            "{body}"
        );
    }

    #[test]
    fn the_net_type_is_a_number_in_a_read() {
        let product = Product { net_type: "ETHERNET".to_owned(), ..Product::named("n") };
        assert_eq!(shown(&product, &Quirks::default())["NetType"], 7);
        let hides = Quirks { basic_hides_numbers: true, ..Quirks::default() };
        assert_eq!(shown(&product, &hides).get("DataFormat"), None);
    }
}
