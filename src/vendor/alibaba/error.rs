//! What the vendor's codes mean.
//!
//! Codes are compared in any case (prefixes are found as `iot.`, `Iot.` and `IoT.`), in full first. The HTTP
//! status says little: the gateway answers an unknown key with 404 and a business failure with 200 or 400.

use http::StatusCode;

use crate::vendor::{Class, Effect};

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) class: Class,
    pub(super) effect: Effect,
}

/// Full codes of the gateway.
const GATEWAY: &[(&str, Class)] = &[
    ("InvalidAccessKeyId.NotFound", Class::Credentials),
    ("InvalidAccessKeyId.Inactive", Class::Credentials),
    ("InvalidAccessKeyId", Class::Credentials),
    ("InvalidAccessKeySecret", Class::Credentials),
    ("SignatureDoesNotMatch", Class::Credentials),
    ("InvalidSecurityToken", Class::Credentials),
    ("InvalidTimeStamp.Expired", Class::ClockSkew),
    ("InvalidTimeStamp.Format", Class::ClockSkew),
    ("IllegalTimestamp", Class::ClockSkew),
    // The first transmission was seen, whatever became of it.
    ("SignatureNonceUsed", Class::Unavailable),
    // Something between us and the vendor changed the request, or the endpoint is another's.
    ("IncompleteSignature", Class::Misconfigured),
    ("InvalidSignatureMethod", Class::Misconfigured),
    ("MissingAction", Class::Misconfigured),
    ("MissingVersion", Class::Misconfigured),
    ("MissingTimestamp", Class::Misconfigured),
    ("MissingAccessKeyId", Class::Misconfigured),
    ("MissingSignature", Class::Misconfigured),
    ("InvalidAction.NotFound", Class::Misconfigured),
    ("InvalidApi.NotFound", Class::Misconfigured),
    ("InvalidVersion", Class::Misconfigured),
    ("NoSuchVersion", Class::Misconfigured),
    // The service is unknown, not an IoT product.
    ("InvalidProduct.NotFound", Class::Misconfigured),
    ("UnsupportedHTTPMethod", Class::Misconfigured),
    ("InvalidProtocol.NeedSsl", Class::Misconfigured),
    ("UnsupportedOperation", Class::Misconfigured),
    ("Throttling", Class::Throttled),
    ("Throttling.User", Class::Throttled),
    ("Throttling.Api", Class::Throttled),
    ("Throttling.System", Class::Throttled),
    ("Forbidden", Class::Permission),
    ("Forbidden.RAM", Class::Permission),
    ("NoPermission", Class::Permission),
    ("Forbidden.RiskControl", Class::AccountSuspended),
    ("InsufficientBalance", Class::AccountSuspended),
    ("InvalidParameter", Class::Spec),
    ("InvalidParameter.Format", Class::Spec),
    ("InternalError", Class::Unavailable),
    ("ServiceUnavailable", Class::Unavailable),
];

/// Full codes of IoT Platform ("Error codes").
const BUSINESS: &[(&str, Class)] = &[
    ("iot.system.SystemException", Class::Unavailable),
    ("iot.system.SystemError", Class::Unavailable),
    ("iot.system.InstanceNotFound", Class::Misconfigured),
    ("iot.Sre.IotInstanceNotFound", Class::Misconfigured),
    ("iot.Sre.IotInstanceStatusForbidden", Class::AccountSuspended),
    ("iot.system.UidNotFound", Class::AccountSuspended),
    ("iot.system.BillIsOverDue", Class::AccountSuspended),
    ("iot.system.IllegalRequest", Class::Spec),
    ("iot.system.InstanceIdSame", Class::Spec),
    ("iot.common.TooManyRequest", Class::Throttled),
    ("iot.common.InvalidPageParams", Class::Misconfigured),
    ("iot.common.InvalidTenant", Class::Credentials),
    ("iot.common.RamActionPermissionDeny", Class::Permission),
    ("iot.common.AuthActionPermissionDeny", Class::Permission),
    ("iot.common.APINotSupportedInInstance", Class::Misconfigured),
    ("iot.common.InvalidFormattedParameter", Class::Spec),
    ("iot.check.InvalidFormattedParameter", Class::Spec),
    ("iot.check.ParameterIsNotLessThanMax", Class::Spec),
    ("iot.common.NullParameter", Class::Spec),
    ("iot.common.QueryProductActionError", Class::Unavailable),
    ("iot.common.QueryProductCountActionError", Class::Unavailable),
    ("iot.common.QueryDeviceActionError", Class::Unavailable),
    ("iot.common.QueryDevicePropertyActionError", Class::Unavailable),
    ("iot.prod.AlreadyExistedProductName", Class::Exists),
    (NO_PRODUCT, Class::NotFound),
    ("iot.prod.ProductCountExceedMax", Class::Quota),
    // Unspecific: it may have been done.
    ("iot.prod.CreateProductFailed", Class::Unavailable),
    ("iot.prod.UpdateProductFailed", Class::Unavailable),
    ("iot.prod.CreateProductTopicFailed", Class::Unavailable),
    ("iot.prod.InvalidFormattedProductName", Class::Spec),
    ("iot.prod.NullProductName", Class::Spec),
    ("iot.prod.InvalidFormattedProductkey", Class::Spec),
    ("iot.prod.NullProductKey", Class::Spec),
    ("iot.prod.LongProductDesc", Class::Spec),
    ("iot.prod.InvalidNodeType", Class::Spec),
    ("iot.prod.InvalidAliyunCommodityCode", Class::Spec),
    ("iot.prod.InvalidFormattedCatId", Class::Spec),
    ("iot.prod.InvalidProductAuthType", Class::Spec),
    ("iot.prod.NotOpenID2Service", Class::Spec),
    ("iot.prod.NotSeniorProduct", Class::Spec),
    // A product that another account shares: it may be read and nothing else.
    ("iot.prod.NotProductOwner", Class::Permission),
    ("iot.prod.QueryDeviceCountActionError", Class::Unavailable),
    ("iot.prod.QueryProductListActionError", Class::Unavailable),
    ("iot.prod.QueryExtendPropertyFailed", Class::Unavailable),
    ("iot.prod.QueryProductAbilitiesFailed", Class::Unavailable),
    ("iot.prod.QueryProductAbilityFailed", Class::Unavailable),
    ("iot.prod.BatchCreateThingModelFailed", Class::Spec),
    ("iot.prod.ThingModelNameDuplicated", Class::Spec),
    ("iot.prod.InvalidScriptType", Class::Spec),
    ("iot.prod.ThingScriptExisted", Class::Spec),
    ("iot.prod.ThingScriptDataFormatError", Class::Spec),
    ("iot.prod.ConcurrentScriptOperation", Class::Unavailable),
];

/// Full codes of what belongs to a product: topic classes and the thing model.
const PARTS: &[(&str, Class)] = &[
    ("iot.messagebroker.TopicAlreadyFound", Class::Exists),
    // Not the product.
    ("iot.messagebroker.TopicTemplateIsNotFound", Class::Spec),
    ("iot.messagebroker.TopicTemplateCountExceedMax", Class::Quota),
    ("iot.messagebroker.InvalidTopicTemplateOperationValue", Class::Spec),
    ("iot.messagebroker.NullTopicName", Class::Spec),
    ("iot.messagebroker.NullTopicTemplateId", Class::Spec),
    ("iot.messagebroker.NullTopicTemplateOperation", Class::Spec),
    ("iot.messagebroker.InvalidFormattedTopicName", Class::Spec),
    ("iot.messagebroker.InvalidFormattedTopicTemplateId", Class::Spec),
    ("iot.messagebroker.RateLimit", Class::Throttled),
    ("iot.messagebroker.TIMEOUT", Class::Unavailable),
    ("Thing.Model.Get.Lock.Failed", Class::Unavailable),
    ("Thing.Model.Status.Not.Final", Class::Unavailable),
    ("Server.error", Class::Unavailable),
    // Of the asynchronous family, whose exact meaning for a product's own actions is not documented.
    ("Product.not.found", Class::Unavailable),
    ("Product.Key.Invalid", Class::Spec),
    ("Request.param.error", Class::Spec),
    ("Thing.Model.Version.Invalid", Class::Spec),
    ("Thing.model.not.found", Class::Spec),
    ("Category.not.same", Class::Spec),
    ("Product.has.published", Class::Blocked),
    ("Product.authright.illegal", Class::Permission),
    ("Distribute.thing.module.no.edit", Class::Permission),
];

/// The only code that makes a product absent.
const NO_PRODUCT: &str = "iot.prod.NotExistedProduct";

/// Heads that give a class to every code below them.
const FAMILIES: &[(&str, Class)] = &[
    ("Throttling", Class::Throttled),
    ("InvalidSecurityToken", Class::Credentials),
    ("InvalidAccessKeyId", Class::Credentials),
    ("InvalidTimeStamp", Class::ClockSkew),
    ("Forbidden", Class::Permission),
    ("NoPermission", Class::Permission),
];

/// Last parts that mean throttling, whatever service says so.
const THROTTLED: &[&str] = &["TooManyRequest", "TooManyRequests", "RateLimit"];

/// Actions that name one product.
const NAMES_A_PRODUCT: &[&str] = &[
    "QueryProduct",
    "UpdateProduct",
    "DeleteProduct",
    "CreateProductTags",
    "UpdateProductTags",
    "ListProductTags",
];

/// Meaning of an answer to `action` with an error code.
pub(super) fn of_code(action: &str, code: &str) -> Meaning {
    let class = known(code).or_else(|| by_family(code)).unwrap_or(Class::Unavailable);
    let class = if class == Class::NotFound && !NAMES_A_PRODUCT.contains(&action) {
        Class::Unavailable
    } else {
        class
    };
    let effect = if class == Class::Unavailable { Effect::Unclear } else { Effect::Refused };
    Meaning { class, effect }
}

/// Meaning of a failed answer. The class is the code's; a status speaks only where there is no code, and then
/// it is not the API's word. Nothing but a code ever makes a product absent.
pub(super) fn of_answer(action: &str, status: StatusCode, code: Option<&str>, told_to_wait: bool) -> Meaning {
    let meaning = match code {
        Some(code) => of_code(action, code),
        None => Meaning { class: class_of_status(status), effect: Effect::Unclear },
    };
    // The vendor's own client takes its hint as throttling whatever the code is. What the code says of an
    // effect stands.
    if told_to_wait || status == StatusCode::TOO_MANY_REQUESTS {
        return Meaning { class: Class::Throttled, ..meaning };
    }
    meaning
}

fn class_of_status(status: StatusCode) -> Class {
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST => {
            Class::Misconfigured
        }
        _ if status.is_redirection() => Class::Misconfigured,
        _ => Class::Unavailable,
    }
}

fn known(code: &str) -> Option<Class> {
    let mut codes = GATEWAY.iter().chain(BUSINESS).chain(PARTS);
    codes.find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, class)| *class)
}

/// The code as the vendor documents it, if it does.
pub(in crate::vendor) fn documented(code: &str) -> Option<&'static str> {
    let mut codes = GATEWAY.iter().chain(BUSINESS).chain(PARTS);
    codes.find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(known, _)| *known)
}

fn by_family(code: &str) -> Option<Class> {
    let last = code.rsplit('.').next().unwrap_or_default();
    if THROTTLED.iter().any(|word| word.eq_ignore_ascii_case(last)) {
        return Some(Class::Throttled);
    }
    let head = code.split('.').next().unwrap_or_default();
    if let Some((_, class)) = FAMILIES.iter().find(|(family, _)| family.eq_ignore_ascii_case(head)) {
        return Some(*class);
    }
    names_a_parameter(head).then_some(Class::Spec)
}

/// `MissingNetType`, `InvalidProductName`: the gateway's check of the action's parameters.
fn names_a_parameter(head: &str) -> bool {
    let parameter = head.strip_prefix("Missing").or_else(|| head.strip_prefix("Invalid"));
    parameter.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|c| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;
