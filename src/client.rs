//! Clients of the Kubernetes API server.
//!
//! kube's own ones retry every method fifteen times, wait for an answer without end, and let the kernel hold back
//! small packets, which costs a new connection 40 ms until the other side acknowledges (kube-rs, "Exposing/Optimizing
//! kube rs connection"). Here nothing is sent twice behind the caller's back: the controller decides what is safe
//! to repeat, and watches have their own back-off. Every wait ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Request;
use http::header::{HeaderValue, USER_AGENT};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};
use tracing::debug;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of the API server, and longest wait for it to take more of a request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The API server ends a watch after 290 s; one that is silent for longer is dead.
const WATCH_TIMEOUT: Duration = Duration::from_secs(330);

/// How long a connection lies idle before it is closed: longer than from one renewal of the lease to the next. A storm
/// of creations opens one for each visit, and 20 KiB each are much for a process that rests nearly always.
const IDLE: Duration = Duration::from_secs(12);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of `--kubeconfig` cannot be used.
    #[error("cannot use the kubeconfig {}", .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// There is neither a kubeconfig nor a service account.
    #[error("no cluster found: run in a pod with a service account, or give --kubeconfig")]
    Infer(#[source] Box<InferConfigError>),
    /// The kubeconfig asks for a proxy.
    #[error(
        "the kubeconfig reaches {url} through the proxy {proxy}, which is not supported; remove proxy-url and give an address that can be reached directly"
    )]
    Proxy {
        /// The API server.
        url: String,
        /// The proxy.
        proxy: String,
    },
    /// The configuration does not make a client.
    #[error("cannot make a client for {url}")]
    Build {
        /// The API server.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
}

/// The two ways to talk to the API server.
#[derive(Clone)]
pub struct Clients {
    /// For single requests.
    pub api: Client,
    /// For lists and watches of the controllers, which may be silent for minutes.
    pub watch: Client,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// Clients for the cluster of `kubeconfig`, else of `KUBECONFIG`, `~/.kube/config` or the pod.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Clients, ClientError> {
    let config = match kubeconfig {
        Some(path) => read(path)
            .await
            .map_err(|source| ClientError::Kubeconfig { path: path.to_owned(), source: Box::new(source) })?,
        None => infer().await.map_err(|source| ClientError::Infer(Box::new(source)))?,
    };
    from_config(&config)
}

async fn read(path: &Path) -> Result<Config, KubeconfigError> {
    of_file(Kubeconfig::read_from(path)?).await
}

/// A file that can be read, else what kube finds in a pod.
async fn infer() -> Result<Config, InferConfigError> {
    if let Ok(file) = Kubeconfig::read()
        && let Ok(config) = of_file(file).await
    {
        return Ok(config);
    }
    Config::infer().await
}

/// A cluster without `proxy-url` is given this one while the configuration is made.
const NO_PROXY: &str = "http://none.invalid";

/// The configuration of a kubeconfig. Where it names no proxy, kube would take one from `HTTPS_PROXY`. That variable is for
/// the calls to vendors: the API server is reached as the file says.
async fn of_file(mut file: Kubeconfig) -> Result<Config, KubeconfigError> {
    let names_none = |proxy: &Option<String>| proxy.as_ref().is_none_or(String::is_empty);
    for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        if names_none(&cluster.proxy_url) {
            cluster.proxy_url = Some(NO_PROXY.to_owned());
        }
    }
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    config.proxy_url.take_if(|proxy| proxy.host() == Some("none.invalid"));
    Ok(config)
}

/// Clients for the cluster of `config`, whatever it says about retries and time-outs.
pub fn from_config(config: &Config) -> Result<Clients, ClientError> {
    let url = config.cluster_url.to_string();
    if let Some(proxy) = &config.proxy_url {
        // Without what may be a password.
        let proxy = proxy.host().unwrap_or_default().to_owned();
        return Err(ClientError::Proxy { url, proxy });
    }
    let mut config = config.clone();
    // Names us in audit logs and as the manager of the fields we write.
    let agent = HeaderValue::from_static(concat!("iot-operator/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    let client = |read_timeout| {
        client(&config, read_timeout)
            .map_err(|source| ClientError::Build { url: url.clone(), source: Box::new(source) })
    };
    Ok(Clients { api: client(TIMEOUT)?, watch: client(WATCH_TIMEOUT)? })
}

/// One client with connections of its own.
fn client(config: &Config, read_timeout: Duration) -> kube::Result<Client> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_read_timeout(Some(read_timeout));
    connector.set_write_timeout(Some(TIMEOUT));
    // Else the time that a pooled connection lay idle counts as silence.
    connector.set_reset_reader_on_write(true);
    let connections = HttpClient::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_request(|request: Request<Body>| {
            debug!(method = %request.method(), uri = %request.uri(), "requesting");
            request
        })
        .map_err(BoxError::from)
        .service(connections);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Request, Response, StatusCode, Version};
    use http_body_util::Full;
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use tokio::net::TcpListener;

    use super::*;

    /// What an API server has seen.
    #[derive(Default)]
    struct Seen {
        requests: AtomicUsize,
        /// Connections that are open.
        open: AtomicUsize,
    }

    /// An API server that is overloaded.
    async fn overloaded() -> (http::Uri, Arc<Seen>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let seen = Arc::new(Seen::default());
        let count = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (count, connections) = (Arc::clone(&count), Arc::clone(&count));
                connections.open.fetch_add(1, Ordering::SeqCst);
                let answer = service_fn(move |request: Request<Incoming>| {
                    assert_eq!(request.version(), Version::HTTP_11);
                    assert!(request.headers()["user-agent"].as_bytes().starts_with(b"iot-operator/"));
                    count.requests.fetch_add(1, Ordering::SeqCst);
                    let response = Response::builder()
                        .status(StatusCode::SERVICE_UNAVAILABLE)
                        .header("Retry-After", "0")
                        .body(Full::new(Bytes::from_static(b"{}")));
                    std::future::ready(Ok::<_, Infallible>(response.unwrap()))
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), answer);
                tokio::spawn(async move {
                    let _ = serving.await;
                    connections.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        (url, seen)
    }

    #[tokio::test]
    async fn nothing_is_sent_twice() {
        let (url, seen) = overloaded().await;
        let clients = from_config(&Config::new(url)).unwrap();
        for (client, sent) in [(clients.api, 1), (clients.watch, 2)] {
            let maps: Api<ConfigMap> = Api::namespaced(client, "default");
            maps.get("x").await.unwrap_err();
            assert_eq!(seen.requests.load(Ordering::SeqCst), sent);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_wait_ends() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
        let clients = from_config(&Config::new(url)).unwrap();
        for (client, longest) in [(clients.api, TIMEOUT), (clients.watch, WATCH_TIMEOUT)] {
            let maps: Api<ConfigMap> = Api::namespaced(client, "default");
            let ended = tokio::time::timeout(longest + Duration::from_secs(1), maps.get("x")).await;
            ended.expect("an end").unwrap_err();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_lay_idle_is_as_good_as_new() {
        let (url, seen) = overloaded().await;
        let maps: Api<ConfigMap> = Api::namespaced(from_config(&Config::new(url)).unwrap().api, "default");
        for sent in 1..3 {
            let answer = maps.get("x").await.unwrap_err();
            assert!(matches!(answer, kube::Error::Api(_)), "{answer}");
            assert_eq!(seen.requests.load(Ordering::SeqCst), sent);
            tokio::time::advance(TIMEOUT * 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_lies_idle_is_closed() {
        let (url, seen) = overloaded().await;
        let maps: Api<ConfigMap> = Api::namespaced(from_config(&Config::new(url)).unwrap().api, "default");
        maps.get("x").await.unwrap_err();
        assert_eq!(seen.open.load(Ordering::SeqCst), 1);
        let closed = async {
            while seen.open.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(IDLE * 3, closed).await.expect("an end");
    }

    #[tokio::test]
    async fn a_proxy_is_refused_without_its_password() {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.proxy_url = Some("http://me:secret@proxy.example:3128".parse().unwrap());
        let error = from_config(&config).unwrap_err().to_string();
        assert!(error.contains("proxy.example") && error.contains("remove proxy-url"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let error = connect(Some(Path::new("/nonexistent/kubeconfig"))).await.unwrap_err();
        assert!(error.to_string().contains("/nonexistent/kubeconfig"), "{error}");
    }
}
