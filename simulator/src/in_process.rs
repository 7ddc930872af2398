//! The simulator without a socket: for a simulation of everything, on tokio's clock.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::core::Core;
use crate::door::Door;
use crate::faults::Rule;
use crate::reply::{Cut, Reply, ReplyBody};
use crate::server::Incoming;
use crate::{Admin, Config, pipeline};

/// A simulator that is called in this process. Its clock, the lag of its lists and its quotas follow tokio's
/// clock, so a paused one makes them simulated time.
#[derive(Clone)]
pub struct InProcess {
    core: Arc<Core>,
}

impl InProcess {
    /// A simulator that listens nowhere; `config.listen` has no meaning here. `now` is its time of day.
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self { core: Arc::new(Core::begun(config, now)) }
    }

    /// Handle for everything that is not a vendor's API, inside a runtime.
    pub fn admin(&self) -> Admin {
        Admin::new(self.core.clone(), Handle::current())
    }

    /// One call, as if it had come over a connection of its own: once it is here, its effect does not depend on
    /// the caller's patience. `rule` decides what goes wrong with this one, whatever rules are armed.
    ///
    /// # Errors
    ///
    /// The connection was cut before the whole answer was there.
    pub async fn call(&self, request: Request<Bytes>, rule: Option<Rule>) -> Result<Response<Bytes>, Cut> {
        let (head, body) = request.into_parts();
        let (method, uri, headers) = (head.method, head.uri, head.headers);
        let incoming = Incoming { method, uri, headers, body, oversized: false };
        let Some(door) = Door::of(&incoming) else {
            return whole(Reply::text(StatusCode::NOT_FOUND, "no vendor's API is at this path\n")).await;
        };
        let (exit, answer) = oneshot::channel();
        tokio::spawn(pipeline::run(self.core.clone(), door, incoming, rule, exit));
        whole(answer.await.map_err(|_| Cut)?).await
    }
}

async fn whole(reply: Reply) -> Result<Response<Bytes>, Cut> {
    let (head, body) = Response::<ReplyBody>::from(reply).into_parts();
    Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
}
