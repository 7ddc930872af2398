use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;
use crate::vendor::tencent::wire;

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn shown(properties: &Json, full: bool) -> Observed {
    let answer = json!({"ProductId": "A1", "ProductName": "n", "ProductProperties": properties});
    observed(wire::product(answer.as_object().unwrap()), full).unwrap()
}

fn everything() -> Json {
    json!({
        "ProductDescription": "d [iotp:0123456789ab.01234567]", "EncryptionType": "2", "ProductType": 5,
        "Format": "custom", "ModelId": "m1", "AppEUI": "70B3D57ED0000001", "RegisterType": 2,
        "RegisterLimit": 77, "ProductSecret": "s", "PrivateCAName": "ca", "ForbiddenStatus": 1
    })
}

fn request(fields: Fields) -> CreateRequest {
    CreateRequest { name: "n".into(), description: "d".into(), fields, inputs: BTreeMap::new() }
}

fn changes(set: Fields, desired: Fields, observed: Fields) -> Changes {
    Changes { set, desired, observed }
}

fn one(field: Field, value: Value) -> Fields {
    Fields::from([(field, value)])
}

#[test]
fn a_full_read_shows_every_field_in_the_manifests_terms() {
    let product = shown(&everything(), true);
    let expected = Fields::from([
        (ENCRYPTION, text("Symmetric")),
        (NODE_TYPE, text("Gateway")),
        (DATA_FORMAT, text("Custom")),
        (MODE, text("AutoCreate")),
        (LIMIT, Value::Number(77)),
        (ENABLED, Value::Flag(false)),
        (PRODUCT_TYPE, text("Gateway")),
        (MODEL_ID, text("m1")),
        (APP_EUI, text("70B3D57ED0000001")),
        (PRIVATE_CA, text("ca")),
    ]);
    assert_eq!(product.fields, expected);
    assert_eq!(product.description, "d [iotp:0123456789ab.01234567]");
    assert_eq!(product.secret.unwrap().expose_secret(), "s");
    assert_eq!(endpoint("A1", TencentSite::Domestic).as_deref(), Some("A1.iotcloud.tencentdevices.com"));
    assert_eq!(endpoint("A1", TencentSite::International), None, "no answer tells which site serves it");
    let ruled: Vec<_> = RULES.iter().map(|rule| rule.field).skip(2).collect();
    assert!(expected.keys().all(|field| ruled.contains(field)), "every field shown has a rule");
}

#[test]
fn the_limit_is_shown_by_a_full_read_with_auto_create_only() {
    assert!(!shown(&everything(), false).fields.contains_key(LIMIT));
    for register_type in [0, 1] {
        let mut properties = everything();
        properties["RegisterType"] = register_type.into();
        assert!(!shown(&properties, true).fields.contains_key(LIMIT));
    }
    assert!(!RULES.iter().find(|rule| rule.field == LIMIT).unwrap().listed);
}

#[test]
fn what_an_answer_does_not_show_is_not_observed() {
    let bare = shown(&json!({"ModelId": "-1", "AppEUI": "", "ProductSecret": ""}), true);
    assert!(bare.fields.is_empty(), "{:?}", bare.fields);
    assert!(bare.secret.is_none());
    assert_eq!(bare.description, "");
    let strange = json!({"EncryptionType": 9, "ProductType": 1, "Format": "xml", "RegisterType": 7,
        "ForbiddenStatus": 2});
    assert!(shown(&strange, true).fields.is_empty());
    let unbound = shown(&json!({"PrivateCAName": ""}), true);
    assert_eq!(unbound.fields, one(PRIVATE_CA, text("")), "no certificate is bound");
    for nameless in [json!({"ProductId": "A"}), json!({"ProductName": "n"}), json!({"ProductId": ""})] {
        assert!(observed(wire::product(nameless.as_object().unwrap()), true).is_none());
    }
}

#[test]
fn every_product_type_has_a_name_and_a_node_type() {
    for (number, name, node) in [
        (0, "Normal", "Device"),
        (2, "NBIoT", "Device"),
        (3, "LoRaGateway", "Gateway"),
        (4, "LoRa", "Device"),
        (5, "Gateway", "Gateway"),
    ] {
        let fields = shown(&json!({ "ProductType": number }), true).fields;
        assert_eq!(fields, Fields::from([(PRODUCT_TYPE, text(name)), (NODE_TYPE, text(node))]));
        let sent = properties(&request(one(PRODUCT_TYPE, text(name))), TencentSite::Domestic).unwrap();
        assert_eq!(sent["ProductType"], number);
    }
}

#[test]
fn a_create_sends_the_vendors_defaults_for_what_is_absent() {
    let sent = properties(&request(Fields::new()), TencentSite::Domestic).unwrap();
    let expected = json!({"ProductDescription": "d", "EncryptionType": "1", "Region": "gz",
        "ProductType": 0, "Format": "json"});
    assert_eq!(sent, expected);
}

#[test]
fn a_create_sends_what_is_wished_except_what_has_its_own_action() {
    let wish = Fields::from([
        (ENCRYPTION, text("Symmetric")),
        (NODE_TYPE, text("Gateway")),
        (DATA_FORMAT, text("Custom")),
        (MODE, text("AutoCreate")),
        (LIMIT, Value::Number(5)),
        (ENABLED, Value::Flag(false)),
        (MODEL_ID, text("m1")),
        (APP_EUI, text("70B3D57ED0000001")),
        (PRIVATE_CA, text("ca")),
    ]);
    let mut expected = json!({"ProductDescription": "d", "EncryptionType": "2", "Region": "gz",
        "ProductType": 5, "Format": "custom", "ModelId": "m1", "AppEUI": "70B3D57ED0000001"});
    assert_eq!(properties(&request(wish.clone()), TencentSite::Domestic).unwrap(), expected);
    let app_eui = expected.as_object_mut().unwrap().remove("AppEUI").unwrap();
    expected["Appeui"] = app_eui;
    assert_eq!(properties(&request(wish), TencentSite::International).unwrap(), expected);
}

#[test]
fn a_wish_in_unknown_words_is_refused_with_the_known_ones() {
    let refusal =
        properties(&request(one(ENCRYPTION, text("symmetric"))), TencentSite::Domestic).unwrap_err();
    assert_eq!(refusal.0, "encryption symmetric is unknown; write one of Asymmetric, Symmetric");
    assert!(properties(&request(one(NODE_TYPE, text("Hub"))), TencentSite::Domestic).is_err());
    assert!(properties(&request(one(DATA_FORMAT, Value::Number(1))), TencentSite::Domestic).is_err());
}

#[test]
fn registration_is_one_call_with_both_values() {
    let register =
        |set, desired, observed| steps(&changes(set, desired, observed), TencentSite::Domestic).unwrap();
    let step = |register_type, limit| vec![Step::Register { register_type, limit }];
    let none = Fields::new;
    let both = Fields::from([(MODE, text("AutoCreate")), (LIMIT, Value::Number(5))]);
    assert_eq!(register(both.clone(), both.clone(), none()), step(2, 5));
    let limit = one(LIMIT, Value::Number(5));
    assert_eq!(register(limit.clone(), both.clone(), none()), step(2, 5), "the mode that is wished");
    assert_eq!(register(limit, none(), one(MODE, text("PreRegistered"))), step(1, 5), "the mode that is");
    let off = one(MODE, text("Disabled"));
    assert_eq!(register(off.clone(), both.clone(), none()), step(0, 5), "what is set comes first");
    assert_eq!(register(off.clone(), off.clone(), both), step(0, 5), "the limit that was");
    assert_eq!(register(off.clone(), off, none()), step(0, 10_000), "the limit of fresh products");
}

#[test]
fn a_limit_without_any_mode_is_refused() {
    let set = one(LIMIT, Value::Number(5));
    let refusal = steps(&changes(set, Fields::new(), Fields::new()), TencentSite::Domestic).unwrap_err();
    assert!(refusal.0.contains("dynamicRegistration.mode"), "{refusal}");
}

#[test]
fn enabling_comes_first_and_disabling_last() {
    let set = |enabled, ca: &str| {
        let set = [(MODE, text("Disabled")), (ENABLED, Value::Flag(enabled)), (PRIVATE_CA, text(ca))];
        changes(set.into(), Fields::new(), Fields::new())
    };
    let register = Step::Register { register_type: 0, limit: 10_000 };
    let bind = Step::BindCa("ca".into());
    assert_eq!(
        steps(&set(true, "ca"), TencentSite::Domestic).unwrap(),
        [Step::Enable, register.clone(), bind]
    );
    assert_eq!(
        steps(&set(false, ""), TencentSite::Domestic).unwrap(),
        [register, Step::UnbindCa, Step::Disable]
    );
}

#[test]
fn what_the_vendor_cannot_change_is_refused_before_anything_is_sent() {
    for (field, value) in [("name", text("x")), (ENCRYPTION, text("Symmetric")), (ENABLED, text("yes"))] {
        assert!(
            steps(&changes(one(field, value), Fields::new(), Fields::new()), TencentSite::Domestic).is_err()
        );
    }
    let ca = changes(one(PRIVATE_CA, text("ca")), Fields::new(), Fields::new());
    assert!(steps(&ca, TencentSite::International).unwrap_err().0.contains("domestic"));
    assert!(
        steps(&changes(Fields::new(), Fields::new(), Fields::new()), TencentSite::Domestic)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_fresh_product_has_the_vendors_defaults_and_nothing_that_its_own_actions_set() {
    let wish = Fields::from([
        (NODE_TYPE, text("Gateway")),
        (MODE, text("AutoCreate")),
        (LIMIT, Value::Number(5)),
        (ENABLED, Value::Flag(false)),
    ]);
    let fresh = created(&request(wish));
    let expected = Fields::from([
        (ENCRYPTION, text("Asymmetric")),
        (NODE_TYPE, text("Gateway")),
        (DATA_FORMAT, text("JSON")),
        (PRODUCT_TYPE, text("Gateway")),
        (MODE, text("Disabled")),
        (LIMIT, Value::Number(10_000)),
        (ENABLED, Value::Flag(true)),
        (PRIVATE_CA, text("")),
    ]);
    assert_eq!(fresh, expected);
    assert!(!has_secret(&fresh), "the secret is made by enabling registration");
    assert!(has_secret(&one(MODE, text("PreRegistered"))));
}
