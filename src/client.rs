//! Clients of the Kubernetes API server.
//!
//! kube's own ones retry every method fifteen times and wait for an answer without end. Here nothing is
//! sent twice behind the caller's back: the controller decides what is safe to repeat, and watches have
//! their own back-off. Every wait ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of the API server, and longest wait for it to take more of a request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The API server ends a watch after 290 s; one that is silent for longer is dead.
const WATCH_TIMEOUT: Duration = Duration::from_secs(330);

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
        None => Config::infer().await.map_err(|source| ClientError::Infer(Box::new(source)))?,
    };
    from_config(&config)
}

async fn read(path: &Path) -> Result<Config, KubeconfigError> {
    Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await
}

/// Clients for the cluster of `config`, whatever it says about retries and time-outs.
pub fn from_config(config: &Config) -> Result<Clients, ClientError> {
    let client = |read_timeout| {
        let url = config.cluster_url.to_string();
        Client::try_from(tuned(config.clone(), read_timeout))
            .map_err(|source| ClientError::Build { url, source: Box::new(source) })
    };
    Ok(Clients { api: client(TIMEOUT)?, watch: client(WATCH_TIMEOUT)? })
}

fn tuned(mut config: Config, read_timeout: Duration) -> Config {
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(read_timeout);
    config.write_timeout = Some(TIMEOUT);
    // Else the time that a pooled connection lay idle counts as silence.
    config.reset_reader_on_write = true;
    // Names us in audit logs and as the manager of the fields we write.
    let agent = HeaderValue::from_static(concat!("iot-operator/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    config
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

    /// An API server that is overloaded. Returns its address and the count of requests.
    async fn overloaded() -> (http::Uri, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                let answer = service_fn(move |request: Request<Incoming>| {
                    assert_eq!(request.version(), Version::HTTP_11);
                    assert!(request.headers()["user-agent"].as_bytes().starts_with(b"iot-operator/"));
                    count.fetch_add(1, Ordering::SeqCst);
                    let response = Response::builder()
                        .status(StatusCode::SERVICE_UNAVAILABLE)
                        .header("Retry-After", "0")
                        .body(Full::new(Bytes::from_static(b"{}")));
                    std::future::ready(Ok::<_, Infallible>(response.unwrap()))
                });
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), answer);
                tokio::spawn(serving);
            }
        });
        (url, requests)
    }

    #[tokio::test]
    async fn nothing_is_sent_twice() {
        let (url, requests) = overloaded().await;
        let clients = from_config(&Config::new(url)).unwrap();
        for (client, sent) in [(clients.api, 1), (clients.watch, 2)] {
            let maps: Api<ConfigMap> = Api::namespaced(client, "default");
            maps.get("x").await.unwrap_err();
            assert_eq!(requests.load(Ordering::SeqCst), sent);
        }
    }

    #[test]
    fn every_wait_ends() {
        let config = tuned(Config::new("http://127.0.0.1:1".parse().unwrap()), TIMEOUT);
        assert!(config.connect_timeout.is_some() && config.read_timeout.is_some());
        assert!(config.write_timeout.is_some() && config.reset_reader_on_write);
    }

    #[tokio::test]
    async fn a_missing_kubeconfig_is_named() {
        let error = connect(Some(Path::new("/nonexistent/kubeconfig"))).await.unwrap_err();
        assert!(error.to_string().contains("/nonexistent/kubeconfig"), "{error}");
    }
}
