//! One request, one answer: the connection to a vendor's host.
//!
//! No retries, no redirects, no cookies. What matters most about a failure is whether the request can
//! have left this process, because only then can a product exist that nobody has recorded.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::Url;
pub use super::body::Body;
use super::body::BodyError;
use super::carrier::{Carrier, CarryError, Network};
use super::endpoint::{AllowedEndpoints, EndpointError};
use super::fence::Fence;
use super::memory::Memory;
use super::skew::Skew;

/// Largest answer that is read: the longest page of a product list is far below it.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// Largest answer that is read when its status is none of success: it holds a code and a message.
pub const MAX_REFUSAL: usize = 64 * 1024;

/// Leadership must outlast a call's deadline by this: what the kernel holds is not back at once.
pub const FENCE_MARGIN: Duration = Duration::from_secs(2);

/// What a connection needs.
#[derive(Clone)]
pub struct Options {
    /// Extra trust, PEM, beside the machine's.
    pub ca_bundle: Option<Vec<u8>>,
    /// Where requests may go.
    pub endpoints: Arc<AllowedEndpoints>,
    /// Whether this process may act.
    pub fence: Arc<dyn Fence>,
    /// The way there.
    pub network: Arc<dyn Network>,
    /// What answers may take.
    pub memory: Arc<Memory>,
    /// Whose connection it is: a namespace, or empty for the cluster's.
    pub tenant: Arc<str>,
}

/// Why no connection could be set up.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The bundle is not PEM or has no certificate.
    #[error("caBundle holds no readable certificate; write one or more PEM certificates, base64-encoded")]
    CaBundle,
    /// The TLS side could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
}

/// A request as it goes out. Its debug form holds neither headers nor query nor body.
pub struct Request {
    /// Method.
    pub method: Method,
    /// Full URL; its host is checked again.
    pub url: Url,
    /// Every header except `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// Body, empty for none.
    pub body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str();
        f.debug_struct("Request").field("method", &self.method).field("host", &host).finish_non_exhaustive()
    }
}

/// An answer, whatever its status. Its debug form holds neither headers nor body.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Body,
}

impl Answer {
    /// The hint of a `Retry-After` header, within the bounds of [`super::hint`].
    pub fn retry_after(&self) -> Option<Duration> {
        super::hint::retry_after(&self.headers)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A request without an answer. Holds no header, no query, no body.
///
/// The text is what tenants read, of hosts that they may have chosen: it does not tell an open port from a closed one, what a
/// name resolves to, or whose certificate is there. [`Self::detail`] does, for the operator's log.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Leadership does not outlast the call. Nothing was sent.
    #[error("request to {host}: not sent, this process may not act until the call's deadline")]
    NotLeader {
        /// The host.
        host: String,
    },
    /// The host or its address is not allowed. Nothing was sent.
    #[error("request not sent: {0}")]
    NotAllowed(EndpointError),
    /// The deadline was over before the start. Nothing was sent.
    #[error("request to {host}: not sent, its deadline is over")]
    Late {
        /// The host.
        host: String,
    },
    /// No connection: name, route, refusal, TLS. Nothing was sent.
    #[error("request to {host}: not sent, {}", if is_tls(source.as_ref()) { "TLS failed" } else { "no connection" })]
    NotSent {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No whole answer before the deadline.
    #[error("request to {host}: no answer before the deadline")]
    TimedOut {
        /// The host.
        host: String,
    },
    /// The connection ended before a whole answer came.
    #[error("request to {host}: connection ended without a whole answer")]
    Cut {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer is longer than [`MAX_BODY`], or than [`MAX_REFUSAL`] and no success.
    #[error("request to {host}: answer longer than {most} bytes")]
    BodyTooLarge {
        /// The host.
        host: String,
        /// What it may have.
        most: usize,
    },
}

impl TransportError {
    /// The cause at the bottom: it names the certificate or the address; what lies above only repeats it.
    pub fn detail(&self) -> Option<&(dyn StdError + 'static)> {
        std::iter::successors(self.source(), |&error| error.source()).last()
    }

    /// Whether the vendor can have seen the request. In doubt it can.
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::NotLeader { .. } | Self::NotAllowed(_) | Self::Late { .. } | Self::NotSent { .. } => false,
            Self::TimedOut { .. } | Self::Cut { .. } | Self::BodyTooLarge { .. } => true,
        }
    }
}

/// The connections of one account to its vendor.
pub struct Transport {
    carrier: Box<dyn Carrier>,
    endpoints: Arc<AllowedEndpoints>,
    fence: Arc<dyn Fence>,
    memory: Arc<Memory>,
    tenant: Arc<str>,
    skew: Skew,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("skew", &self.skew).finish_non_exhaustive()
    }
}

impl Transport {
    /// Sets up TLS; connects with the first request. The process needs a default TLS provider by now.
    pub fn new(options: Options) -> Result<Self, BuildError> {
        let carrier = options.network.open(&options)?;
        let Options { endpoints, fence, memory, tenant, .. } = options;
        Ok(Self { carrier, endpoints, fence, memory, tenant, skew: Skew::default() })
    }

    /// What answers and lists may take.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The vendor's clock minus ours, as its last answer showed; zero within two seconds.
    pub fn skew(&self) -> SignedDuration {
        self.skew.get()
    }

    /// The vendor's time now, for signatures.
    pub fn now(&self) -> Timestamp {
        self.skew.now()
    }

    /// Sends once and reads the whole answer, all before `deadline`.
    pub async fn send(&self, request: Request, deadline: Instant) -> Result<Answer, TransportError> {
        self.endpoints.admits(&request.url).map_err(TransportError::NotAllowed)?;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        if deadline <= Instant::now() {
            return Err(TransportError::Late { host });
        }
        if !self.fence.covers(crate::clock::later(deadline, FENCE_MARGIN)) {
            return Err(TransportError::NotLeader { host });
        }
        match timeout_at(deadline, self.exchange(request, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::TimedOut { host }),
        }
    }

    async fn exchange(&self, request: Request, host: &str) -> Result<Answer, TransportError> {
        let (sent, started) = (crate::clock::now(), Instant::now());
        let carried = self.carrier.carry(request).await.map_err(|error| failure(host, error))?;
        let (head, incoming) = carried.into_parts();
        self.skew.learn(&head.headers, sent, started.elapsed());
        let most = if head.status.is_success() { MAX_BODY } else { MAX_REFUSAL };
        let body =
            Body::read(incoming, most, &self.memory, &self.tenant).await.map_err(|error| match error {
                BodyError::TooLarge => TransportError::BodyTooLarge { host: host.to_owned(), most },
                BodyError::Cut(source) => cut(host, source),
                BodyError::Slow => TransportError::TimedOut { host: host.to_owned() },
            })?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

fn failure(host: &str, error: CarryError) -> TransportError {
    match error {
        CarryError::NotAllowed(refusal) => TransportError::NotAllowed(refusal),
        CarryError::NotSent(source) => TransportError::NotSent { host: host.to_owned(), source },
        CarryError::Cut(source) => cut(host, source),
    }
}

fn cut(host: &str, source: Box<dyn StdError + Send + Sync>) -> TransportError {
    TransportError::Cut { host: host.to_owned(), source }
}

/// Whether a connection failed because of TLS.
fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    // An I/O error does not count what it wraps among its sources.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || wrapped.is_some_and(|wrapped| is_tls(wrapped))
        || error.source().is_some_and(is_tls)
}

#[cfg(test)]
mod tests;
