//! The wish, what differs from it, and what is sent about that.

use proptest::prelude::*;
use serde_json::json;

use super::desired::{Desired, DesiredError, desired, fields, to_json};
use super::diff::{Drift, Hindrance, OWNERSHIP, applied, changes, check_name, diff, edited, needs_full_read};
use super::origin::Origin;
use super::*;
use crate::vendor::Fields;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn map(entries: &[(&str, &str)]) -> Value {
    Value::Map(entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn wish(description: Option<&str>, fields: &[(Field, Value)]) -> Desired {
    Desired {
        name: "thermostat".into(),
        description: description.map(str::to_owned),
        fields: fields.iter().cloned().collect(),
    }
}

fn has(fields: &[(Field, Value)]) -> Observed {
    Observed { fields: fields.iter().cloned().collect(), ..product("p1", "thermostat", Some(&ours())) }
}

fn drift(desired: &Desired, observed: &Observed) -> Vec<Drift> {
    diff(desired, observed, &ours(), Origin::Created, &ALIBABA)
}

fn names(drift: &[Drift]) -> Vec<Field> {
    drift.iter().map(|entry| entry.field).collect()
}

#[test]
fn a_manifest_is_read_by_the_vendors_rules() {
    let spec = json!({
        "name": "thermostat", "description": "a text", "enabled": true, "suspend": false,
        "dynamicRegistration": {"limit": 12, "mode": "AutoCreate"},
        "alibaba": {"tags": {"a": "1"}, "netType": "WIFI"}, "encryption": null,
    });
    let want = wish(
        Some("a text"),
        &[
            ("enabled", Value::Flag(true)),
            ("dynamicRegistration.mode", text("AutoCreate")),
            ("dynamicRegistration.limit", Value::Number(12)),
            ("alibaba.tags", map(&[("a", "1")])),
        ],
    );
    assert_eq!(desired(&spec, "Vendor", &ALIBABA), Ok(want));
    assert_eq!(desired(&json!({"name": "thermostat"}), "Vendor", &ALIBABA), Ok(wish(None, &[])));
}

#[test]
fn a_field_that_means_nothing_beside_another_is_not_managed() {
    let limit = |mode: &str| {
        let spec = json!({"name": "a", "dynamicRegistration": {"limit": 12, "mode": mode}});
        desired(&spec, "Vendor", &ALIBABA).unwrap().fields.get("dynamicRegistration.limit").cloned()
    };
    assert_eq!(limit("AutoCreate"), Some(Value::Number(12)));
    assert_eq!(limit("PreRegistered"), None);
}

#[test]
fn what_cannot_be_applied_is_told_with_the_field() {
    let refused = |spec: serde_json::Value| desired(&spec, "Vendor", &ALIBABA).unwrap_err().to_string();
    assert_eq!(desired(&json!({}), "Vendor", &ALIBABA), Err(DesiredError::NoName));
    for value in [json!(1.5), json!(["a"]), json!({"a": 1})] {
        assert!(refused(json!({"name": "a", "encryption": value})).contains("spec.encryption"));
    }
    // 21 characters outside the basic plane are 42 units of the vendor's 40.
    let long = "🌡".repeat(21);
    assert!(refused(json!({"name": "a", "description": long})).contains("42 UTF-16 units"));
    let fits = "🌡".repeat(20);
    assert!(desired(&json!({"name": "a", "description": fits}), "Vendor", &ALIBABA).is_ok());
}

#[test]
fn only_what_is_wished_and_shown_is_compared_in_the_order_of_the_rules() {
    let want = wish(Some("b"), &[("enabled", Value::Flag(false)), ("encryption", text("Symmetric"))]);
    let mut have = has(&[("dynamicRegistration.mode", text("Disabled")), ("enabled", Value::Flag(true))]);
    have.name = "other".into();
    let found = drift(&want, &have);
    assert_eq!(names(&found), ["name", "description", "enabled"]);
    assert_eq!((&found[1].want, &found[1].have), (&text("b"), &text("a text")));
    have.fields.insert("encryption", text("Asymmetric"));
    assert!(!drift(&want, &have).iter().any(|entry| entry.field == "encryption" && entry.mutable));
    assert!(drift(&wish(None, &[]), &has(&[("enabled", Value::Flag(true))])).is_empty());
}

#[test]
fn entries_of_a_map_that_the_manifest_does_not_name_are_left_alone() {
    let want = wish(None, &[("alibaba.tags", map(&[("a", "1")]))]);
    assert!(drift(&want, &has(&[("alibaba.tags", map(&[("a", "1"), ("b", "2")]))])).is_empty());
    for have in [map(&[("a", "2")]), map(&[]), text("a")] {
        assert_eq!(names(&drift(&want, &has(&[("alibaba.tags", have)]))), ["alibaba.tags"]);
    }
}

#[test]
fn a_lost_mark_is_drift_of_ownership_unless_it_never_could_be_there() {
    let bare = product("p1", "thermostat", None);
    for traits in vendors() {
        for origin in [Origin::Created, Origin::Adopted, Origin::Watched] {
            let found = diff(&wish(None, &[]), &bare, &ours(), origin, traits);
            if origin == Origin::Watched || (origin == Origin::Adopted && !traits.can_remark) {
                assert!(found.is_empty());
            } else {
                assert_eq!(names(&found), [OWNERSHIP]);
                assert_eq!(found[0].mutable, traits.can_remark);
                assert_eq!((&found[0].want, &found[0].have), (&text(&ours().to_string()), &text("")));
            }
        }
    }
}

#[test]
fn adopt_a_foreign_mark_is_rewritten_where_the_vendor_can() {
    let taken = product("p1", "thermostat", Some(&foreign()));
    let want = wish(None, &[]);
    let found = diff(&want, &taken, &ours(), Origin::Adopted, &ALIBABA);
    assert_eq!(names(&found), [OWNERSHIP]);
    assert_eq!(found[0].have, text(&foreign().to_string()));
    let sent = changes(&found, &want, &taken, &ours()).unwrap();
    assert_eq!(sent.set, Fields::from([("description", text(&ours().append_to("a text")))]));
    assert!(diff(&want, &applied(&taken, &sent), &ours(), Origin::Adopted, &ALIBABA).is_empty());
    assert!(diff(&want, &taken, &ours(), Origin::Adopted, &TENCENT).is_empty());
    // One of a former object of this name is ours, however it came here, and is brought up to date.
    let (former, current) =
        (product("p1", "thermostat", Some(&former())), product("p1", "thermostat", Some(&ours())));
    for origin in [Origin::Created, Origin::Adopted] {
        assert_eq!(names(&diff(&want, &former, &ours(), origin, &ALIBABA)), [OWNERSHIP]);
        assert!(diff(&want, &former, &ours(), origin, &TENCENT).is_empty());
        assert!(diff(&want, &current, &ours(), origin, &ALIBABA).is_empty());
    }
    assert!(diff(&want, &taken, &ours(), Origin::Created, &ALIBABA).is_empty());
}

#[test]
fn a_description_is_sent_with_the_mark_and_the_users_text() {
    let want = wish(Some("new"), &[]);
    let have = has(&[]);
    let sent = changes(&drift(&want, &have), &want, &have, &ours()).unwrap();
    assert_eq!(sent.set, Fields::from([("description", text(&ours().append_to("new")))]));
    // The mark alone is missing, and the text is not managed: the vendor's text stays.
    let unmanaged = wish(None, &[]);
    let bare = product("p1", "thermostat", None);
    let sent = changes(&drift(&unmanaged, &bare), &unmanaged, &bare, &ours()).unwrap();
    assert_eq!(sent.set, Fields::from([("description", text(&ours().append_to("a text")))]));
}

/// 40 units leave room for the mark.
#[test]
fn a_description_without_room_for_the_mark_is_managed_without_it() {
    let bare = |units: usize| Observed { description: "x".repeat(units), ..product("p1", "lamp", None) };
    let unmanaged = Desired { name: "lamp".into(), ..wish(None, &[]) };
    for origin in [Origin::Created, Origin::Adopted] {
        let found = |have: &Observed| diff(&unmanaged, have, &ours(), origin, &ALIBABA);
        assert!(found(&bare(40))[0].mutable);
        let full = found(&bare(41));
        assert_eq!((names(&full), full[0].mutable), (vec![OWNERSHIP], false));
        assert_eq!(full[0].hindrance, Some(Hindrance::NoRoom));
        assert!(changes(&full, &unmanaged, &bare(41), &ours()).is_none(), "nothing is sent for it");
    }
    // Characters outside the basic plane take two units.
    let wide = Observed { description: "🌡".repeat(21), ..bare(0) };
    assert_eq!(drift(&unmanaged, &wide)[0].hindrance, Some(Hindrance::NoRoom));
    // A description that the manifest manages leaves room, and is marked as soon as it is set.
    let managed = Desired { description: Some("short".into()), ..unmanaged.clone() };
    let sent = changes(&drift(&managed, &bare(41)), &managed, &bare(41), &ours()).unwrap();
    assert_eq!(sent.set["description"], text(&ours().append_to("short")));
    // A rename repeats the description as it is.
    let renamed = Desired { name: "lamp2".into(), ..unmanaged };
    let sent = changes(&drift(&renamed, &bare(41)), &renamed, &bare(41), &ours()).unwrap();
    assert_eq!(sent.set, Fields::from([("name", text("lamp2"))]));
    assert_eq!(sent.desired["description"], text(&bare(41).description));
}

#[test]
fn a_name_that_only_the_console_takes_is_not_sent() {
    let there = product("p1", "plc (2F)", None);
    let wish = |name: &str, description| Desired { name: name.into(), ..wish(description, &[]) };
    let same = drift(&wish("plc (2F)", Some("new")), &there);
    assert_eq!(names(&same), ["description", OWNERSHIP]);
    assert!(same.iter().all(|entry| !entry.mutable && entry.hindrance == Some(Hindrance::Name)));
    // With a name that the vendor takes all of it can be sent.
    let renamed = drift(&wish("plc_2F", Some("new")), &there);
    assert!(renamed.len() == 3 && renamed.iter().all(|entry| entry.mutable));
    check_name(&renamed, &ALIBABA).unwrap();
    let wrong = check_name(&drift(&wish("plc (3F)", None), &there), &ALIBABA).unwrap_err().to_string();
    assert!(wrong.contains("plc (2F)") && wrong.contains("such as plc_gateway"), "{wrong}");
}

/// Under `driftPolicy: Report` one field is set and another is left as it is.
#[test]
fn what_is_not_set_is_repeated_as_the_vendor_has_it() {
    let have = Observed { name: "theirs".into(), ..has(&[("dynamicRegistration.mode", text("Disabled"))]) };
    let want = wish(Some("new"), &[("dynamicRegistration.mode", text("AutoCreate"))]);
    let found = drift(&want, &have);
    assert_eq!(names(&found), ["name", "description", "dynamicRegistration.mode"]);
    let one = |field: Field| {
        let edit: Vec<Drift> = found.iter().filter(|entry| entry.field == field).cloned().collect();
        changes(&edit, &want, &have, &ours()).unwrap()
    };
    let described = one("description");
    assert_eq!(described.desired["name"], text("theirs"));
    assert_eq!(described.desired["dynamicRegistration.mode"], text("Disabled"));
    assert_eq!(one("name").desired["description"], text(&have.description));
}

#[test]
fn what_cannot_be_changed_is_not_sent() {
    let want = wish(None, &[("encryption", text("Symmetric"))]);
    let have = has(&[("encryption", text("Asymmetric"))]);
    let found = drift(&want, &have);
    assert_eq!(names(&found), ["encryption"]);
    assert!(changes(&found, &want, &have, &ours()).is_none());
    assert!(changes(&[], &want, &have, &ours()).is_none());
}

/// What was asked for before is what the product had then, unless a difference was reported.
#[test]
fn an_edit_is_told_from_drift_by_what_was_asked_for_before() {
    let asks = |enabled, limit| {
        let limit = ("dynamicRegistration.limit", Value::Number(limit));
        wish(None, &[("enabled", Value::Flag(enabled)), limit])
    };
    let found = |want: &Desired, have: &Observed, reported: Option<&str>| {
        let known = has(&[("enabled", Value::Flag(true)), ("dynamicRegistration.limit", Value::Number(1))]);
        let reported = |field| reported.filter(|_| field == "dynamicRegistration.limit");
        let by_edit = edited(&drift(want, have), &known, reported);
        by_edit.iter().map(|entry| entry.field).collect::<Vec<_>>()
    };
    let same = has(&[("enabled", Value::Flag(true)), ("dynamicRegistration.limit", Value::Number(1))]);
    let drifted = has(&[("enabled", Value::Flag(false)), ("dynamicRegistration.limit", Value::Number(2))]);
    assert_eq!(found(&asks(false, 1), &same, None), ["enabled"]);
    assert_eq!(found(&asks(true, 1), &drifted, None), [""; 0], "nobody edited what drifted");
    assert_eq!(found(&asks(true, 9), &drifted, None), ["dynamicRegistration.limit"]);
    assert_eq!(found(&asks(false, 9), &same, Some("9")), ["enabled"], "the 9 was asked for before");
    assert_eq!(found(&asks(true, 9), &same, Some("5")), ["dynamicRegistration.limit"]);
}

#[test]
fn a_full_read_is_needed_for_a_managed_field_that_no_list_shows() {
    assert!(!needs_full_read(&wish(Some("a"), &[("enabled", Value::Flag(true))]), &ALIBABA));
    assert!(needs_full_read(&wish(None, &[("dynamicRegistration.limit", Value::Number(1))]), &ALIBABA));
}

fn values(field: Field) -> BoxedStrategy<Value> {
    match field {
        "enabled" => any::<bool>().prop_map(Value::Flag).boxed(),
        "dynamicRegistration.limit" => any::<i64>().prop_map(Value::Number).boxed(),
        "alibaba.tags" => {
            prop::collection::btree_map("[a-c.]{1,2}", "\\PC{0,4}", 0..4).prop_map(Value::Map).boxed()
        }
        _ => "\\PC{0,6}".prop_map(Value::Text).boxed(),
    }
}

fn all_fields() -> impl Strategy<Value = Fields> {
    RULES
        .iter()
        .filter(|rule| !matches!(rule.field, "name" | "description"))
        .map(|rule| proptest::option::of(values(rule.field)).prop_map(|value| (rule.field, value)))
        .collect::<Vec<_>>()
        .prop_map(|all| all.into_iter().filter_map(|(field, value)| Some((field, value?))).collect())
}

proptest! {
    #[test]
    fn fields_come_back_from_json(fields_before in all_fields()) {
        prop_assert_eq!(fields(&to_json(&fields_before), &ALIBABA), Ok(fields_before));
    }

    #[test]
    fn what_was_sent_leaves_only_what_cannot_be_changed(
        want in all_fields(), have in all_fields(), managed in proptest::option::of("[a-z]{0,9}"),
        mark in prop::sample::select(vec![None, Some(ours()), Some(foreign())]), name in "[a-b]",
    ) {
        let desired = Desired { name: "a".into(), description: managed, fields: want };
        let before = Observed { fields: have, ..product("p1", &name, mark.as_ref()) };
        let found = diff(&desired, &before, &ours(), Origin::Adopted, &ALIBABA);
        let (mutable, fixed): (Vec<Drift>, Vec<Drift>) = found.iter().cloned().partition(|d| d.mutable);
        match changes(&found, &desired, &before, &ours()) {
            None => prop_assert!(mutable.is_empty()),
            Some(sent) => {
                let after = applied(&before, &sent);
                prop_assert_eq!(diff(&desired, &after, &ours(), Origin::Adopted, &ALIBABA), fixed);
                prop_assert!(changes(&diff(&desired, &after, &ours(), Origin::Adopted, &ALIBABA), &desired, &after, &ours()).is_none());
                if desired.description.is_none() {
                    prop_assert_eq!(mark::strip(&after.description), mark::strip(&before.description));
                }
            }
        }
    }

    #[test]
    fn a_text_of_any_kind_carries_one_mark_after_it_was_sent(have in "(a| |\\[iotp:|0123456789ab\\.|01234567\\]|]){0,9}") {
        let before = Observed { description: have, ..product("p1", "thermostat", None) };
        prop_assert_eq!(mark::find(&mark::strip(&before.description)), mark::Marks::None);
        let sent = ours().append_to(&mark::strip(&before.description));
        prop_assert_eq!(mark::find(&sent), mark::Marks::One(ours()));
    }

    #[test]
    fn a_map_of_another_kind_is_replaced(have in "[a-z]{0,3}") {
        let want = wish(None, &[("alibaba.tags", map(&[("a", "1")]))]);
        let before = has(&[("alibaba.tags", text(&have))]);
        let sent = changes(&drift(&want, &before), &want, &before, &ours()).unwrap();
        prop_assert!(drift(&want, &applied(&before, &sent)).is_empty());
    }
}
