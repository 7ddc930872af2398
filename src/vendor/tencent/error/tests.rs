use super::*;

/// One line a code: code, class, effect.
const EVERY_CODE: &str = include_str!("../../../../tests/vectors/tencent-codes.txt");

fn class(action: &str, code: &str) -> Class {
    of_code(action, Some(code)).class
}

#[test]
fn every_documented_code_has_its_meaning() {
    let lines = EVERY_CODE.lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in lines {
        let [code, class, effect] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let meaning = of_code("DescribeProduct", Some(code));
        assert_eq!(
            format!("{:?} {:?}", meaning.class, meaning.effect),
            format!("{class} {effect}"),
            "{code}"
        );
        count += 1;
    }
    assert_eq!(count, 77);
}

#[test]
fn unknown_codes_fall_back_by_their_head_and_never_to_not_found() {
    assert_eq!(class("CreateProduct", "InvalidParameterValue.SomethingNew"), Class::Spec);
    assert_eq!(class("CreateProduct", "RequestLimitExceeded.SomethingNew"), Class::Throttled);
    assert_eq!(class("CreateProduct", "LimitExceeded.SomethingNew"), Class::Quota);
    assert_eq!(class("CreateProduct", "AuthFailure.SomethingNew"), Class::Credentials);
    assert_eq!(class("DescribeProduct", "ResourceNotFound.SomethingNew"), Class::Unavailable);
    for code in ["SomethingNew", "SomethingNew.Below", "", "4000", ".", "resourcenotfound"] {
        let meaning = of_code("DescribeProduct", Some(code));
        assert_eq!(meaning, Meaning { class: Class::Unavailable, effect: Effect::Unclear }, "{code}");
    }
    assert_eq!(of_code("DescribeProduct", None).class, Class::Unavailable);
}

#[test]
fn only_actions_that_name_a_product_can_prove_its_absence() {
    for action in [
        "DescribeProduct",
        "DeleteProduct",
        "DescribeDevices",
        "UpdateProductDynamicRegister",
        "SetProductsForbiddenStatus",
    ] {
        assert_eq!(class(action, "ResourceNotFound.ProductNotExist"), Class::NotFound, "{action}");
        assert_eq!(class(action, "ResourceNotFound"), Class::NotFound, "{action}");
    }
    // The certificate may be what is missing.
    for action in ["UpdateProductPrivateCA", "DeleteProductPrivateCA"] {
        assert_eq!(class(action, "ResourceNotFound.ProductNotExist"), Class::NotFound, "{action}");
        assert_eq!(class(action, "ResourceNotFound"), Class::Unavailable, "{action}");
    }
    for action in ["CreateProduct", "DescribeProducts"] {
        assert_eq!(class(action, "ResourceNotFound.ProductNotExist"), Class::Unavailable, "{action}");
        assert_eq!(of_code(action, Some("ResourceNotFound")).effect, Effect::Unclear, "{action}");
    }
}

#[test]
fn a_status_other_than_200_is_unclear_and_never_not_found() {
    let of = |status: u16, code| of_status(StatusCode::from_u16(status).unwrap(), "DescribeProduct", code);
    for (status, code, class) in [
        (404, None, Class::Misconfigured),
        (404, Some("ResourceNotFound.ProductNotExist"), Class::Misconfigured),
        (307, None, Class::Misconfigured),
        (429, None, Class::Throttled),
        (403, Some("AuthFailure.SecretIdNotFound"), Class::Credentials),
        (403, None, Class::Unavailable),
        (502, None, Class::Unavailable),
        (503, Some("RequestLimitExceeded"), Class::Throttled),
        (503, Some("ResourceNotFound.ProductNotExist"), Class::Unavailable),
        (201, None, Class::Unavailable),
    ] {
        assert_eq!(of(status, code), Meaning { class, effect: Effect::Unclear }, "{status} {code:?}");
    }
}
