use proptest::prelude::*;
use serde_json::json;

use super::*;

fn members(value: &Value) -> Members {
    value.as_object().unwrap().clone()
}

fn read(body: &Value) -> Envelope {
    envelope(body.to_string().as_bytes()).unwrap()
}

#[test]
fn an_answer_of_version_3_is_read() {
    let answer = read(&json!({"Response": {"ProductId": "A", "RequestId": "r1", "DeprecatedWarning": "x"}}));
    assert_eq!(answer.request_id.as_deref(), Some("r1"));
    assert_eq!(answer.content.unwrap()["ProductId"], "A");
    let null = read(&json!({"Response": {"Error": null, "RequestId": "r1"}}));
    assert!(null.content.is_ok());
}

#[test]
fn refusals_of_both_envelopes_are_read() {
    let refusal = |code: &str, message: &str| Refusal { code: Some(code.into()), message: message.into() };
    let new = read(&json!({"Response": {"Error": {"Code": "A.B", "Message": "m"}, "RequestId": "r"}}));
    assert_eq!(new.request_id.as_deref(), Some("r"));
    assert_eq!(new.content.unwrap_err(), refusal("A.B", "m"));
    let old = read(&json!({"code": 4100, "message": "m", "codeDesc": "AuthFailure.TokenFailure"}));
    assert_eq!(old.content.unwrap_err(), refusal("AuthFailure.TokenFailure", "m"));
    let text = read(&json!({"code": "4100", "message": "m"}));
    assert_eq!(text.content.unwrap_err(), refusal("4100", "m"));
    let odd = read(&json!({"Response": {"Error": "no object"}}));
    assert_eq!(odd.content.unwrap_err(), Refusal { code: None, message: String::new() });
}

#[test]
fn what_is_no_answer_is_unreadable() {
    for body in ["", "null", "[]", "<html>502</html>", "{", "{}", r#"{"code":0}"#, r#"{"Response":7}"#] {
        assert_eq!(envelope(body.as_bytes()).err(), Some(Unreadable::NoAnswer), "{body}");
    }
}

#[test]
fn a_current_full_read_is_read() {
    let product = product(&members(&json!({
        "ProductId": "K3X9Q2ZL7B",
        "ProductName": "meter-a",
        "ProductMetadata": {"CreationDate": 1_740_475_425, "CreateUserId": 100_000_000_001_i64, "UserId": 0},
        "ProductProperties": {
            "ProductDescription": "meters", "EncryptionType": "2", "Region": "", "ProductType": 0,
            "Format": "json", "Platform": "DEFAULT", "AppEUI": "", "ModelId": "-1", "ModelName": "",
            "ProductKey": "", "RegisterType": 2, "ProductSecret": "hzvf5LF9S0isvBhDSauWMaIk",
            "RegisterLimit": 10000, "OriginProductId": "", "OriginUserId": "", "PrivateCAName": "",
            "DeviceLimit": 0, "ForbiddenStatus": 0, "SomethingNew": {"deep": []}
        }
    })));
    let shown = &product.properties;
    assert_eq!((product.id.as_deref(), product.name.as_deref()), (Some("K3X9Q2ZL7B"), Some("meter-a")));
    assert_eq!(product.created_at, Some(1_740_475_425));
    assert_eq!((shown.encryption, shown.product_type, shown.forbidden), (Some(2), Some(0), Some(0)));
    assert_eq!((shown.register_type, shown.register_limit), (Some(2), Some(10_000)));
    assert_eq!((&shown.model_id, &shown.app_eui, &shown.private_ca), (&None, &None, &Some(String::new())));
    assert_eq!(shown.secret.as_ref().unwrap().expose_secret(), "hzvf5LF9S0isvBhDSauWMaIk");
    assert!(!format!("{product:?}").contains("hzvf5"), "secrets stay out of debug texts");
}

#[test]
fn texts_numbers_units_and_spellings_may_be_mixed() {
    let product = product(&members(&json!({
        "ProductId": 12345,
        "ProductName": "n",
        "ProductMetadata": {"CreationDate": "1535385948000"},
        "ProductProperties": {
            "EncryptionType": 1, "ProductType": "4", "Appeui": "70B3D57ED0000001", "AppEUI": "",
            "RegisterType": 1.0, "RegisterLimit": 1.5, "ProductSecret": "", "ForbiddenStatus": true,
            "ProductDescription": null
        }
    })));
    let shown = &product.properties;
    assert_eq!(product.id.as_deref(), Some("12345"));
    assert_eq!(product.created_at, Some(1_535_385_948));
    assert_eq!((shown.encryption, shown.product_type), (Some(1), Some(4)));
    assert_eq!(shown.app_eui.as_deref(), Some("70B3D57ED0000001"));
    assert_eq!((shown.register_type, shown.register_limit), (Some(1), None));
    assert!(shown.secret.is_none() && shown.forbidden.is_none() && shown.description.is_none());
}

#[test]
fn a_page_needs_its_list_and_its_total() {
    let some = page(&members(&json!({"TotalCount": "3", "Products": [{"ProductId": "A"}, null]}))).unwrap();
    assert_eq!((some.0, some.1.len()), (3, 2));
    assert_eq!(page(&members(&json!({"TotalCount": 0, "Products": null}))).unwrap().0, 0);
    for odd in [
        json!({"TotalCount": 3}),
        json!({"Products": []}),
        json!({"TotalCount": -1, "Products": []}),
        json!({"TotalCount": 1, "Products": {}}),
    ] {
        assert!(page(&members(&odd)).is_none(), "{odd}");
    }
}

#[test]
fn requests_have_the_documented_members_only() {
    let parsed = |body: String| serde_json::from_str::<Value>(&body).unwrap();
    let skey = SecretString::from("k");
    assert_eq!(
        parsed(create("n", &json!({"Format": "json"}), None)),
        json!({"ProductName": "n", "ProductProperties": {"Format": "json"}})
    );
    assert_eq!(parsed(create("n", &json!({}), Some(&skey)))["Skey"], "k");
    assert_eq!(parsed(delete("A", None)), json!({"ProductId": "A"}));
    assert_eq!(parsed(delete("A", Some(&skey))), json!({"ProductId": "A", "Skey": "k"}));
    assert_eq!(parsed(products(250)), json!({"Offset": 250, "Limit": 250}));
    assert_eq!(parsed(devices("A")), json!({"ProductId": "A", "Offset": 0, "Limit": 10}));
    assert_eq!(parsed(register("A", 2, 5)), json!({"ProductId": "A", "RegisterType": 2, "RegisterLimit": 5}));
    assert_eq!(parsed(forbid("A", true)), json!({"ProductId": ["A"], "Status": 1}));
    assert_eq!(parsed(forbid("A", false)), json!({"ProductId": ["A"], "Status": 0}));
    assert_eq!(parsed(bind_ca("A", "ca")), json!({"ProductId": "A", "CertName": "ca"}));
}

/// JSON whose keys are often the ones that are looked for.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        3 => prop::sample::select(vec![
            "Response", "Error", "Code", "Message", "RequestId", "code", "codeDesc", "message", "ProductId",
            "ProductName", "ProductMetadata", "CreationDate", "ProductProperties", "EncryptionType",
            "ProductType", "RegisterType", "RegisterLimit", "ProductSecret", "ForbiddenStatus", "Products",
            "TotalCount", "AppEUI", "Appeui", "ModelId", "PrivateCAName",
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
        any::<i64>().prop_map(|number| Value::from(number.to_string())),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn read_everything(members: &Members) {
    let _ = page(members);
    let _ = secret(members);
    for full in [false, true] {
        let _ = super::super::fields::observed(product(members), full);
    }
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        if let Ok(Envelope { content: Ok(members), .. }) = envelope(value.to_string().as_bytes()) {
            read_everything(&members);
        }
        if let Value::Object(members) = value {
            read_everything(&members);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = envelope(&bytes);
    }
}
