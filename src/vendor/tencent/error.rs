//! What the vendor's codes mean.
//!
//! The first segment of a code says little (`UnauthorizedOperation.DevicesExistUnderProduct` is a
//! precondition, `InvalidParameterValue.ProductAlreadyExist` a conflict), so full codes come first.

use http::StatusCode;

use crate::vendor::{Class, Effect};

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) class: Class,
    pub(super) effect: Effect,
}

/// Full codes. Bare codes are also what unknown codes below them fall back to.
const CODES: &[(&str, Class)] = &[
    // Error codes common to all actions.
    ("RequestLimitExceeded", Class::Throttled),
    ("RequestLimitExceeded.UinLimitExceeded", Class::Throttled),
    ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", Class::Throttled),
    ("RequestLimitExceeded.IPLimitExceeded", Class::Throttled),
    ("InternalError", Class::Unavailable),
    ("ServiceUnavailable", Class::Unavailable),
    ("ResourceUnavailable", Class::Unavailable),
    ("ResourceInsufficient", Class::Unavailable),
    ("ResourceInUse", Class::Unavailable),
    ("FailedOperation", Class::Unavailable),
    ("AuthFailure", Class::Credentials),
    ("AuthFailure.InvalidAuthorization", Class::Credentials),
    ("AuthFailure.InvalidSecretId", Class::Credentials),
    ("AuthFailure.MFAFailure", Class::Credentials),
    ("AuthFailure.SecretIdNotFound", Class::Credentials),
    ("AuthFailure.SignatureFailure", Class::Credentials),
    ("AuthFailure.TokenFailure", Class::Credentials),
    ("AuthFailure.SignatureExpire", Class::ClockSkew),
    ("AuthFailure.UnauthorizedOperation", Class::Permission),
    ("UnauthorizedOperation", Class::Permission),
    ("IpInBlacklist", Class::Permission),
    ("IpNotInWhitelist", Class::Permission),
    ("InvalidParameter", Class::Spec),
    ("InvalidParameterValue", Class::Spec),
    ("InvalidRequest", Class::Spec),
    ("MissingParameter", Class::Spec),
    ("UnknownParameter", Class::Spec),
    ("UnsupportedOperation", Class::Spec),
    ("RequestSizeLimitExceeded", Class::Spec),
    ("LimitExceeded", Class::Quota),
    ("ResourceNotFound", Class::NotFound),
    ("InvalidAction", Class::Misconfigured),
    ("ActionOffline", Class::Misconfigured),
    ("NoSuchVersion", Class::Misconfigured),
    // The service is unknown, not an IoT product.
    ("NoSuchProduct", Class::Misconfigured),
    ("UnsupportedProtocol", Class::Misconfigured),
    ("UnsupportedRegion", Class::Misconfigured),
    ("DryRunOperation", Class::Misconfigured),
    ("ResponseSizeLimitExceeded", Class::Misconfigured),
    // Error codes of IoT Hub.
    ("InternalError.DBOperationError", Class::Unavailable),
    ("UnauthorizedOperation.PermissionDenied", Class::Permission),
    ("FailedOperation.AccountIsolated", Class::AccountSuspended),
    ("UnauthorizedOperation.UserNotAuthenticaed", Class::AccountSuspended),
    ("InvalidParameterValue.ProductTypeNotSupport", Class::Spec),
    ("InvalidParameterValue.TidProductAlreadyExist", Class::Spec),
    ("InvalidParameterValue.CACertInvalid", Class::Spec),
    ("InvalidParameterValue.CACertNotMatch", Class::Spec),
    ("ResourceNotFound.ThingModelNotExist", Class::Spec),
    ("LimitExceeded.CACertNotSupport", Class::Spec),
    ("UnsupportedOperation.WrongProductAuthType", Class::Spec),
    ("LimitExceeded.ProductExceedLimit", Class::Quota),
    ("LimitExceeded.TopicPolicyExceedLimit", Class::Quota),
    ("LimitExceeded.CACertLimit", Class::Quota),
    ("InvalidParameterValue.ProductAlreadyExist", Class::Exists),
    ("InvalidParameterValue.TopicPolicyAlreadyExist", Class::Exists),
    ("LimitExceeded.CACertNameRepeat", Class::Exists),
    ("LimitExceeded.CARepeat", Class::Exists),
    ("ResourceNotFound.ProductNotExist", Class::NotFound),
    ("ResourceNotFound.ProductOrDeviceNotExist", Class::NotFound),
    // Not the product but something that the request names beside it.
    ("ResourceNotFound.CACertNotExist", Class::Spec),
    ("ResourceNotFound.TopicPolicyNotExist", Class::Spec),
    ("ResourceNotFound.DeviceNotExist", Class::Spec),
    ("ResourceNotFound.ProductResourceNotExist", Class::Spec),
    ("ResourceNotFound.CreateMultiDeviceTaskNotExist", Class::Spec),
    ("ResourceNotFound.TaskNotExist", Class::Spec),
    ("UnauthorizedOperation.DevicesExistUnderProduct", Class::Blocked),
    ("UnauthorizedOperation.DeleteTidFail", Class::Blocked),
    ("UnauthorizedOperation.ProductIsForbidden", Class::Blocked),
    ("UnauthorizedOperation.DeviceHasAlreadyBindGateway", Class::Blocked),
    ("UnauthorizedOperation.GatewayHasBindedDevices", Class::Blocked),
    ("UnsupportedOperation.GatewayProductHasBindedProduct", Class::Blocked),
    ("UnsupportedOperation.ProductHasBindGateway", Class::Blocked),
    ("UnsupportedOperation.ProductHasBindedGatewayProduct", Class::Blocked),
    ("UnsupportedOperation.DeviceOtaTaskInProgress", Class::Blocked),
    ("LimitExceeded.CAAlreadyBindProduct", Class::Blocked),
    ("FailedOperation.ProductNotBind", Class::Blocked),
];

/// Actions that name one product and nothing else that could be missing: only there does the bare
/// `ResourceNotFound` speak of the product.
const NAMES_ONLY_A_PRODUCT: &[&str] = &[
    "DescribeProduct",
    "DeleteProduct",
    "UpdateProductDynamicRegister",
    "SetProductsForbiddenStatus",
    "DescribeDevices",
];

/// Actions that name a product, possibly among other things.
const NAMES_A_PRODUCT: &[&str] = &["UpdateProductPrivateCA", "DeleteProductPrivateCA"];

/// Meaning of an answer to `action` with an error code, by code, then by the text before its first dot.
pub(super) fn of_code(action: &str, code: Option<&str>) -> Meaning {
    let code = code.unwrap_or_default();
    let class = match known(code) {
        Some(class) => class,
        // An unknown thing is missing: not proved to be the product.
        None if code.starts_with("ResourceNotFound.") => Class::Unavailable,
        None => code.split_once('.').and_then(|(head, _)| known(head)).unwrap_or(Class::Unavailable),
    };
    let class = if class == Class::NotFound && !speaks_of_the_product(action, code) {
        Class::Unavailable
    } else {
        class
    };
    Meaning { class, effect: effect(class, code) }
}

/// Meaning of an answer whose HTTP status is not 200: not the API's own word but that of something before
/// it, so it proves neither an effect nor its absence, and never that a product is absent.
pub(super) fn of_status(status: StatusCode, action: &str, code: Option<&str>) -> Meaning {
    let class = match code.map(|code| of_code(action, Some(code)).class) {
        Some(class) if class != Class::NotFound && class != Class::Unavailable => class,
        _ => class_of_status(status),
    };
    Meaning { class, effect: Effect::Unclear }
}

fn class_of_status(status: StatusCode) -> Class {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Class::Throttled,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::MISDIRECTED_REQUEST => {
            Class::Misconfigured
        }
        _ if status.is_redirection() => Class::Misconfigured,
        _ => Class::Unavailable,
    }
}

fn known(code: &str) -> Option<Class> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
}

/// The code, if the vendor documents it.
pub(in crate::vendor) fn documented(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(known, _)| *known)
}

fn speaks_of_the_product(action: &str, code: &str) -> bool {
    NAMES_ONLY_A_PRODUCT.contains(&action)
        || (code == "ResourceNotFound.ProductNotExist" && NAMES_A_PRODUCT.contains(&action))
}

fn effect(class: Class, code: &str) -> Effect {
    // An answer that grew too long was made after the action had run.
    if class == Class::Unavailable || code == "ResponseSizeLimitExceeded" {
        Effect::Unclear
    } else {
        Effect::Refused
    }
}

#[cfg(test)]
mod tests;
