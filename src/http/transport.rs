//! One request, one answer: the connection to a vendor's host.
//!
//! No retries, no redirects, no cookies. What matters most about a failure is whether the request can
//! have left this process, because only then can a product exist that nobody has recorded.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use super::Url;
use super::endpoint::{AllowedEndpoints, EndpointError, GuardedResolver};
use super::fence::Fence;
use super::skew::Skew;

/// Largest answer that is read: the longest page of a product list is far below it.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// Leadership must outlast a call's deadline by this: what the kernel holds is not back at once.
pub const FENCE_MARGIN: Duration = Duration::from_secs(2);

/// Bound of a connection attempt. Far below a call's deadline, so that an unreachable host ends as
/// "not sent" and not as "unclear".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Shorter than the idle time-outs of the vendors' gateways: a request on a connection that the other
/// side has just closed would end as "unclear".
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// What a connection needs.
#[derive(Clone)]
pub struct Options {
    /// Extra trust, PEM, beside the machine's.
    pub ca_bundle: Option<Vec<u8>>,
    /// Where requests may go.
    pub endpoints: Arc<AllowedEndpoints>,
    /// Whether this process may act.
    pub fence: Arc<dyn Fence>,
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
    pub body: Bytes,
}

impl Answer {
    /// Seconds of a `Retry-After` header.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A request without an answer. Holds no header, no query, no body.
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
    #[error("request to {host}: not sent, no connection: {}", root(source.as_ref()))]
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
    #[error("request to {host}: connection ended without a whole answer: {}", root(source.as_ref()))]
    Cut {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer is longer than [`MAX_BODY`].
    #[error("request to {host}: answer longer than {MAX_BODY} bytes")]
    BodyTooLarge {
        /// The host.
        host: String,
    },
}

impl TransportError {
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
    client: reqwest::Client,
    endpoints: Arc<AllowedEndpoints>,
    fence: Arc<dyn Fence>,
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
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("iot-product-operator/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .dns_resolver(GuardedResolver::new(Arc::clone(&options.endpoints)));
        if let Some(pem) = options.ca_bundle {
            let certificates =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| BuildError::CaBundle)?;
            if certificates.is_empty() {
                return Err(BuildError::CaBundle);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| BuildError::Tls(Box::new(error)))?;
        Ok(Self { client, endpoints: options.endpoints, fence: options.fence, skew: Skew::default() })
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
        if !self.fence.covers(deadline + FENCE_MARGIN) {
            return Err(TransportError::NotLeader { host });
        }
        match timeout_at(deadline, self.exchange(request, &host)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::TimedOut { host }),
        }
    }

    async fn exchange(&self, request: Request, host: &str) -> Result<Answer, TransportError> {
        let (sent, started) = (Timestamp::now(), Instant::now());
        let mut outgoing = reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        let mut incoming = self.client.execute(outgoing).await.map_err(|error| failure(host, error))?;
        self.skew.learn(incoming.headers(), sent, started.elapsed());
        let too_large = || TransportError::BodyTooLarge { host: host.to_owned() };
        if incoming.content_length().is_some_and(|length| length > MAX_BODY as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = incoming.chunk().await.map_err(|error| cut(host, error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(incoming.headers_mut());
        Ok(Answer { status: incoming.status(), headers, body: body.freeze() })
    }
}

fn failure(host: &str, error: reqwest::Error) -> TransportError {
    if let Some(refusal) = refusal(&error) {
        return TransportError::NotAllowed(refusal);
    }
    if error.is_connect() || error.is_builder() {
        let source = Box::new(error.without_url());
        return TransportError::NotSent { host: host.to_owned(), source };
    }
    cut(host, error)
}

fn cut(host: &str, error: reqwest::Error) -> TransportError {
    TransportError::Cut { host: host.to_owned(), source: Box::new(error.without_url()) }
}

/// The cause at the bottom, which names the certificate or the address; what lies above only repeats it.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    std::iter::successors(Some(error), |&error| error.source()).last().unwrap_or(error)
}

/// The resolver's refusal, if that is at the bottom of a connection's failure.
fn refusal(error: &reqwest::Error) -> Option<EndpointError> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&error| error.source())
        .find_map(|error| error.downcast_ref::<EndpointError>())
        .filter(|error| matches!(error, EndpointError::Address { .. }))
        .cloned()
}

#[cfg(test)]
mod tests;
