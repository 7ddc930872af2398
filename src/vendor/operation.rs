//! What an operation is allowed.

use std::time::Duration;

use tokio::time::Instant;

use crate::http::limit::{Caller, Flow, Lane};

/// Caller and time bound of one operation. An operation may be several calls; each ends before `deadline`.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// What for and for whom, which decides when its turn in the vendor's budget comes.
    pub caller: Caller,
    /// No call is sent that could end after this.
    pub deadline: Instant,
}

impl Call {
    /// A call of the account itself that ends within `limit` from now.
    pub fn within(lane: Lane, limit: Duration) -> Self {
        Self { caller: lane.into(), deadline: crate::clock::later(Instant::now(), limit) }
    }

    /// The same for an object of a namespace.
    #[must_use]
    pub fn of(self, namespace: &str) -> Self {
        Self { caller: Caller { flow: Flow::of(namespace), ..self.caller }, ..self }
    }
}
