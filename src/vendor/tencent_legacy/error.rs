//! What the vendor's codes mean.
//!
//! The service's own number is in the message; the code beside it is the platform's and says little: a
//! taken name and an internal fault both come as 5100. So the number counts where the service speaks.

use http::StatusCode;

use crate::vendor::{Class, Effect};

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) class: Class,
    pub(super) effect: Effect,
}

/// Anything may have happened.
pub(super) const UNCLEAR: Meaning = Meaning { class: Class::Unavailable, effect: Effect::Unclear };

/// Codes of the platform ("Common Error Codes").
const COMMON: &[(i64, Class)] = &[
    (4000, Class::Spec),
    (4100, Class::Credentials),
    (4101, Class::Permission),
    (4102, Class::Permission),
    (4103, Class::Permission),
    (4104, Class::Credentials),
    (4105, Class::Credentials),
    (4106, Class::Credentials),
    (4110, Class::Credentials),
    (4200, Class::ClockSkew),
    (4300, Class::AccountSuspended),
    (4400, Class::Throttled),
    (REPLAY, Class::ClockSkew),
    (4600, Class::Misconfigured),
    (5000, Class::NotFound),
    (5100, Class::Unavailable),
    (5200, Class::AccountSuspended),
    (5300, Class::AccountSuspended),
    (5400, Class::Unavailable),
    (5500, Class::AccountSuspended),
    (6000, Class::Unavailable),
    (6100, Class::Misconfigured),
    (6200, Class::Unavailable),
];

/// Numbers of the service, as its actions document them.
const MODULE: &[(u32, Class)] = &[
    (1000, Class::Quota),
    (1001, Class::Exists),
    // Bad paging: ours, not the manifest's.
    (1003, Class::Misconfigured),
    (1004, Class::NotFound),
    (1005, Class::Blocked),
    (1100, Class::Unavailable),
    (1101, Class::Spec),
    // Device actions.
    (2000, Class::Quota),
    (2001, Class::Spec),
    (2005, Class::Spec),
    (2008, Class::NotFound),
    (2100, Class::Unavailable),
    (2101, Class::Spec),
];

/// A nonce that was used before. Ours are used once, so it may be this very request, delivered twice.
const REPLAY: i64 = 4500;

/// Actions that name one product and nothing else that could be missing, and their number for "no such
/// product". The platform's 5000 without a number speaks of that product there, and only there.
const NAMES_A_PRODUCT: &[(&str, u32)] = &[("DeleteProduct", 1004), ("ListDevices", 2008)];

/// Codes under which the service itself speaks; with every other known one the platform refused before it,
/// and a number in its message is none of the service's.
const OF_THE_SERVICE: &[i64] = &[4000, 5000, 5100];

/// Meaning of an answer to `action` with this code and the number in its message.
pub(super) fn of_code(action: &str, code: i64, module: Option<u32>) -> Meaning {
    let common = COMMON.iter().find(|(known, _)| *known == code).map(|(_, class)| *class);
    let module = module.filter(|_| common.is_none() || OF_THE_SERVICE.contains(&code));
    let class = match module.and_then(|number| of_module(action, number)).or(common) {
        Some(Class::NotFound) if !speaks_of_the_product(action, module) => Class::Unavailable,
        class => class.unwrap_or(Class::Unavailable),
    };
    let unclear = class == Class::Unavailable || code == REPLAY;
    Meaning { class, effect: if unclear { Effect::Unclear } else { Effect::Refused } }
}

/// A code of the form `5100/1001` or `5100`, if both of its numbers are documented.
pub(in crate::vendor) fn documented(full: &str) -> Option<String> {
    let (code, module) = full.split_once('/').map_or((full, None), |(code, module)| (code, Some(module)));
    let code: i64 = code.parse().ok().filter(|code| COMMON.iter().any(|(known, _)| known == code))?;
    let Some(module) = module else { return Some(code.to_string()) };
    let module: u32 = module.parse().ok().filter(|module| MODULE.iter().any(|(known, _)| known == module))?;
    Some(format!("{code}/{module}"))
}

fn of_module(action: &str, number: u32) -> Option<Class> {
    let known = MODULE.iter().find(|(known, _)| *known == number).map(|(_, class)| *class);
    // Products of the newer API can have bonds (gateways, disabled products) whose refusal has no
    // documented number here.
    known.or((action == "DeleteProduct" && (1000..2000).contains(&number)).then_some(Class::Blocked))
}

fn speaks_of_the_product(action: &str, module: Option<u32>) -> bool {
    NAMES_A_PRODUCT.iter().any(|(known, number)| *known == action && module.is_none_or(|m| m == *number))
}

/// Meaning of an answer whose HTTP status is not 200: the API answers errors with 200 too, so this is the
/// word of something before it and proves neither an effect nor its absence, nor that a product is absent.
pub(super) fn of_status(status: StatusCode) -> Meaning {
    let class = match status {
        StatusCode::TOO_MANY_REQUESTS => Class::Throttled,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST => {
            Class::Misconfigured
        }
        _ if status.is_redirection() => Class::Misconfigured,
        _ => Class::Unavailable,
    };
    Meaning { class, ..UNCLEAR }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a code: action, code, number, class, effect.
    const EVERY_CODE: &str = include_str!("../../../tests/vectors/tencent-legacy-codes.txt");

    fn class(action: &str, code: i64, module: Option<u32>) -> Class {
        of_code(action, code, module).class
    }

    #[test]
    fn every_documented_code_has_its_meaning() {
        let mut seen = (Vec::new(), Vec::new());
        for line in EVERY_CODE.lines().filter(|line| !line.starts_with('#')) {
            let [action, code, module, class, effect] =
                line.split(' ').collect::<Vec<_>>().try_into().unwrap();
            let (code, module) = (code.parse().unwrap(), module.parse().ok());
            let meaning = of_code(action, code, module);
            let expected = format!("{class} {effect}");
            assert_eq!(format!("{:?} {:?}", meaning.class, meaning.effect), expected, "{line}");
            match module {
                Some(module) => seen.1.push(module),
                None => seen.0.push(code),
            }
        }
        assert!(COMMON.iter().all(|(code, _)| seen.0.contains(code)), "{:?}", seen.0);
        assert!(MODULE.iter().all(|(number, _)| seen.1.contains(number)), "{:?}", seen.1);
        assert_eq!((COMMON.len(), MODULE.len()), (23, 13));
    }

    #[test]
    fn what_no_document_knows_is_unclear_or_blocks_a_deletion() {
        for (action, code, module) in [
            ("CreateProduct", 5100, Some(1234)),
            ("ListProducts", 5100, Some(9999)),
            ("DeleteProduct", 5100, Some(2999)),
            ("DeleteProduct", 7777, None),
            ("CreateProduct", -1, None),
            ("CreateProduct", 1001, None),
        ] {
            assert_eq!(of_code(action, code, module), UNCLEAR, "{action} {code} {module:?}");
        }
        let blocked = of_code("DeleteProduct", 5100, Some(1042));
        assert_eq!(blocked, Meaning { class: Class::Blocked, effect: Effect::Refused });
        assert_eq!(class("ListProducts", 4000, Some(9003)), Class::Spec, "the code beside an unknown number");
    }

    #[test]
    fn a_number_beside_the_platforms_own_refusal_is_not_the_services() {
        for (action, code, module, expected) in [
            ("DeleteProduct", 4104, 1004, Class::Credentials),
            ("DeleteProduct", 4400, 1005, Class::Throttled),
            ("DeleteProduct", 6000, 1004, Class::Unavailable),
            ("CreateProduct", 4100, 100_004, Class::Credentials),
            ("CreateProduct", 1, 1001, Class::Exists),
        ] {
            assert_eq!(class(action, code, Some(module)), expected, "{action} {code} {module}");
        }
    }

    #[test]
    fn only_an_action_that_names_a_product_can_say_that_it_is_gone() {
        assert_eq!(class("DeleteProduct", 5000, None), Class::NotFound);
        assert_eq!(class("ListProducts", 5000, None), Class::Unavailable);
        assert_eq!(class("DeleteProduct", 5000, Some(1100)), Class::Unavailable);
        assert_eq!(class("DeleteProduct", 5000, Some(1005)), Class::Blocked);
    }

    #[test]
    fn a_status_other_than_200_is_unclear_and_never_not_found() {
        for (status, class) in [
            (404, Class::Misconfigured),
            (302, Class::Misconfigured),
            (429, Class::Throttled),
            (403, Class::Unavailable),
            (502, Class::Unavailable),
            (201, Class::Unavailable),
        ] {
            let meaning = of_status(StatusCode::from_u16(status).unwrap());
            assert_eq!(meaning, Meaning { class, effect: Effect::Unclear }, "{status}");
        }
    }
}
