use super::*;

/// One line a code: code, class, effect.
const EVERY_CODE: &str = include_str!("../../../../tests/vectors/alibaba-codes.txt");

fn class(action: &str, code: &str) -> Class {
    of_code(action, code).class
}

#[test]
fn every_documented_code_has_its_meaning_in_any_case() {
    let mut count = 0;
    for line in EVERY_CODE.lines().filter(|line| !line.starts_with('#')) {
        let [code, class, effect] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        // The gateway's parameter checks are told by their capitals.
        let table = known(code).is_some();
        let spellings = [code.to_owned(), code.to_lowercase(), code.to_uppercase()];
        for code in spellings.iter().take(if table { 3 } else { 1 }) {
            let meaning = of_code("QueryProduct", code);
            let shown = format!("{:?} {:?}", meaning.class, meaning.effect);
            assert_eq!(shown, format!("{class} {effect}"), "{code}");
        }
        count += 1;
    }
    assert_eq!(count, 120);
}

#[test]
fn unknown_codes_fall_back_by_family_and_never_to_not_found() {
    for (code, expected) in [
        ("Throttling.SomethingNew", Class::Throttled),
        ("iot.whatever.TooManyRequest", Class::Throttled),
        ("InvalidSecurityToken.SomethingNew", Class::Credentials),
        ("Forbidden.SomethingNew", Class::Permission),
        ("MissingJoinPermissionId", Class::Spec),
        ("InvalidProductName.Malformed", Class::Spec),
    ] {
        assert_eq!(class("CreateProduct", code), expected, "{code}");
    }
    for code in ["", ".", "iot.prod.NotExisted", "iot.prod.NotExistedProductX", "Something.NotFound", "404"] {
        let meaning = of_code("QueryProduct", code);
        assert_eq!(meaning, Meaning { class: Class::Unavailable, effect: Effect::Unclear }, "{code}");
    }
}

#[test]
fn only_actions_that_name_a_product_can_prove_its_absence() {
    for action in ["QueryProduct", "UpdateProduct", "DeleteProduct", "ListProductTags", "CreateProductTags"] {
        assert_eq!(class(action, NO_PRODUCT), Class::NotFound, "{action}");
    }
    for action in ["CreateProduct", "QueryProductList"] {
        let meaning = of_code(action, NO_PRODUCT);
        assert_eq!(meaning, Meaning { class: Class::Unavailable, effect: Effect::Unclear }, "{action}");
    }
}

#[test]
fn a_wrong_place_is_never_an_absent_product() {
    let codes = [
        "iot.system.InstanceNotFound",
        "iot.Sre.IotInstanceNotFound",
        "InvalidProduct.NotFound",
        "InvalidAction.NotFound",
        "InvalidAccessKeyId.NotFound",
        "Product.not.found",
    ];
    for code in codes {
        let meaning = of_answer("QueryProduct", StatusCode::NOT_FOUND, Some(code), false);
        assert_ne!(meaning.class, Class::NotFound, "{code}");
    }
}

#[test]
fn a_status_speaks_only_without_a_code_and_a_hint_to_wait_only_of_the_class() {
    let of = |status: u16, code, wait| {
        let status = StatusCode::from_u16(status).unwrap();
        let Meaning { class, effect } = of_answer("QueryProduct", status, code, wait);
        (class, effect)
    };
    assert_eq!(of(400, Some(NO_PRODUCT), false), (Class::NotFound, Effect::Refused));
    assert_eq!(of(404, Some("InvalidAccessKeyId.NotFound"), false), (Class::Credentials, Effect::Refused));
    assert_eq!(of(404, None, false), (Class::Misconfigured, Effect::Unclear));
    assert_eq!(of(302, None, false), (Class::Misconfigured, Effect::Unclear));
    assert_eq!(of(502, None, false), (Class::Unavailable, Effect::Unclear));
    assert_eq!(of(400, Some("iot.prod.SomethingNew"), false), (Class::Unavailable, Effect::Unclear));
    assert_eq!(of(429, None, false), (Class::Throttled, Effect::Unclear));
    assert_eq!(of(429, Some("Throttling.Api"), false), (Class::Throttled, Effect::Refused));
    assert_eq!(of(503, Some("ServiceUnavailable"), true), (Class::Throttled, Effect::Unclear));
    assert_eq!(of(400, Some("iot.prod.NotExistedProduct"), true), (Class::Throttled, Effect::Refused));
}
