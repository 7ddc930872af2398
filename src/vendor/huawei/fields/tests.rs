use std::collections::BTreeMap;

use serde_json::json;

use super::super::wire;
use super::*;

fn shown(members: &Json) -> Product {
    wire::product(members.as_object().unwrap())
}

fn everything() -> Json {
    json!({
        "id": 120_671, "product_serial": "S1", "app_id": "app", "name": "lamp", "manufacturer_id": "acme01",
        "manufacturer_name": "Acme", "model": "SL.100 v2", "product_type": 1, "protocol_type": 4,
        "data_format": 1, "device_type": "lamp", "description": "d [iotp:0123456789ab.01234567]",
        "version": "v1", "template_id": 7, "created_datetime": 1_607_502_113_000_i64,
        "authentication": {"user_name": "gateway-01", "password": "********"}
    })
}

fn wish() -> Fields {
    Fields::from([
        (APP_ID, word("app")),
        (MANUFACTURER_ID, word("acme01")),
        (MANUFACTURER_NAME, word("Acme")),
        (MODEL, word("SL.100 v2")),
        (PROTOCOL_TYPE, word("MQTT")),
    ])
}

fn request(fields: Fields) -> CreateRequest {
    CreateRequest { name: "lamp".into(), description: "d".into(), fields, inputs: BTreeMap::new() }
}

fn body(request: &CreateRequest) -> Json {
    serde_json::from_str(&create(request).unwrap()).unwrap()
}

fn changes(set: Fields) -> Changes {
    Changes { set, desired: Fields::new(), observed: Fields::new() }
}

fn edited(set: Fields, product: &Json) -> Option<Json> {
    edit(&changes(set), &shown(product)).unwrap().body.map(|body| serde_json::from_str(&body).unwrap())
}

#[test]
fn an_answer_shows_every_field_in_the_manifests_terms() {
    let product = observed(shown(&everything()), false).unwrap();
    let expected = Fields::from([
        (ENCRYPTION, word("Symmetric")),
        (NODE_TYPE, word("Gateway")),
        (DATA_FORMAT, word("Custom")),
        (APP_ID, word("app")),
        (MANUFACTURER_ID, word("acme01")),
        (MANUFACTURER_NAME, word("Acme")),
        (MODEL, word("SL.100 v2")),
        (PROTOCOL_TYPE, word("OPCUA")),
        (DEVICE_TYPE, word("lamp")),
        (TEMPLATE_ID, Value::Number(7)),
        (VERSION, word("v1")),
        (USER_NAME, word("gateway-01")),
    ]);
    assert_eq!(product.fields, expected);
    assert_eq!((product.id.as_str(), product.name.as_str()), ("120671", "lamp"));
    assert_eq!(product.description, "d [iotp:0123456789ab.01234567]");
    assert_eq!(product.serial.as_deref(), Some("S1"));
    assert!(product.secret.is_none(), "the password is never read back");
    let ruled: Vec<_> = RULES.iter().map(|rule| rule.field).skip(2).collect();
    assert_eq!(expected.keys().filter(|field| ruled.contains(field)).count(), ruled.len());
}

#[test]
fn what_an_answer_does_not_show_is_not_observed_and_unknown_numbers_are_seen() {
    let bare = observed(shown(&json!({"id": 1, "name": "n"})), true).unwrap();
    assert_eq!(bare.fields, Fields::from([(ENCRYPTION, word("Symmetric"))]));
    let odd = shown(&json!({"id": 1, "name": "n", "protocol_type": 3, "product_type": 9}));
    let fields = observed(odd, true).unwrap().fields;
    assert_eq!((&fields[PROTOCOL_TYPE], &fields[NODE_TYPE]), (&word("3"), &word("9")));
    for nameless in [json!({"id": 1}), json!({"name": "n"})] {
        assert!(observed(shown(&nameless), true).is_none());
    }
}

#[test]
fn a_create_sends_the_documented_members_and_every_default() {
    let expected = json!({
        "app_id": "app", "name": "lamp", "manufacturer_id": "acme01", "manufacturer_name": "Acme",
        "model": "SL.100 v2", "product_type": 0, "protocol_type": 0, "device_type": "Default",
        "data_format": 0, "description": "d"
    });
    assert_eq!(body(&request(wish())), expected);
    let mut all = wish();
    all.extend([
        (NODE_TYPE, word("Gateway")),
        (DATA_FORMAT, word("Custom")),
        (DEVICE_TYPE, word("lamp")),
        (TEMPLATE_ID, Value::Number(99_999_999_999_999_999)),
        (VERSION, word("v1")),
        (USER_NAME, word("gateway-01")),
        (ENCRYPTION, word("Symmetric")),
    ]);
    let sent = body(&request(all));
    assert_eq!((&sent["product_type"], &sent["data_format"]), (&json!(1), &json!(1)));
    assert_eq!((&sent["device_type"], &sent["version"]), (&json!("lamp"), &json!("v1")));
    assert_eq!(sent["template_id"], 99_999_999_999_999_999_i64);
    assert_eq!(sent.as_object().unwrap().len(), 12, "no user name: {sent}");
}

#[test]
fn every_protocol_has_its_number() {
    for (number, name) in PROTOCOLS {
        let mut fields = wish();
        fields.insert(PROTOCOL_TYPE, word(name));
        assert_eq!(body(&request(fields))["protocol_type"], *number);
    }
}

#[test]
fn what_is_missing_or_unknown_is_said() {
    for field in [APP_ID, MANUFACTURER_ID, MANUFACTURER_NAME, MODEL, PROTOCOL_TYPE] {
        let mut fields = wish();
        fields.remove(field);
        let error = create(&request(fields)).unwrap_err();
        assert_eq!(error.0, format!("{field} is missing; write it below spec"));
    }
    let mut fields = wish();
    fields.insert(PROTOCOL_TYPE, word("HTTP"));
    let error = create(&request(fields)).unwrap_err();
    assert_eq!(
        error.0,
        "huawei.protocolType HTTP is unknown; write one of MQTT, CoAP, Modbus, OPCUA, Extended"
    );
    let mut fields = wish();
    fields.insert(TEMPLATE_ID, word("7"));
    assert!(create(&request(fields)).is_err());
}

#[test]
fn a_fresh_product_has_what_was_sent_and_a_user_name_only_if_one_is_wished_for() {
    let mut fields = wish();
    fields.extend([(USER_NAME, word("gateway-01")), (NODE_TYPE, word("Gateway"))]);
    let product = created(&request(fields));
    assert_eq!(user(&product).as_deref(), Some("gateway-01"));
    assert_eq!(user(&created(&request(wish()))), None, "the vendor chooses one");
    assert_eq!(product[NODE_TYPE], word("Gateway"));
    assert_eq!(product[DEVICE_TYPE], word("Default"));
    assert_eq!(product[ENCRYPTION], word("Symmetric"));
    assert_eq!(product[DATA_FORMAT], word("JSON"));
}

#[test]
fn an_update_repeats_what_the_wish_leaves_out() {
    let sent = edited(Fields::from([(NAME, word("bulb"))]), &everything()).unwrap();
    let expected = json!({
        "name": "bulb", "manufacturer_id": "acme01", "manufacturer_name": "Acme", "model": "SL.100 v2",
        "device_type": "lamp", "description": "d [iotp:0123456789ab.01234567]", "version": "v1"
    });
    assert_eq!(sent, expected);
    let all = Fields::from([
        (NAME, word("n2")),
        (DESCRIPTION, word("d2")),
        (MANUFACTURER_ID, word("m2")),
        (MANUFACTURER_NAME, word("M2")),
        (MODEL, word("mo2")),
        (DEVICE_TYPE, word("t2")),
        (VERSION, word("v2")),
    ]);
    let sent = edited(all, &everything()).unwrap();
    assert_eq!(sent["description"], "d2");
    assert!(sent.as_object().unwrap().values().all(|value| value.as_str().unwrap().ends_with('2')), "{sent}");
}

#[test]
fn an_update_that_changes_nothing_is_none() {
    assert_eq!(edited(Fields::from([(NAME, word("lamp"))]), &everything()), None);
    let user = edit(&changes(Fields::from([(USER_NAME, word("gateway-01"))])), &shown(&everything()));
    assert_eq!(user, Ok(Edit { body: None, renamed: None, user_name: None }));
    let user = edit(&changes(Fields::from([(USER_NAME, word("gateway-02"))])), &shown(&everything()));
    assert_eq!(user, Ok(Edit { body: None, renamed: None, user_name: Some("gateway-02".into()) }));
}

#[test]
fn an_update_never_guesses_a_member_that_was_not_shown() {
    let mut product = everything();
    let members = product.as_object_mut().unwrap();
    members.remove("version");
    members.insert("description".into(), Json::Null);
    let sent = edited(Fields::from([(NAME, word("bulb"))]), &product).unwrap();
    assert_eq!(sent.as_object().unwrap().len(), 5, "optional ones are left out: {sent}");
    for name in ["manufacturer_id", "manufacturer_name", "model", "device_type"] {
        let mut product = everything();
        product.as_object_mut().unwrap().remove(name);
        let error = edit(&changes(Fields::from([(NAME, word("bulb"))])), &shown(&product));
        assert_eq!(error, Err(NoEdit::NotShown(name)));
    }
}

#[test]
fn what_cannot_be_changed_is_refused() {
    for rule in RULES.iter().filter(|rule| !rule.mutable) {
        let error = edit(&changes(Fields::from([(rule.field, word("x"))])), &shown(&everything()));
        assert!(matches!(error, Err(NoEdit::Bad(_))), "{}", rule.field);
    }
}

#[test]
fn names_by_the_documented_pattern() {
    for good in ["a", "路灯-01_A", &"灯".repeat(64)] {
        assert!(is_documented_name(good), "{good}");
    }
    for bad in ["", "a b", "a.b", &"a".repeat(65)] {
        assert!(!is_documented_name(bad), "{bad}");
    }
}
