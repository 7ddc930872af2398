//! What the vendor's codes mean.
//!
//! Three layers answer: the gateway (`APIG`), the framework (`SCB`), the service itself (`ROMA`, `RML`), and
//! IAM beside them. Codes come before statuses, because two of the service's 500s are the customer's to mend.

use http::StatusCode;

use super::token;
use crate::vendor::{Class, Effect};

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) class: Class,
    pub(super) effect: Effect,
}

/// Full codes.
const CODES: &[(&str, Class)] = &[
    // "Error Codes" of LINK. On a create 00110006 is the application or template, see `meaning`.
    ("ROMA.00110000", Class::Unavailable),
    ("ROMA.00110001", Class::Spec),
    ("ROMA.00110002", Class::Misconfigured),
    ("ROMA.00110003", Class::Unavailable),
    ("ROMA.00110004", Class::Quota),
    ("ROMA.00110005", Class::Permission),
    ("ROMA.00110006", Class::NotFound),
    ("ROMA.00110007", Class::Permission),
    ("ROMA.00110008", Class::Permission),
    // "Error Codes" of the instance.
    ("ROMA.00000101", Class::Permission),
    ("ROMA.1000", Class::Credentials),
    ("ROMA.1002", Class::Credentials),
    ("ROMA.1006", Class::Permission),
    ("ROMA.12001", Class::Permission),
    ("ROMA.12002", Class::Permission),
    ("ROMA.1007", Class::Spec),
    ("ROMA.13000", Class::Spec),
    ("ROMA.13001", Class::Spec),
    // The older list of LINK.
    ("RML.0001", Class::Spec),
    ("RML.0002", Class::Spec),
    ("RML.0003", Class::Spec),
    ("RML.0004", Class::Spec),
    ("RML.0005", Class::Spec),
    ("RML.0006", Class::Spec),
    ("RML.0007", Class::Spec),
    ("RML.0008", Class::Permission),
    ("RML.0009", Class::Spec),
    ("RML.0010", Class::Spec),
    ("RML.0011", Class::Spec),
    ("RML.0012", Class::Spec),
    ("RML.0013", Class::Spec),
    ("RML.0014", Class::Spec),
    ("RML.0015", Class::Spec),
    ("RML.0100", Class::Misconfigured),
    // The instance is not running, which it may be later.
    ("RML.0101", Class::Unavailable),
    // "Error Codes" of API Gateway.
    ("APIG.0101", Class::Misconfigured),
    ("APIG.0103", Class::Unavailable),
    ("APIG.0104", Class::Unavailable),
    ("APIG.0105", Class::Unavailable),
    ("APIG.0106", Class::Spec),
    ("APIG.0202", Class::Unavailable),
    ("APIG.0204", Class::Spec),
    ("APIG.0301", Class::Credentials),
    ("APIG.0302", Class::Permission),
    ("APIG.0303", Class::Credentials),
    ("APIG.0304", Class::Permission),
    ("APIG.0305", Class::Credentials),
    ("APIG.0306", Class::Permission),
    (STALE_TOKEN, Class::Credentials),
    ("APIG.0308", Class::Throttled),
    ("APIG.0310", Class::Misconfigured),
    ("APIG.0311", Class::Credentials),
    ("APIG.0401", Class::Permission),
    ("APIG.0402", Class::Permission),
    ("APIG.0404", Class::Permission),
    ("APIG.0501", Class::Quota),
    ("APIG.0502", Class::AccountSuspended),
    ("APIG.0601", Class::Unavailable),
    ("APIG.0602", Class::Spec),
    ("APIG.0605", Class::Unavailable),
    ("APIG.0606", Class::Unavailable),
    ("APIG.0607", Class::Spec),
    ("APIG.0608", Class::Unavailable),
    ("APIG.0609", Class::Unavailable),
    ("APIG.0610", Class::Unavailable),
    ("APIG.0611", Class::Unavailable),
    ("APIG.0613", Class::Unavailable),
    ("APIG.0705", Class::Unavailable),
    ("APIG.0802", Class::Permission),
    ("APIG.1009", Class::Spec),
    // "Error Codes" of IAM.
    ("IAM.0001", Class::Credentials),
    ("IAM.0002", Class::Permission),
    ("IAM.0003", Class::Permission),
    ("IAM.0004", Class::Spec),
    ("IAM.0005", Class::Spec),
    ("IAM.0006", Class::Unavailable),
    ("IAM.0007", Class::Spec),
    ("IAM.0011", Class::Spec),
    ("IAM.0012", Class::Throttled),
    ("IAM.0061", Class::Credentials),
    ("IAM.0062", Class::Credentials),
    ("IAM.0063", Class::Credentials),
    ("IAM.0064", Class::Credentials),
    ("IAM.0066", Class::Credentials),
    ("IAM.0067", Class::Credentials),
    ("IAM.0072", Class::Spec),
    ("IAM.0073", Class::Spec),
    ("IAM.0080", Class::Permission),
    // Users of the console only and disabled ones: another user is needed.
    ("IAM.0081", Class::Credentials),
    ("IAM.0082", Class::Credentials),
    ("IAM.0083", Class::Permission),
    ("IAM.1100", Class::Spec),
    ("IAM.1101", Class::Spec),
    ("IAM.1102", Class::Spec),
    ("IAM.1103", Class::Spec),
];

/// "The token must be updated": the user's permissions or password changed.
const STALE_TOKEN: &str = "APIG.0307";

/// The token cannot be decrypted, an expired one included; with a signed request, that the signature is wrong.
const REFUSED: &str = "APIG.0301";

/// Codes of 500 that rule out an effect.
const REFUSALS: &[&str] = &["ROMA.00110002", "ROMA.00110004"];

/// Actions whose path names one product, so that an unknown id is that product's.
const NAMES_A_PRODUCT: &[&str] =
    &["ShowProduct", "UpdateProduct", "DeleteProduct", "ListDevicesInProduct", "ResetProductAuthentication"];

/// A code as the tables have it: the gateway has an older spelling.
pub(super) fn spelling(code: &str) -> String {
    code.strip_prefix("APIGW.").map_or_else(|| code.to_owned(), |number| format!("APIG.{number}"))
}

/// Meaning of an answer that is none of success. Without a code it is the word of something in between,
/// which proves neither an effect nor its absence.
pub(super) fn meaning(action: &str, status: StatusCode, code: Option<&str>, message: &str) -> Meaning {
    let Some(code) = code else {
        return Meaning { class: of_bare_status(status), effect: Effect::Unclear };
    };
    let class = match of_code(code, status) {
        Class::NotFound => absent(action, status),
        Class::Credentials if is_late(code, message) => Class::ClockSkew,
        // What is wrong with the request for a token is wrong with the account, not with a product.
        Class::Spec if action == token::ACTION => Class::Misconfigured,
        class => class,
    };
    let refused = status.is_client_error() || REFUSALS.contains(&code);
    Meaning { class, effect: if refused { Effect::Refused } else { Effect::Unclear } }
}

/// The code, if the vendor documents it.
pub(in crate::vendor) fn documented(code: &str) -> Option<&'static str> {
    let others = ["SCB.00000000", "APIG.0201"];
    CODES.iter().map(|(known, _)| *known).chain(others).find(|known| *known == code)
}

/// Whether a token was refused that another one may replace.
pub(super) fn is_stale_token(code: Option<&str>) -> bool {
    matches!(code, Some(STALE_TOKEN | REFUSED))
}

/// Whether the key is locked because of refused signatures.
pub(super) fn is_lock(code: Option<&str>, message: &str) -> bool {
    code == Some(REFUSED) && message.contains("reach the limit")
}

/// Whether the request's date is more than 15 minutes off. All authentication failures have one code.
fn is_late(code: &str, message: &str) -> bool {
    code == REFUSED && message.to_ascii_lowercase().contains("signature expired")
}

fn absent(action: &str, status: StatusCode) -> Class {
    match status {
        _ if action == "CreateProduct" => Class::Spec,
        StatusCode::NOT_FOUND if NAMES_A_PRODUCT.contains(&action) => Class::NotFound,
        StatusCode::NOT_FOUND => Class::Misconfigured,
        _ => Class::Unavailable,
    }
}

fn of_code(code: &str, status: StatusCode) -> Class {
    match (code, status) {
        // The framework knows no such route.
        ("SCB.00000000", StatusCode::NOT_FOUND) => Class::Misconfigured,
        ("SCB.00000000", status) if status.is_client_error() => Class::Spec,
        // Too large or malformed; as a 5xx the backend did not answer the gateway.
        ("APIG.0201", status) if status.is_client_error() => Class::Spec,
        _ => CODES
            .iter()
            .find(|(known, _)| *known == code)
            .map_or_else(|| of_unknown_code(status), |(_, class)| *class),
    }
}

fn of_unknown_code(status: StatusCode) -> Class {
    match status {
        StatusCode::UNAUTHORIZED => Class::Credentials,
        StatusCode::FORBIDDEN => Class::Permission,
        StatusCode::NOT_FOUND => Class::Misconfigured,
        StatusCode::TOO_MANY_REQUESTS => Class::Throttled,
        status if status.is_client_error() => Class::Spec,
        _ => Class::Unavailable,
    }
}

fn of_bare_status(status: StatusCode) -> Class {
    match status {
        StatusCode::UNAUTHORIZED => Class::Credentials,
        StatusCode::TOO_MANY_REQUESTS => Class::Throttled,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST => {
            Class::Misconfigured
        }
        status if status.is_redirection() => Class::Misconfigured,
        _ => Class::Unavailable,
    }
}

#[cfg(test)]
mod tests;
