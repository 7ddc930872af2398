//! What an operation is allowed.

use std::time::Duration;

use tokio::time::Instant;

use crate::http::limit::{Flow, Lane};

/// Lane and time bound of one operation. An operation may be several calls; each ends before `deadline`.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Priority in the vendor's budget.
    pub lane: Lane,
    /// Whose calls it takes turns with there.
    pub flow: Flow,
    /// No call is sent that could end after this.
    pub deadline: Instant,
}

impl Call {
    /// A call of the account itself that ends within `limit` from now.
    pub fn within(lane: Lane, limit: Duration) -> Self {
        Self { lane, flow: Flow::default(), deadline: Instant::now() + limit }
    }

    /// The same for an object of a namespace.
    #[must_use]
    pub fn of(self, namespace: &str) -> Self {
        Self { flow: Flow::of(namespace), ..self }
    }
}
