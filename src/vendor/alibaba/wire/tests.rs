use proptest::prelude::*;
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;

fn members(value: &Value) -> Members {
    value.as_object().unwrap().clone()
}

fn read(body: &Value) -> Envelope {
    envelope(body.to_string().as_bytes()).unwrap()
}

fn refusal(code: Option<&str>, message: &str) -> Refusal {
    Refusal { code: code.map(str::to_owned), message: message.to_owned() }
}

#[test]
fn an_answer_is_good_when_it_says_so_or_when_nothing_says_otherwise() {
    for good in [
        json!({"RequestId": "r", "Success": true, "ProductKey": "A"}),
        json!({"RequestId": "r", "Success": "True", "Code": ""}),
        json!({"RequestId": "r", "Success": true, "Code": "200"}),
        json!({"RequestId": "r", "Success": true, "Code": "whatever"}),
        json!({"requestId": "r", "Code": 200}),
        json!({"RequestId": "r"}),
    ] {
        let answer = read(&good);
        assert_eq!(answer.request_id.as_deref(), Some("r"), "{good}");
        assert!(answer.content.is_ok(), "{good}");
    }
}

#[test]
fn both_shapes_of_failure_are_read() {
    let business = json!({"RequestId": "r", "Success": false, "Code": "iot.prod.A", "ErrorMessage": "m"});
    assert_eq!(read(&business).content.unwrap_err(), refusal(Some("iot.prod.A"), "m"));
    let gateway = json!({"RequestId": "r", "HostId": "h", "Code": "SignatureDoesNotMatch", "Message": "m",
        "Recommend": "https://…"});
    assert_eq!(read(&gateway).content.unwrap_err(), refusal(Some("SignatureDoesNotMatch"), "m"));
    let mixed = json!({"requestId": "r", "code": "MissingProductKey", "ErrorMessage": "m"});
    assert_eq!(read(&mixed).content.unwrap_err(), refusal(Some("MissingProductKey"), "m"));
    let bare = json!({"Success": false});
    assert_eq!(read(&bare).content.unwrap_err(), refusal(None, ""));
    let tags = json!({"Success": false, "Code": "x", "ErrorMessage": "m",
        "InvalidProductTags": {"ProductTag": [{"TagKey": "a", "TagValue": "b"}, {"TagKey": "c"}]}});
    assert_eq!(read(&tags).content.unwrap_err(), refusal(Some("x"), "m (refused: a=b, c=)"));
}

#[test]
fn what_is_no_answer_is_unreadable() {
    for body in ["", "null", "[]", "<?xml version='1.0'?>", "{", "{}", r#"{"error":"bad gateway"}"#] {
        assert_eq!(envelope(body.as_bytes()).err(), Some(Unreadable::NoAnswer), "{body}");
    }
}

#[test]
fn a_full_read_is_read() {
    let product = data(&members(&json!({"Data": {
        "ProductKey": "a1Sim000001", "ProductName": "Lamp_01", "Description": "", "ProductSecret": "S1mSecret0000001",
        "ProductStatus": "DEVELOPMENT_STATUS", "AliyunCommodityCode": "iothub_senior", "NodeType": "0",
        "DataFormat": 1, "NetType": 3, "ProtocolType": "", "AuthType": "secret", "Id2": "False",
        "ValidateType": 1, "CategoryKey": "Lighting", "CategoryName": "路灯照明", "DeviceCount": 12,
        "GmtCreate": 1_581_417_203_000_i64, "Owner": true
    }})))
    .unwrap();
    assert_eq!((product.key.as_deref(), product.name.as_deref()), (Some("a1Sim000001"), Some("Lamp_01")));
    assert_eq!((product.node_type, product.data_format, product.validate_type), (Some(0), Some(1), Some(1)));
    assert_eq!((product.net_type.as_deref(), product.protocol, product.id2), (Some("3"), None, Some(false)));
    assert_eq!((product.devices, product.created_at), (Some(12), Some(1_581_417_203)));
    assert_eq!(product.description.as_deref(), Some(""));
    assert_eq!(product.secret.as_ref().unwrap().expose_secret(), "S1mSecret0000001");
    assert!(!format!("{:?}", product.secret).contains("S1m"), "secrets stay out of debug texts");
    assert!(data(&members(&json!({"ProductKey": "A"}))).is_none());
}

#[test]
fn the_created_key_is_found_at_either_place() {
    assert_eq!(created_key(&members(&json!({"ProductKey": "A"}))).as_deref(), Some("A"));
    assert_eq!(
        created_key(&members(&json!({"ProductKey": "", "Data": {"ProductKey": "B"}}))).as_deref(),
        Some("B")
    );
    assert_eq!(created_key(&members(&json!({"Data": null}))), None);
}

#[test]
fn a_page_needs_its_list_and_its_total() {
    let some = json!({"Data": {"Total": "3", "List": {"ProductInfo": [{"ProductKey": "A"}, null]}}});
    let (total, products) = page(&members(&some)).unwrap();
    assert_eq!((total, products.len()), (3, 2));
    for empty in [json!({"Total": 0}), json!({"Total": 0, "List": null}), json!({"Total": 0, "List": {}})] {
        assert_eq!(page(&members(&json!({ "Data": empty }))).unwrap().0, 0, "{empty}");
    }
    for odd in [
        json!({"Total": 3}),
        json!({"Total": 3, "List": {}}),
        json!({"List": {"ProductInfo": []}}),
        json!({"Total": -1, "List": {"ProductInfo": []}}),
    ] {
        assert!(page(&members(&json!({ "Data": odd }))).is_none(), "{odd}");
    }
}

#[test]
fn tags_are_read_and_none_is_an_answer() {
    let some = json!({"Data": {"ProductTag": [{"TagKey": "env", "TagValue": "prod"}, {"TagValue": "x"}]}});
    assert_eq!(tags(&members(&some)).unwrap(), BTreeMap::from([("env".to_owned(), "prod".to_owned())]));
    assert_eq!(tags(&members(&json!({"Data": {}}))), Some(BTreeMap::new()));
    assert_eq!(tags(&members(&json!({"Data": null}))), Some(BTreeMap::new()));
    assert_eq!(tags(&members(&json!({"RequestId": "r"}))), None);
}

#[test]
fn lists_of_objects_are_numbered_from_one() {
    let tags = [("env".to_owned(), "prod".to_owned()), ("zone".to_owned(), "1".to_owned())];
    let names: Vec<_> =
        with_tags("A", &tags).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        names,
        [
            "ProductKey=A",
            "ProductTag.1.TagKey=env",
            "ProductTag.1.TagValue=prod",
            "ProductTag.2.TagKey=zone",
            "ProductTag.2.TagValue=1"
        ]
    );
}

/// JSON whose keys are often the ones that are looked for.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        3 => prop::sample::select(vec![
            "Success", "Code", "code", "Message", "ErrorMessage", "RequestId", "Data", "List", "ProductInfo",
            "Total", "ProductKey", "ProductName", "ProductSecret", "NodeType", "DataFormat", "NetType", "Id2",
            "AuthType", "AliyunCommodityCode", "ValidateType", "GmtCreate", "DeviceCount", "ProductTag",
            "TagKey", "TagValue", "InvalidProductTags",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        let _ = envelope(value.to_string().as_bytes());
        if let Value::Object(members) = value {
            let _ = (page(&members), tags(&members), created_key(&members));
            for full in [false, true] {
                let _ = data(&members).map(|product| super::super::fields::observed(product, full));
                let _ = super::super::fields::observed(product(&members), full);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = envelope(&bytes);
    }
}
