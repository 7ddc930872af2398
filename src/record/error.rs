//! What can go wrong in writing to the API server.

/// A failed write or read of one object.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The object changed since it was read; the visit begins anew.
    #[error("{what}: the object changed meanwhile")]
    Conflict {
        /// What was to be written.
        what: &'static str,
    },
    /// The object is gone, or another stands under its name.
    #[error("{what}: the object is gone")]
    Gone {
        /// What was to be written.
        what: &'static str,
    },
    /// The namespace is ending: nothing can be created in it.
    #[error("{what}: the namespace is being terminated")]
    Terminating {
        /// What was to be written.
        what: &'static str,
    },
    /// A Secret of the output's name is not ours.
    #[error("{0}")]
    SecretConflict(String),
    /// The cluster does not take it: an admission policy, a quota, missing rights, an invalid value.
    #[error("{what} was refused: {why}")]
    Refused {
        /// What was to be written.
        what: &'static str,
        /// The API server's words.
        why: String,
    },
    /// Everything else the API server or the way to it answered.
    #[error("{what}")]
    Kube {
        /// What was to be written.
        what: &'static str,
        /// The cause.
        #[source]
        source: kube::Error,
    },
}

/// How the answer to a JSON Patch begins whose `test` failed. An invalid object and the denial of an
/// admission policy are answered with the same code.
const TEST_FAILED: &str = "the server rejected our request due to an error in our request";

/// Webhooks deny with 400 or 403, quotas and RBAC with 403; policies and validation with 422; what is too large with 413.
const REFUSALS: [u16; 4] = [400, 403, 413, 422];

impl RecordError {
    /// Sorts an API server's answer.
    pub fn of(what: &'static str, source: kube::Error) -> Self {
        let kube::Error::Api(status) = &source else {
            return Self::Kube { what, source };
        };
        match status.code {
            409 => Self::Conflict { what },
            422 if status.message.starts_with(TEST_FAILED) => Self::Conflict { what },
            404 => Self::Gone { what },
            // No RBAC denial: creating in a namespace that ends is answered 403 with this wording.
            403 if status.message.contains("being terminated") => Self::Terminating { what },
            _ => Self::Kube { what, source },
        }
    }

    /// Sorts an API server's answer to a write that a user can have allowed, or not ask for.
    pub fn of_write(what: &'static str, source: kube::Error) -> Self {
        match Self::of(what, source) {
            Self::Kube { what, source: kube::Error::Api(status) } if REFUSALS.contains(&status.code) => {
                Self::Refused { what, why: status.message.clone() }
            }
            error => error,
        }
    }
}

#[cfg(test)]
mod tests;
