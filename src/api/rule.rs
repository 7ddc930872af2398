//! CEL rules as data: where a rule sits, what it demands, and what it tells the user to write.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::ValidationRule;

/// How a rule uses the value before the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Old {
    /// It does not: the API server itself does not hold the rule against an unchanged value.
    Unused,
    /// It speaks of changes only.
    Required,
    /// It also speaks of new objects, and lets an unchanged value be by itself. Only so may a rule that is
    /// not about changes sit at the root, where it sees `status`.
    Optional,
}

/// A CEL rule of a schema.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Path of the schema node from the root, `*` for the values of a map or list; empty for the root.
    pub(crate) at: &'static str,
    /// Path of the field that is wrong, below `at`; empty when it is `at` itself.
    pub(crate) field: String,
    /// The expression.
    pub(crate) expression: String,
    /// What to write instead.
    pub(crate) message: String,
    /// How the value before the write is used.
    pub(crate) old: Old,
}

impl Rule {
    /// A rule about the value at a path alone.
    pub(crate) fn value(at: &'static str, field: &str, expression: &str, message: &str) -> Self {
        let (field, expression, message) = (field.to_owned(), expression.to_owned(), message.to_owned());
        Self { at, field, expression, message, old: Old::Unused }
    }

    /// A rule about a change, at the root.
    pub(crate) fn change(field: String, expression: String, message: String) -> Self {
        Self { at: "", field, expression, message, old: Old::Required }
    }

    /// A rule about a value that looks at the root's status, and lets an unchanged value be.
    pub(crate) fn rooted(field: &str, expression: &str, message: &str) -> Self {
        Self { old: Old::Optional, ..Self::value("", field, expression, message) }
    }

    /// A rule of a table: path, field below it, expression, message.
    pub(crate) fn of(&(at, field, expression, message): &Row) -> Self {
        Self::value(at, field, expression, message)
    }

    /// The name of another object becomes part of a request's path, so it must be one.
    pub(crate) fn object_name(at: &'static str) -> Self {
        let message = format!(
            "{at} must be the name of an object: lower-case letters, digits, '-' and '.', such as my-name"
        );
        Self::value(at, "", "self.matches('^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$')", &message)
    }

    /// A duration as Go writes it, not negative.
    pub(crate) fn interval(at: &'static str) -> Self {
        let message = format!("{at} must be a duration such as 10m or 1h30m; write 0s for never");
        Self::value(at, "", "self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$')", &message)
    }

    /// An interval is a second at least, or 0s: shorter ones are no wish but a mistake or an attack. What is a duration at
    /// all is [`Rule::interval`]'s to say.
    pub(crate) fn shortest_interval(at: &'static str) -> Self {
        let message = format!("{at} must be 1s or longer: write 30s, 10m or 1h30m; write 0s for never");
        let rule = "!self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') || duration(self) == duration('0s') || \
                    duration(self) >= duration('1s')";
        Self::value(at, "", rule, &message)
    }

    pub(crate) fn to_validation(&self) -> ValidationRule {
        ValidationRule {
            rule: self.expression.clone(),
            message: Some(self.message.clone()),
            field_path: (!self.field.is_empty()).then(|| format!(".{}", self.field)),
            reason: (self.old == Old::Required).then(|| "FieldValueForbidden".to_owned()),
            optional_old_self: (self.old == Old::Optional).then_some(true),
            ..ValidationRule::default()
        }
    }
}

/// Path, field below it, expression, message.
pub(crate) type Row = (&'static str, &'static str, &'static str, &'static str);
