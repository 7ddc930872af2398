//! Fields of requests: all that is wrong is told at once.

use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::server::Incoming;

const SPECIAL: &str = r"-~!@#$%^&*()_=+\|[{}];:<>/?";

/// The id of a path.
pub(crate) fn path_id(text: &str) -> Result<i64, Refusal> {
    let digits = !text.is_empty() && text.len() <= 17 && text.bytes().all(|c| c.is_ascii_digit());
    let id = text.parse().ok().filter(|_| digits);
    id.ok_or_else(|| Refusal::parameter("link-product.detail", "product_id", "path"))
}

/// The JSON object of a request.
pub(crate) fn document(incoming: &Incoming) -> Result<Value, Refusal> {
    let content_type = incoming.header("content-type").unwrap_or_default();
    let is_json = content_type.split(';').next().map(str::trim) == Some("application/json");
    let parsed = serde_json::from_slice(&incoming.body).ok().filter(Value::is_object);
    parsed.filter(|_| is_json).ok_or_else(|| Refusal::parameter("link-product", "body", "body"))
}

/// A request's fields, and what is wrong with them.
pub(crate) struct Check<'a> {
    members: &'a Map<String, Value>,
    wrong: Vec<(String, String)>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members, wrong: Vec::new() }
    }

    pub(crate) fn complain(&mut self, field: &str, reason: &str) {
        self.wrong.push((field.to_owned(), reason.to_owned()));
    }

    /// A text; the sample's `manufacturer_id` is a number.
    fn optional(&mut self, field: &str) -> Option<String> {
        match self.members.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) if field == "manufacturer_id" => Some(number.to_string()),
            Some(_) => {
                self.complain(field, "must be a string");
                None
            }
        }
    }

    /// A text of so many characters, each of which fits; absent is empty.
    pub(crate) fn text(
        &mut self,
        field: &str,
        length: std::ops::RangeInclusive<usize>,
        fits: fn(char) -> bool,
    ) -> String {
        let trimmed = |text: String| if field == "model" { text.trim().to_owned() } else { text };
        let text = self.optional(field).map(trimmed).unwrap_or_default();
        if !length.contains(&text.chars().count()) {
            let (from, to) = length.into_inner();
            self.complain(field, &format!("must have {from} to {to} characters"));
        } else if !text.chars().all(fits) {
            self.complain(field, "has characters that are not allowed");
        }
        text
    }

    /// One of a few numbers; `None` for a default means that it is required.
    pub(crate) fn number(&mut self, field: &str, known: &[i64], default: Option<i64>) -> i64 {
        let number = match self.members.get(field) {
            None | Some(Value::Null) => default,
            Some(value) => value.as_i64(),
        };
        if let Some(number) = number.filter(|number| known.contains(number)) {
            return number;
        }
        self.complain(field, &format!("must be one of {known:?}"));
        0
    }

    /// A whole number; fractions are cut off.
    #[allow(clippy::cast_possible_truncation, reason = "the vendor cuts fractions off")]
    pub(crate) fn floored(&mut self, field: &str) -> Option<i64> {
        match self.members.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => {
                number.as_i64().or_else(|| number.as_f64().map(|number| number.floor() as i64))
            }
            Some(_) => {
                self.complain(field, "must be a number");
                None
            }
        }
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.members.get(field).is_some_and(|value| !value.is_null())
    }

    pub(crate) fn end(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::fields(&self.wrong)) }
    }
}

pub(crate) fn any(_: char) -> bool {
    true
}

pub(crate) fn of_names(c: char) -> bool {
    of_ids(c) || ('\u{4e00}'..='\u{9fff}').contains(&c)
}

pub(crate) fn of_ids(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

pub(crate) fn of_models(c: char) -> bool {
    of_ids(c) || matches!(c, ' ' | '.')
}

pub(crate) fn of_user_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

pub(crate) fn of_passwords(c: char) -> bool {
    c.is_ascii_alphanumeric() || SPECIAL.contains(c)
}

/// Whether a password has every kind of character.
pub(crate) fn is_strong(password: &str) -> bool {
    let kinds: [fn(char) -> bool; 4] = [
        |c| c.is_ascii_digit(),
        |c| c.is_ascii_uppercase(),
        |c| c.is_ascii_lowercase(),
        |c| SPECIAL.contains(c),
    ];
    kinds.iter().all(|kind| password.chars().any(kind))
}
