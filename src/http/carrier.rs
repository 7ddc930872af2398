//! How a request is carried to its host. What holds for every call, whatever carries it (allowed endpoints,
//! fence, deadline, limit of the body), is in [`super::transport`].

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;

use super::endpoint::{EndpointError, GuardedResolver};
use super::transport::{BuildError, Options, Request};

/// Bound of a connection attempt. Far below a call's deadline, so that an unreachable host ends as
/// "not sent" and not as "unclear".
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Shorter than the idle time-outs of the vendors' gateways: a request on a connection that the other
/// side has just closed would end as "unclear".
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// What goes wrong below HTTP.
pub type Fault = Box<dyn StdError + Send + Sync>;

/// The head of an answer, and its body as it arrives.
pub type Carried = Response<UnsyncBoxBody<Bytes, Fault>>;

/// Why no answer begins. No text in it may hold URL, header or body.
#[derive(Debug)]
pub enum CarryError {
    /// An address of the host is not allowed. Nothing was sent.
    NotAllowed(EndpointError),
    /// No connection. Nothing was sent.
    NotSent(Fault),
    /// It can have been sent.
    Cut(Fault),
}

/// The ways of one account to its vendor's hosts.
pub trait Carrier: Send + Sync {
    /// Sends once and returns as soon as the answer begins.
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Carried, CarryError>>;
}

/// Where the ways come from.
pub trait Network: Send + Sync {
    /// Sets up what connections need; connects with the first request.
    fn open(&self, options: &Options) -> Result<Box<dyn Carrier>, BuildError>;
}

/// TCP and TLS to the host of the URL. The process needs a default TLS provider by now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Internet;

impl Network for Internet {
    fn open(&self, options: &Options) -> Result<Box<dyn Carrier>, BuildError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("iot-product-operator/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .dns_resolver(GuardedResolver::new(Arc::clone(&options.endpoints)));
        if let Some(pem) = &options.ca_bundle {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| BuildError::CaBundle)?;
            if certificates.is_empty() {
                return Err(BuildError::CaBundle);
            }
            builder = builder.tls_certs_merge(certificates);
        } else {
            builder = builder.tls_backend_preconfigured(trusted()?);
        }
        let client = builder.build().map_err(|error| BuildError::Tls(Box::new(error)))?;
        Ok(Box::new(Wire(client)))
    }
}

/// TLS with hosts that the system's authorities vouch for. One for all accounts: 150 certificates are read once and
/// kept once.
fn trusted() -> Result<ClientConfig, BuildError> {
    static TRUSTED: OnceLock<ClientConfig> = OnceLock::new();
    if let Some(config) = TRUSTED.get() {
        return Ok(config.clone());
    }
    let mut config =
        ClientConfig::with_platform_verifier().map_err(|error| BuildError::Tls(Box::new(error)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TRUSTED.get_or_init(|| config).clone())
}

struct Wire(reqwest::Client);

impl Carrier for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Carried, CarryError>> {
        let mut outgoing = reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        Box::pin(async move {
            let incoming = self.0.execute(outgoing).await.map_err(failure)?;
            let incoming = Response::<reqwest::Body>::from(incoming);
            Ok(incoming
                .map(|body| body.map_err(|error| -> Fault { Box::new(error.without_url()) }).boxed_unsync()))
        })
    }
}

fn failure(error: reqwest::Error) -> CarryError {
    if let Some(refusal) = refusal(&error) {
        return CarryError::NotAllowed(refusal);
    }
    let unsent = error.is_connect() || error.is_builder();
    let source = Box::new(error.without_url());
    if unsent { CarryError::NotSent(source) } else { CarryError::Cut(source) }
}

/// The resolver's refusal, if that is at the bottom of a connection's failure.
fn refusal(error: &reqwest::Error) -> Option<EndpointError> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&error| error.source())
        .find_map(|error| error.downcast_ref::<EndpointError>())
        .filter(|error| matches!(error, EndpointError::Address { .. }))
        .cloned()
}
