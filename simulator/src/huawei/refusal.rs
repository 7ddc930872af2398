//! Failures in the vendor's three forms.

use http::StatusCode;
use serde_json::json;

/// Who says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `error_code`, `error_msg`, `request_id`.
    Flat,
    /// IAM's `error` object, with the status as its code.
    Iam,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    form: Form,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), form: Form::Flat }
    }

    /// A failure that was asked for.
    pub(crate) fn told(code: &str, message: &str) -> Self {
        Self::new(status_of(code), code, message)
    }

    /// The gateway's word.
    pub(crate) fn gateway(code: &str, message: &str) -> Self {
        Self::new(status_of(code), code, message)
    }

    /// A proof that is not accepted; the message tells the reason, the code does not.
    pub(crate) fn unauthorized(reason: &str) -> Self {
        Self::gateway("APIG.0301", &format!("Incorrect IAM authentication information: {reason}"))
    }

    pub(crate) fn iam(status: StatusCode, message: &str) -> Self {
        Self { form: Form::Iam, ..Self::new(status, &status.as_u16().to_string(), message) }
    }

    pub(crate) fn no_instance(project: &str, instance: &str) -> Self {
        let message = format!("Instance {instance} does not exist in project {project}.");
        Self::told("ROMA.00110002", &message)
    }

    /// All fields that are wrong, in one message.
    pub(crate) fn fields(wrong: &[(String, String)]) -> Self {
        let list: Vec<String> = wrong.iter().map(|(field, reason)| format!("{field}:{reason}")).collect();
        Self::told("ROMA.00110001", &format!("Invalid parameter. [{}]", list.join(", ")))
    }

    /// Something of that id is not there.
    pub(crate) fn no_resource(what: &str, id: impl std::fmt::Display) -> Self {
        Self::told("ROMA.00110006", &format!("The {what} {id} does not exist."))
    }

    /// The framework's word about a parameter.
    pub(crate) fn parameter(operation: &str, parameter: &str, processor: &str) -> Self {
        let message = format!(
            "Parameter is not valid for operation [romalink.{operation}]. Parameter is [{parameter}]. \
             Processor is [{processor}]."
        );
        Self::new(StatusCode::BAD_REQUEST, "SCB.00000000", message)
    }

    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let value = match self.form {
            Form::Flat => {
                json!({"error_code": self.code, "error_msg": self.message, "request_id": request_id})
            }
            Form::Iam => {
                let title = self.status.canonical_reason().unwrap_or_default();
                json!({"error": {"code": self.status.as_u16(), "message": self.message, "title": title}})
            }
        };
        value.to_string().into_bytes()
    }
}

/// HTTP status of a code ("Error Codes").
fn status_of(code: &str) -> StatusCode {
    let number = match code {
        "APIG.0101" | "ROMA.00110006" | "IAM.0004" => 404,
        "APIG.0201" => 504,
        "APIG.0202" | "APIG.0610" => 502,
        "APIG.0301" | "APIG.0303" | "APIG.0305" | "APIG.0307" | "APIG.0311" => 401,
        "APIG.0302" | "APIG.0304" | "APIG.0306" | "APIG.0310" | "APIG.0401" | "APIG.0402" | "APIG.0404"
        | "APIG.0802" | "ROMA.00110005" | "ROMA.00110007" | "ROMA.00110008" | "ROMA.00000101" => 403,
        "APIG.0308" | "IAM.0012" => 429,
        "APIG.0501" | "APIG.0502" => 405,
        "APIG.0613" => 503,
        "ROMA.00110000" | "ROMA.00110002" | "ROMA.00110003" | "ROMA.00110004" | "IAM.0006" | "APIG.0103"
        | "APIG.0104" | "APIG.0105" | "APIG.0601" | "APIG.0605" | "APIG.0606" | "APIG.0608" | "APIG.0609"
        | "APIG.0611" | "APIG.0705" => 500,
        code if code.starts_with("IAM.006") || code == "IAM.0001" => 401,
        _ => 400,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::BAD_REQUEST)
}
