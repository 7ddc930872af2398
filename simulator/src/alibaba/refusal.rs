//! A failure: of the gateway (HTTP 4xx or 5xx) or of the service behind it.

use http::StatusCode;

/// Code and message of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    /// The tags that it is about.
    pub(crate) tags: Vec<(String, String)>,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), tags: Vec::new() }
    }

    /// The gateway's check of required parameters.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(
            &format!("Missing{name}"),
            format!(
                "The input parameter \"{name}\" that is mandatory for processing this request is not supplied."
            ),
        )
    }

    /// The gateway's check of parameter types.
    pub(crate) fn invalid(name: &str) -> Self {
        Self::new(&format!("Invalid{name}"), format!("The specified parameter \"{name}\" is not valid."))
    }

    /// The service's refusal of a value for which it documents no code of its own.
    pub(crate) fn value(name: &str) -> Self {
        Self::new("iot.common.InvalidFormattedParameter", format!("The parameter {name} has a wrong value."))
    }

    pub(crate) fn no_product(key: &str) -> Self {
        Self::new("iot.prod.NotExistedProduct", format!("The product {key} does not exist."))
    }

    /// A code of the service, which the product actions answer with HTTP 200.
    pub(crate) fn is_business(&self) -> bool {
        self.code.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("iot."))
    }

    /// HTTP status of a gateway code.
    pub(crate) fn status(&self) -> StatusCode {
        match self.code.as_str() {
            "InvalidAccessKeyId.NotFound" | "InvalidAction.NotFound" | "InvalidVersion" | "NoSuchVersion" => {
                StatusCode::NOT_FOUND
            }
            "InternalError" => StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceUnavailable" => StatusCode::SERVICE_UNAVAILABLE,
            code if code.starts_with("Forbidden") || code == "NoPermission" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
