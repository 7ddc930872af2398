use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::*;
use crate::plan::mark::Mark;
use crate::vendor::alibaba::{TRAITS, wire};

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn shown(data: &Json, full: bool) -> Observed {
    let mut data = data.clone();
    (data["ProductKey"], data["ProductName"]) = ("A1".into(), "n".into());
    observed(wire::data(json!({ "Data": data }).as_object().unwrap()).unwrap(), full).unwrap()
}

fn everything() -> Json {
    json!({
        "Description": "d [iotp:0123456789ab.01234567]", "ProductSecret": "s", "AliyunCommodityCode": "iothub_senior",
        "NodeType": 1, "DataFormat": 0, "NetType": 7, "ProtocolType": "modbus", "AuthType": "x509", "Id2": false,
        "ValidateType": 2, "CategoryKey": "Lighting", "GmtCreate": 1_581_417_203_123_i64
    })
}

fn request(fields: Fields) -> CreateRequest {
    CreateRequest { name: "路灯_Lamp01".into(), description: "d".into(), fields, inputs: BTreeMap::new() }
}

fn sent(fields: Fields) -> BTreeMap<String, String> {
    parameters(&request(fields)).unwrap().into_iter().collect()
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_full_read_shows_every_field_in_the_manifests_terms() {
    let product = shown(&everything(), true);
    let expected = Fields::from([
        (ENCRYPTION, text("Asymmetric")),
        (NODE_TYPE, text("Gateway")),
        (DATA_FORMAT, text("Custom")),
        (COMMODITY, text("iothub_senior")),
        (NET_TYPE, text("ETHERNET")),
        (PROTOCOL, text("modbus")),
        (AUTH_TYPE, text("x509")),
        (ID2, Value::Flag(false)),
        (CATEGORY, text("Lighting")),
        (VALIDATE_TYPE, text("None")),
    ]);
    assert_eq!(product.fields, expected);
    assert_eq!(product.description, "d [iotp:0123456789ab.01234567]");
    assert_eq!(product.secret.unwrap().expose_secret(), "s");
    assert_eq!(product.created_at, Some(1_581_417_203));
    assert!(expected.keys().all(|field| TRAITS.rule(field).is_some()), "every field shown has a rule");
}

#[test]
fn a_list_entry_shows_only_what_it_shows_reliably() {
    let product = shown(&json!({"NodeType": 0, "DataFormat": 0, "AuthType": "id2", "DeviceCount": 3}), false);
    let expected = Fields::from([
        (ENCRYPTION, text("Symmetric")),
        (NODE_TYPE, text("Device")),
        (AUTH_TYPE, text("id2")),
    ]);
    assert_eq!(product.fields, expected);
    assert!(expected.keys().all(|field| TRAITS.rule(field).unwrap().listed));
}

#[test]
fn what_an_answer_leaves_out_or_nobody_knows_is_not_compared() {
    assert!(shown(&json!({}), true).fields.is_empty());
    let odd = shown(&json!({"NetType": 11, "AuthType": "ecc", "NodeType": 9, "ValidateType": 7}), true);
    assert_eq!(odd.fields, Fields::from([(AUTH_TYPE, text("ecc"))]));
    let as_text = shown(&json!({"NetType": "WIFI", "ValidateType": 0}), true);
    assert_eq!(as_text.fields[NET_TYPE], text("WIFI"));
    assert_eq!(as_text.fields[VALIDATE_TYPE], text("Strong"));
    assert!(observed(Product::default(), true).is_none());
}

#[test]
fn basic_knows_json_only_whatever_it_shows() {
    for format in [json!(null), json!(0), json!(1)] {
        let data = json!({"AliyunCommodityCode": "iothub", "DataFormat": format, "AuthType": "secret"});
        assert_eq!(shown(&data, true).fields[DATA_FORMAT], text("JSON"), "{format}");
    }
    let mqtt = json!({"AliyunCommodityCode": "iothub", "DataFormat": 0, "AuthType": "one-party"});
    assert_eq!(shown(&mqtt, true).fields[DATA_FORMAT], text("Custom"));
}

#[test]
fn the_least_create_sends_what_is_required_and_nothing_else() {
    let least = tags(&[("ProductName", "路灯_Lamp01"), ("Description", "d"), ("NodeType", "0")]);
    assert_eq!(sent(Fields::new()), least);
    let neutral = Fields::from([
        (ENCRYPTION, text("Symmetric")),
        (NODE_TYPE, text("Device")),
        (DATA_FORMAT, text("JSON")),
        (TAGS, Value::Map(tags(&[("env", "prod")]))),
    ]);
    assert_eq!(sent(neutral), least, "Basic has no format, secret is the default, tags come later");
}

#[test]
fn a_create_can_send_every_parameter() {
    let fields = Fields::from([
        (NODE_TYPE, text("Gateway")),
        (COMMODITY, text("iothub_senior")),
        (NET_TYPE, text("LORA")),
        (PROTOCOL, text("opc-ua")),
        (JOIN_PERMISSION, text("j1")),
        (AUTH_TYPE, text("secret")),
        (ID2, Value::Flag(false)),
        (CATEGORY, text("Lighting")),
        (PUBLISH_AUTO, Value::Flag(false)),
        (VALIDATE_TYPE, text("None")),
        (RESOURCE_GROUP, text("rg-1")),
    ]);
    let expected = tags(&[
        ("ProductName", "路灯_Lamp01"),
        ("Description", "d"),
        ("NodeType", "1"),
        ("AliyunCommodityCode", "iothub_senior"),
        ("DataFormat", "1"),
        ("NetType", "LORA"),
        ("ProtocolType", "opc-ua"),
        ("JoinPermissionId", "j1"),
        ("AuthType", "secret"),
        ("Id2", "false"),
        ("CategoryKey", "Lighting"),
        ("PublishAuto", "false"),
        ("ValidateType", "2"),
        ("ResourceGroupId", "rg-1"),
    ]);
    assert_eq!(sent(fields), expected);
}

#[test]
fn the_way_of_authentication_follows_from_what_is_written() {
    let auth = |fields: &[(Field, Value)]| sent(fields.iter().cloned().collect()).get("AuthType").cloned();
    assert_eq!(auth(&[(ENCRYPTION, text("Asymmetric"))]).as_deref(), Some("x509"));
    assert_eq!(auth(&[(ID2, Value::Flag(true))]).as_deref(), Some("id2"));
    assert_eq!(auth(&[(ENCRYPTION, text("Symmetric"))]), None);
    assert_eq!(
        auth(&[(AUTH_TYPE, text("secret")), (ENCRYPTION, text("Symmetric"))]).as_deref(),
        Some("secret")
    );
    let mqtt = sent(Fields::from([(AUTH_TYPE, text("one-party"))]));
    assert_eq!((mqtt["AuthType"].as_str(), mqtt["DataFormat"].as_str()), ("one-party", "0"));
    let custom = Fields::from([(COMMODITY, text("iothub_senior")), (DATA_FORMAT, text("Custom"))]);
    assert_eq!(sent(custom)["DataFormat"], "0");
}

#[test]
fn what_a_fresh_product_is_like_is_what_a_read_will_show() {
    let fields = Fields::from([
        (COMMODITY, text("iothub_senior")),
        (NET_TYPE, text("WIFI")),
        (PUBLISH_AUTO, Value::Flag(true)),
        (TAGS, Value::Map(tags(&[("env", "prod")]))),
    ]);
    let expected = Fields::from([
        (ENCRYPTION, text("Symmetric")),
        (NODE_TYPE, text("Device")),
        (DATA_FORMAT, text("JSON")),
        (COMMODITY, text("iothub_senior")),
        (NET_TYPE, text("WIFI")),
        (AUTH_TYPE, text("secret")),
        (VALIDATE_TYPE, text("Weak")),
        (TAGS, Value::Map(BTreeMap::new())),
    ]);
    assert_eq!(created(&request(fields)), expected);
    let basic = created(&request(Fields::from([(ENCRYPTION, text("Asymmetric"))])));
    assert_eq!((&basic[COMMODITY], &basic[AUTH_TYPE]), (&text("iothub"), &text("x509")));
    let mqtt = created(&request(Fields::from([(AUTH_TYPE, text("one-party"))])));
    assert_eq!((mqtt.get(COMMODITY), &mqtt[DATA_FORMAT]), (None, &text("Custom")));
}

#[test]
fn devices_with_keys_have_a_product_secret() {
    let secret = |auth: &str| has_secret(&Fields::from([(AUTH_TYPE, text(auth))]));
    assert!(secret("secret") && secret("id2") && has_secret(&Fields::new()));
    assert!(!secret("x509") && !secret("one-party"));
}

#[test]
fn the_device_host_is_the_instances_or_the_products() {
    let host = |instance| endpoint("A1", "cn-shanghai", instance);
    assert_eq!(host(None).as_deref(), Some("A1.iot-as-mqtt.cn-shanghai.aliyuncs.com"));
    assert_eq!(host(Some("iot-060a0xyz")).as_deref(), Some("iot-060a0xyz.mqtt.iothub.aliyuncs.com"));
    assert_eq!(host(Some("iotx-oxssharez200")), None);
    assert_eq!(host(Some("iot_instc_pu1")), None);
}

fn changes(set: Fields) -> Changes {
    let desired = Fields::from([("name", text("n")), ("description", text("d [iotp:x]"))]);
    Changes { set, desired, observed: Fields::new() }
}

#[test]
fn name_and_description_are_always_sent_together() {
    let both = |set: Fields| update(&changes(set)).unwrap().product.unwrap();
    assert_eq!(both(Fields::from([("name", text("m"))])), ("m".to_owned(), "d [iotp:x]".to_owned()));
    assert_eq!(both(Fields::from([("description", text("e"))])), ("n".to_owned(), "e".to_owned()));
    let unknown = Changes { desired: Fields::new(), ..changes(Fields::from([("name", text("m"))])) };
    assert!(update(&unknown).unwrap_err().0.contains("description"));
    let frozen = changes(Fields::from([(NET_TYPE, text("WIFI"))]));
    assert_eq!(update(&frozen).unwrap_err().0, "alibaba.netType cannot be changed to WIFI");
}

#[test]
fn only_tags_that_differ_are_sent_and_at_most_ten_in_a_call() {
    let want: BTreeMap<_, _> = (0..23).map(|n| (format!("k{n:02}"), "v".to_owned())).collect();
    let mut have = tags(&[("k00", "v"), ("k01", "old"), ("theirs", "x")]);
    let calls = tag_calls(&want, &have, wire::TAGS);
    let shape: Vec<_> = calls.iter().map(|(action, tags)| (*action, tags.len())).collect();
    assert_eq!(
        shape,
        [
            ("CreateProductTags", 10),
            ("CreateProductTags", 10),
            ("CreateProductTags", 1),
            ("UpdateProductTags", 1)
        ]
    );
    assert_eq!(calls[3].1, [("k01".to_owned(), "v".to_owned())]);
    have.extend(want.clone());
    assert!(tag_calls(&want, &have, wire::TAGS).is_empty());
}

#[test]
fn the_mark_and_the_longest_description_fit() {
    let mark = Mark::of("owner", "namespace", "name", "0a1b2c3d-0000-4000-8000-000000000000");
    let description = mark.append_to(&"x".repeat(TRAITS.description_units));
    assert_eq!(description.chars().count(), 100);
}
