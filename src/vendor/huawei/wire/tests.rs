use proptest::prelude::*;

use super::*;

fn object(value: &Value) -> Members {
    value.as_object().unwrap().clone()
}

/// The sample of "`CreateProduct`".
fn sample() -> Value {
    json!({
        "permissions": ["read", "modify"], "id": 99_999_999_999_999_999_i64, "product_serial": "Dd1bRt122894",
        "app_id": "a1", "app_name": "app", "name": "lamp", "manufacturer_id": "10001",
        "manufacturer_name": "Acme", "model": " SL.100 ", "product_type": 1, "description": "",
        "device_type": "Default", "version": "v1", "protocol_type": 5, "data_format": 0,
        "created_user": {"user_id": "", "user_name": "u"},
        "authentication": {"user_name": "Dd1bRt122894", "password": "********"},
        "created_datetime": 1_607_502_113_000_i64, "template_id": 99_999_999_999_999_999_i64, "status": 0
    })
}

#[test]
fn a_product_is_read_member_by_member() {
    let product = product(&object(&sample()));
    assert_eq!(product.id.as_deref(), Some("99999999999999999"), "no digit is lost");
    assert_eq!(product.serial.as_deref(), Some("Dd1bRt122894"));
    assert_eq!(product.model.as_deref(), Some("SL.100"), "outer spaces do not count");
    assert_eq!(product.user_name.as_deref(), Some("Dd1bRt122894"));
    assert_eq!(product.description.as_deref(), Some(""));
    assert_eq!((product.kind, product.protocol_type, product.data_format), (Some(1), Some(5), Some(0)));
    assert_eq!(product.created_at, Some(1_607_502_113));
    assert_eq!(product.template_id, Some(99_999_999_999_999_999));
    assert!(!format!("{product:?}").contains("****"), "not even the masked password is kept");
}

#[test]
fn texts_and_numbers_may_be_mixed_and_members_missing() {
    let product = product(&object(&json!({
        "id": "120671", "manufacturer_id": 10001, "product_type": "0", "version": 2, "template_id": 0,
        "description": null, "model": "", "authentication": "none", "created_datetime": 0
    })));
    assert_eq!(product.id.as_deref(), Some("120671"));
    assert_eq!(product.manufacturer_id.as_deref(), Some("10001"));
    assert_eq!((product.kind, product.version.as_deref()), (Some(0), Some("2")));
    assert_eq!((product.template_id, product.created_at), (None, None));
    assert!(product.description.is_none() && product.model.is_none() && product.user_name.is_none());
    for odd in [json!(1.5), json!(-3), json!("12a"), json!(""), json!(1e17), json!(null)] {
        assert_eq!(super::product(&object(&json!({ "id": odd }))).id, None, "{odd}");
    }
}

#[test]
fn a_page_needs_its_list_and_its_total() {
    let some = page(&object(&json!({"total": "3", "size": 2, "items": [{"id": 1}, null]}))).unwrap();
    assert_eq!((some.0, some.1.len()), (3, 2));
    assert_eq!(page(&object(&json!({"total": 0, "items": null}))).unwrap().0, 0);
    for odd in [json!({"total": 1}), json!({"items": []}), json!({"total": -1, "items": []})] {
        assert!(page(&object(&odd)).is_none(), "{odd}");
    }
}

#[test]
fn failures_are_read_in_every_spelling() {
    let of = |value: Value| refusal(value.to_string().as_bytes());
    let is = |code: &str, message: &str, id: Option<&str>| {
        Some(Refusal { code: code.into(), message: message.into(), request_id: id.map(str::to_owned) })
    };
    let link = json!({"error_code": "ROMA.00110001", "error_msg": "m", "request_id": "r"});
    assert_eq!(of(link), is("ROMA.00110001", "m", Some("r")));
    assert_eq!(of(json!({"errorCode": "A", "errorMsg": "m"})), is("A", "m", None));
    let iam = json!({"error": {"code": 401, "message": "m", "title": "Unauthorized"}});
    assert_eq!(of(iam), is("401", "m", None));
    assert_eq!(of(json!({"error_code": "", "code": "B"})), is("B", "", None));
    assert_eq!(of(json!({"message": "m"})), None);
    assert_eq!(refusal(b"<html>"), None);
    assert_eq!(refusal(b""), None);
}

#[test]
fn complaints_name_their_fields() {
    let message = "Invalid parameter. [name:exists already, model:must be 2 to 50 characters] (2)";
    assert_eq!(bad_fields(message), ["name", "model"]);
    assert_eq!(bad_fields("[name:no end"), ["name"]);
    assert!(bad_fields("name: taken").is_empty());
    assert!(bad_fields("[]").is_empty());
}

#[test]
fn no_request_leaves_the_password_to_the_vendor() {
    let (empty, some) = (SecretString::from(""), SecretString::from("Pa5$word"));
    for (user, password) in [(None, None), (Some(""), None), (None, Some(&empty)), (Some(""), Some(&empty))] {
        assert_eq!(authentication(user, password), None);
    }
    let body =
        |user, password| serde_json::from_str::<Value>(&authentication(user, password).unwrap()).unwrap();
    assert_eq!(body(Some("gateway-01"), None), json!({"user_name": "gateway-01"}));
    assert_eq!(body(None, Some(&some)), json!({"password": "Pa5$word"}));
    assert_eq!(body(Some("u"), Some(&some)), json!({"user_name": "u", "password": "Pa5$word"}));
}

#[test]
fn a_token_is_asked_for_as_documented() {
    let body: Value = serde_json::from_str(&login("acme", "robot", &"pw".into(), "p1")).unwrap();
    let user = json!({"name": "robot", "password": "pw", "domain": {"name": "acme"}});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    assert_eq!(body, json!({"auth": {"identity": identity, "scope": {"project": {"id": "p1"}}}}));
}

/// JSON whose keys are often the ones that are looked for.
fn any_json() -> impl Strategy<Value = Value> {
    let keys = vec![
        "error_code",
        "error_msg",
        "errorCode",
        "code",
        "message",
        "request_id",
        "id",
        "name",
        "items",
        "total",
        "authentication",
        "user_name",
        "template_id",
        "created_datetime",
        "product_type",
        "model",
        "summary",
    ];
    let key = prop_oneof![3 => prop::sample::select(keys).prop_map(str::to_owned), 1 => any::<String>()];
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

proptest! {
    #[test]
    fn no_json_makes_it_panic(value in any_json()) {
        let body = value.to_string();
        let _ = refusal(body.as_bytes());
        if let Ok(members) = members(body.as_bytes()) {
            let _ = (page(&members), devices(&members));
            for full in [false, true] {
                let _ = super::super::fields::observed(product(&members), full);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
        let _ = (members(&bytes), refusal(&bytes));
        let _ = bad_fields(&text);
    }
}
