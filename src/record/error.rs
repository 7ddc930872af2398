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

impl RecordError {
    /// Sorts an API server's answer.
    pub fn of(what: &'static str, source: kube::Error) -> Self {
        let kube::Error::Api(status) = &source else {
            return Self::Kube { what, source };
        };
        match status.code {
            // 422 is also what a failed JSON Patch `test` answers.
            409 | 422 => Self::Conflict { what },
            404 => Self::Gone { what },
            // No RBAC denial: creating in a namespace that ends is answered 403 with this wording.
            403 if status.message.contains("being terminated") => Self::Terminating { what },
            _ => Self::Kube { what, source },
        }
    }
}
