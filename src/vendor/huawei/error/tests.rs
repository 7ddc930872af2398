use super::*;

/// One line a code and status: code, status, class, effect.
const EVERY_CODE: &str = include_str!("../../../../tests/vectors/huawei-codes.txt");

fn of(action: &str, status: u16, code: Option<&str>) -> (Class, Effect) {
    let meaning = meaning(action, StatusCode::from_u16(status).unwrap(), code, "");
    (meaning.class, meaning.effect)
}

#[test]
fn every_documented_code_has_its_meaning() {
    let mut count = 0;
    for line in EVERY_CODE.lines().filter(|line| !line.starts_with('#')) {
        let [code, status, class, effect] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let found = of("ShowProduct", status.parse().unwrap(), Some(&spelling(code)));
        assert_eq!(format!("{:?} {:?}", found.0, found.1), format!("{class} {effect}"), "{line}");
        count += 1;
    }
    assert_eq!(count, 105);
}

#[test]
fn every_code_of_the_table_is_tested() {
    for (code, _) in CODES {
        let tested = EVERY_CODE.lines().any(|line| line.split(' ').next() == Some(code));
        assert!(tested, "{code}");
    }
}

#[test]
fn the_gateways_older_spelling_is_the_same_code() {
    assert_eq!(spelling("APIGW.0301"), "APIG.0301");
    assert_eq!(spelling("ROMA.00110001"), "ROMA.00110001");
}

#[test]
fn two_codes_of_500_are_not_the_vendors_trouble() {
    let code = |code| of("CreateProduct", 500, Some(code));
    assert_eq!(code("ROMA.00110002"), (Class::Misconfigured, Effect::Refused));
    assert_eq!(code("ROMA.00110004"), (Class::Quota, Effect::Refused));
    assert_eq!(code("ROMA.00110000"), (Class::Unavailable, Effect::Unclear));
}

#[test]
fn only_the_exact_code_on_a_products_path_makes_it_absent() {
    let code = Some("ROMA.00110006");
    for action in NAMES_A_PRODUCT {
        assert_eq!(of(action, 404, code), (Class::NotFound, Effect::Refused), "{action}");
        assert_eq!(of(action, 404, Some("SCB.00000000")).0, Class::Misconfigured, "{action}");
        assert_eq!(of(action, 404, Some("APIG.0101")).0, Class::Misconfigured, "{action}");
        assert_eq!(of(action, 404, None).0, Class::Misconfigured, "{action}");
        assert_eq!(of(action, 500, code), (Class::Unavailable, Effect::Unclear), "{action}");
        assert_eq!(of(action, 500, Some("ROMA.00110002")).0, Class::Misconfigured, "{action}");
    }
    assert_eq!(of("CreateProduct", 404, code), (Class::Spec, Effect::Refused), "application or template");
    assert_eq!(of("ListProducts", 404, code), (Class::Misconfigured, Effect::Refused));
}

#[test]
fn unknown_codes_go_by_their_status() {
    for (status, class, effect) in [
        (400, Class::Spec, Effect::Refused),
        (401, Class::Credentials, Effect::Refused),
        (403, Class::Permission, Effect::Refused),
        (404, Class::Misconfigured, Effect::Refused),
        (409, Class::Spec, Effect::Refused),
        (429, Class::Throttled, Effect::Refused),
        (500, Class::Unavailable, Effect::Unclear),
        (504, Class::Unavailable, Effect::Unclear),
    ] {
        assert_eq!(of("ShowProduct", status, Some("NEW.0001")), (class, effect), "{status}");
    }
}

#[test]
fn an_answer_without_a_code_proves_nothing() {
    for (status, class) in [
        (307, Class::Misconfigured),
        (400, Class::Unavailable),
        (401, Class::Credentials),
        (403, Class::Unavailable),
        (404, Class::Misconfigured),
        (429, Class::Throttled),
        (502, Class::Unavailable),
    ] {
        assert_eq!(of("DeleteProduct", status, None), (class, Effect::Unclear), "{status}");
    }
}

#[test]
fn the_messages_of_one_code_tell_clock_and_lock() {
    let prefix = "Incorrect IAM authentication information: ";
    let class = |message: &str| {
        let message = format!("{prefix}{message}");
        meaning("ShowProduct", StatusCode::UNAUTHORIZED, Some(REFUSED), &message).class
    };
    assert_eq!(class("calc ak sk signature fail:signature expired"), Class::ClockSkew);
    assert_eq!(class("verify aksk signature fail"), Class::Credentials);
    assert_eq!(class("decrypt token fail"), Class::Credentials);
    assert!(is_lock(Some(REFUSED), "AK access failed to reach the limit,forbidden."));
    assert!(!is_lock(Some(REFUSED), "verify aksk signature fail"));
    assert!(is_stale_token(Some("APIG.0307")) && is_stale_token(Some("APIG.0301")));
    assert!(!is_stale_token(Some("APIG.0305")) && !is_stale_token(None));
}

#[test]
fn what_is_wrong_with_a_request_for_a_token_is_wrong_with_the_account() {
    assert_eq!(of(token::ACTION, 404, Some("IAM.0004")).0, Class::Misconfigured);
    assert_eq!(of(token::ACTION, 400, Some("400")).0, Class::Misconfigured);
    assert_eq!(of(token::ACTION, 401, Some("401")).0, Class::Credentials);
}
