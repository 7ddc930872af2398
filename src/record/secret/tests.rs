use super::*;

fn want(made: Option<&str>) -> Output {
    Output {
        name: "thermostat-credentials".into(),
        owner_uid: "uid-1".into(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        plain: [(output_key::VENDOR, "TencentCloud".into()), (output_key::PRODUCT_ID, "P1".into())].into(),
        made: made.map(|value| (output_key::PRODUCT_SECRET, SecretString::from(value))).into_iter().collect(),
        expected: vec![output_key::PRODUCT_SECRET],
    }
}

fn stored() -> Secret {
    fresh(&want(Some("s3cret"))).expect("all values are known")
}

fn nobody(_: &str) -> bool {
    false
}

#[test]
fn an_untouched_secret_is_verified_without_the_vendor() {
    assert!(matches!(compare(&stored(), &want(None), &nobody), Stored::Same));
    assert!(matches!(compare(&stored(), &want(Some("s3cret")), &nobody), Stored::Same));
}

#[test]
fn an_edited_value_asks_for_the_vendor_and_is_then_restored() {
    let mut edited = stored();
    edited.data.as_mut().unwrap().insert("productSecret".into(), ByteString(b"forged".to_vec()));
    assert!(matches!(compare(&edited, &want(None), &nobody), Stored::Unknown));
    let Stored::Differs(data) = compare(&edited, &want(Some("s3cret")), &nobody) else {
        panic!("not restored")
    };
    assert_eq!(data["productSecret"].0, b"s3cret");
}

#[test]
fn a_missing_key_asks_for_the_vendor() {
    let mut damaged = stored();
    damaged.data.as_mut().unwrap().remove("productSecret");
    assert!(matches!(compare(&damaged, &want(None), &nobody), Stored::Unknown));
}

#[test]
fn a_known_secret_is_never_removed_for_the_same_product() {
    let mut disabled = want(None);
    disabled.expected.clear();
    assert!(matches!(compare(&stored(), &disabled, &nobody), Stored::Same));
}

#[test]
fn a_new_product_replaces_all_keys() {
    let mut next = want(Some("other"));
    next.plain.insert(output_key::PRODUCT_ID, "P2".into());
    let mut old = stored();
    old.data.as_mut().unwrap().insert("password".into(), ByteString(b"x".to_vec()));
    let Stored::Differs(data) = compare(&old, &next, &nobody) else { panic!("not written") };
    assert_eq!(data["productSecret"].0, b"other");
    assert!(!data.contains_key("password"), "a key of the old product stayed");
}

#[test]
fn what_is_not_ours_is_foreign() {
    let mut opaque = stored();
    opaque.type_ = Some("Opaque".into());
    opaque.metadata.labels.as_mut().unwrap().remove(MANAGED_BY_LABEL);
    assert!(matches!(compare(&opaque, &want(Some("s3cret")), &nobody), Stored::Foreign(_)));
    let mut others = stored();
    others.metadata.labels.as_mut().unwrap().insert(OWNER_UID_LABEL.into(), "uid-2".into());
    assert!(matches!(compare(&others, &want(Some("s3cret")), &|_| true), Stored::Foreign(_)));
    // Its owner is gone and it is of this product: the label is repaired.
    assert!(matches!(compare(&others, &want(Some("s3cret")), &nobody), Stored::Differs(_)));
}

#[test]
fn one_of_ours_that_no_edit_can_mend_is_written_anew() {
    let mut opaque = stored();
    opaque.type_ = Some("Opaque".into());
    let mut immutable = stored();
    immutable.immutable = Some(true);
    for stored in [opaque, immutable] {
        let judged = compare(&stored, &want(None), &nobody);
        let Stored::Differs(data) = judged else { panic!("{judged:?}") };
        assert_eq!(Some(data), stored.data, "its content is held");
    }
}

#[test]
fn a_label_that_the_manifest_no_longer_gives_is_known() {
    let mut labelled = want(Some("s3cret"));
    labelled.labels.insert("example.org/team".into(), "heat".into());
    let stored = fresh(&labelled).expect("all values are known");
    assert!(matches!(compare(&stored, &labelled, &nobody), Stored::Same));
    assert!(matches!(compare(&stored, &want(None), &nobody), Stored::Differs(_)));
    assert_eq!(dropped(&stored, "label", &BTreeMap::new()), ["example.org/team"]);
    assert_eq!(dropped(&stored, "annotation", &BTreeMap::new()), Vec::<&str>::new());
}
