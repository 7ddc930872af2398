use proptest::prelude::*;

use super::*;

fn read(answer: &Value) -> Result<Members, Refusal> {
    envelope(answer.to_string().as_bytes()).unwrap()
}

fn refusal(code: i64, module: Option<u32>, message: &str) -> Refusal {
    Refusal { code, module, message: message.to_owned() }
}

fn members(value: &Value) -> Members {
    value.as_object().unwrap().clone()
}

#[test]
fn zero_is_success_as_number_or_text() {
    for code in [json!(0), json!("0"), json!(0.0)] {
        let members =
            read(&json!({"code": code, "message": "", "codeDesc": "Success", "productID": "A"})).unwrap();
        assert_eq!(id(&members).as_deref(), Some("A"));
    }
}

#[test]
fn the_services_number_is_read_in_either_kind_of_parentheses() {
    for (message, module, words) in [
        ("(1001)product name exists", Some(1001), "product name exists"),
        ("（1001）产品名已存在", Some(1001), "产品名已存在"),
        (" (1001) product name exists ", Some(1001), "product name exists"),
        ("（1001)", Some(1001), ""),
        ("product (1001) exists", None, "product (1001) exists"),
        ("(x1)no", None, "(x1)no"),
        ("()no", None, "()no"),
        ("(+1)no", None, "(+1)no"),
        ("(99999999999)no", None, "(99999999999)no"),
        ("(1001", None, "(1001"),
        ("", None, ""),
    ] {
        let answer = json!({"code": 5100, "message": message});
        assert_eq!(read(&answer).unwrap_err(), refusal(5100, module, words), "{message}");
    }
}

#[test]
fn the_reasons_name_goes_with_the_message_where_there_is_one() {
    let named = |message: &str, name: Value| json!({"code": "4100", "message": message, "codeDesc": name});
    let both = read(&named("(1)wrong", json!("SignatureFailure"))).unwrap_err();
    assert_eq!(both, refusal(4100, Some(1), "wrong, SignatureFailure"));
    let alone = read(&named("", json!("SignatureFailure"))).unwrap_err();
    assert_eq!(alone, refusal(4100, None, "SignatureFailure"));
    for none in [json!(""), Value::Null, json!({})] {
        assert_eq!(read(&named("wrong", none)).unwrap_err(), refusal(4100, None, "wrong"));
    }
    assert_eq!(read(&json!({"code": 6000})).unwrap_err(), refusal(6000, None, ""));
}

#[test]
fn what_is_no_answer_is_unreadable() {
    for body in [
        "",
        "null",
        "[]",
        "<html>502</html>",
        "{",
        "{}",
        r#"{"code":null}"#,
        r#"{"code":"x","message":""}"#,
        r#"{"Response":{"ProductId":"A"}}"#,
    ] {
        assert_eq!(envelope(body.as_bytes()).err(), Some(Unreadable::NoAnswer), "{body}");
    }
}

#[test]
fn an_entry_is_read_with_milliseconds_as_seconds() {
    let shown = product(&members(&json!({
        "productID": "K3X9Q2ZL7B",
        "productName": "meter-a",
        "productMetadata": {"creationDate": 1_535_385_948_123_i64},
        "productProperties": {"productDescription": "meters", "encryptionType": "2", "region": "gz",
            "productType": 2}
    })));
    let expected = Product {
        id: Some("K3X9Q2ZL7B".into()),
        name: Some("meter-a".into()),
        created_at: Some(1_535_385_948),
        description: Some("meters".into()),
        encryption: Some(2),
        kind: Some(2),
    };
    assert_eq!(shown, expected);
}

#[test]
fn an_entry_may_lack_every_property_and_mix_types() {
    let bare = product(&members(&json!({"productID": 12, "productName": "n", "productProperties": {}})));
    assert_eq!(bare, Product { id: Some("12".into()), name: Some("n".into()), ..Product::default() });
    let mixed = product(&members(&json!({
        "productId": "A", "productName": "", "productMetadata": {"creationDate": "1535385948"},
        "productProperties": {"encryptionType": 1, "productType": "0", "productDescription": null}
    })));
    assert_eq!((mixed.id.as_deref(), mixed.name), (Some("A"), None));
    assert_eq!((mixed.encryption, mixed.kind), (Some(1), Some(0)));
    assert_eq!((mixed.created_at, mixed.description), (Some(1_535_385_948), None));
}

#[test]
fn a_page_needs_its_list_and_its_total() {
    let some = page(&members(&json!({"totalCnt": "3", "products": [{"productID": "A"}, null]}))).unwrap();
    assert_eq!((some.0, some.1.len()), (3, 2));
    assert_eq!(page(&members(&json!({"totalCnt": 0, "products": null}))).unwrap().0, 0);
    for odd in [
        json!({"totalCnt": 3}),
        json!({"products": []}),
        json!({"totalCnt": -1, "products": []}),
        json!({"totalCnt": 1, "products": {}}),
    ] {
        assert!(page(&members(&odd)).is_none(), "{odd}");
    }
}

#[test]
fn requests_have_the_documented_parameters_only() {
    let text = |value: &str| value.to_owned();
    let properties = properties("温 +", 2, 0);
    assert_eq!(
        create("n", &properties),
        [("productName", text("n")), ("productProperties", properties.to_string())]
    );
    assert_eq!(
        properties,
        json!({"productDescription": "温 +", "encryptionType": "2", "region": "gz", "productType": 0})
    );
    assert_eq!(products(2), [("pageNum", text("2")), ("pageSize", text("250"))]);
    assert_eq!(devices("A"), [("pageNum", text("1")), ("pageSize", text("10")), ("productID", text("A"))]);
    assert_eq!(delete("A"), [("productID", text("A"))]);
}

/// JSON whose keys are often the ones that are looked for.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        3 => prop::sample::select(vec![
            "code", "codeDesc", "message", "productID", "productName", "productMetadata", "creationDate",
            "productProperties", "encryptionType", "productType", "productDescription", "products", "totalCnt",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(|number| Value::from(number.to_string())),
        any::<String>().prop_map(|text| Value::from(format!("（{text}"))),
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
            let _ = (page(&members), id(&members), super::super::fields::observed(product(&members)));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = envelope(&bytes);
    }
}
