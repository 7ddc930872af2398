//! A business error, which Tencent answers with HTTP 200.

/// Code and message of a business error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new("MissingParameter", format!("The request lacks the required parameter `{name}`."))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameter", message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn no_product(id: &str) -> Self {
        Self::new("ResourceNotFound.ProductNotExist", format!("The product `{id}` does not exist."))
    }
}
