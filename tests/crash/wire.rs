//! The operator's two ways out, to the API server and to the vendor, without sockets and with faults.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use iot_product_operator::http::carrier::{Carried, Carrier, CarryError, Network};
use iot_product_operator::http::transport::{BuildError, Options, Request as VendorRequest};
use iot_simulator::InProcess;
use iot_test_apiserver::{ApiServer, Body, BoxError};
use serde_json::json;
use tokio::time::sleep;

use crate::fault::Fault;
use crate::gate::{Gate, Side};

/// The operator's clients wait so long for an answer of the API server.
const API_TIMEOUT: Duration = Duration::from_secs(30);
/// How late a second delivery is.
const AGAIN: Duration = Duration::from_secs(2);
/// How far watches and lists lag, and for how long.
const LAG: Duration = Duration::from_secs(20);
const LAGS_FOR: Duration = Duration::from_secs(30);

fn broken(kind: ErrorKind) -> BoxError {
    Box::new(Error::from(kind))
}

/// A client of the API server whose every request passes the gate.
pub(crate) fn client(server: ApiServer, gate: Gate) -> kube::Client {
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (server, gate) = (server.clone(), gate.clone());
        async move {
            let (head, body) = request.into_parts();
            let request = Request::from_parts(head, body.collect().await?.to_bytes());
            ask(server, gate, request).await
        }
    });
    kube::Client::new(service, "default")
}

async fn ask(server: ApiServer, gate: Gate, request: Request<Bytes>) -> Result<Response<Body>, BoxError> {
    let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let target =
        target.replace("/apis/iot-products.io/v1alpha1/namespaces", "").replace("/api/v1/namespaces", "");
    let what = format!("{} {target}", request.method());
    let Some(fault) = gate.pass(Side::Api, what).await else {
        return Ok(server.answer(request));
    };
    match fault {
        Fault::Refused | Fault::CutBefore => return Err(broken(ErrorKind::ConnectionReset)),
        Fault::TimeoutBefore => {
            sleep(API_TIMEOUT).await;
            return Err(broken(ErrorKind::TimedOut));
        }
        Fault::Error(code) => return Ok(refusal(code.parse().unwrap_or(500))),
        Fault::StatusBefore(code) => return Ok(refusal(code)),
        Fault::Conflict => touch(&server, &request),
        Fault::Expired => server.forget_changes(),
        Fault::Stale => lag_watches(&server),
        Fault::Twice => {
            let (server, again) = (server.clone(), request.clone());
            if *again.method() != Method::GET {
                tokio::spawn(async move {
                    sleep(AGAIN).await;
                    drop(server.answer(again));
                });
            }
        }
        _ => {}
    }
    let answer = server.answer(request);
    match fault {
        Fault::DieAfter => gate.die().await,
        Fault::DieAnswered => {
            gate.doom();
            Ok(answer)
        }
        Fault::CutAfter => Err(broken(ErrorKind::ConnectionReset)),
        Fault::TimeoutAfter => {
            sleep(API_TIMEOUT).await;
            Err(broken(ErrorKind::TimedOut))
        }
        Fault::StatusAfter(code) => Ok(refusal(code)),
        Fault::Garbage(_) => {
            let page = Full::new(Bytes::from_static(b"<html>proxy</html>"));
            Ok(answer.map(|_| page.map_err(|never| match never {}).boxed_unsync()))
        }
        _ => Ok(answer),
    }
}

fn lag_watches(server: &ApiServer) {
    server.set_watch_lag(LAG);
    let server = server.clone();
    tokio::spawn(async move {
        sleep(LAGS_FOR).await;
        server.set_watch_lag(Duration::ZERO);
    });
}

/// Another writer changes the object that the request is about.
fn touch(server: &ApiServer, request: &Request<Bytes>) {
    let target = request.uri().path().trim_end_matches("/status").to_owned();
    let patch = json!({"metadata": {"labels": {"touched": format!("v{}", server.version())}}}).to_string();
    let patch = Request::builder()
        .method(Method::PATCH)
        .uri(target)
        .header("content-type", "application/merge-patch+json")
        .body(Bytes::from(patch));
    if let Ok(patch) = patch {
        drop(server.answer(patch));
    }
}

fn refusal(code: u16) -> Response<Body> {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the simulation was told to answer so", "reason": reason, "code": code});
    let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

/// The way to the vendors.
#[derive(Clone)]
pub(crate) struct Vendors {
    pub(crate) simulator: InProcess,
    pub(crate) gate: Gate,
}

impl Network for Vendors {
    fn open(&self, _options: &Options) -> Result<Box<dyn Carrier>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl Carrier for Vendors {
    fn carry(&self, request: VendorRequest) -> BoxFuture<'_, Result<Carried, CarryError>> {
        Box::pin(async move {
            let request = incoming(request);
            let fault = self.gate.pass(Side::Vendor, action(&request)).await;
            let answer = self.call(request, fault).await?;
            Ok(answer.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
        })
    }
}

impl Vendors {
    async fn call(
        &self,
        request: Request<Bytes>,
        fault: Option<Fault>,
    ) -> Result<Response<Bytes>, CarryError> {
        let Some(fault) = fault else {
            return self.ask(request, None).await;
        };
        match fault {
            Fault::Refused => return Err(CarryError::NotSent(broken(ErrorKind::ConnectionRefused))),
            Fault::Lag => self.lag_lists(),
            Fault::Twice => {
                let (simulator, again) = (self.simulator.clone(), copy(&request));
                tokio::spawn(async move {
                    sleep(AGAIN).await;
                    let _ = simulator.call(again, None).await;
                });
            }
            _ => {}
        }
        let answer = self.ask(request, Some(fault)).await;
        match fault {
            Fault::DieAfter => self.gate.die().await,
            Fault::DieAnswered => self.gate.doom(),
            _ => {}
        }
        answer
    }

    async fn ask(
        &self,
        request: Request<Bytes>,
        fault: Option<Fault>,
    ) -> Result<Response<Bytes>, CarryError> {
        let answer = self.simulator.call(request, fault.and_then(Fault::rule)).await;
        answer.map_err(|cut| CarryError::Cut(Box::new(cut)))
    }

    fn lag_lists(&self) {
        let lag = u64::try_from(LAG.as_millis()).unwrap_or_default();
        let admin = self.simulator.admin();
        admin.edit_settings(|settings| settings.list_lag_ms = lag);
        tokio::spawn(async move {
            sleep(LAGS_FOR).await;
            admin.edit_settings(|settings| settings.list_lag_ms = 0);
        });
    }
}

fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    request.clone()
}

/// The request as the vendor's server reads it off the wire.
fn incoming(request: VendorRequest) -> Request<Bytes> {
    let VendorRequest { method, url, headers, body } = request;
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let length = body.len();
    let mut incoming = Request::new(body);
    *incoming.method_mut() = method;
    *incoming.headers_mut() = headers;
    *incoming.uri_mut() = target.parse().unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    if let Ok(host) = HeaderValue::from_str(&host) {
        incoming.headers_mut().insert(HOST, host);
    }
    incoming.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    incoming
}

/// What a request asks for, for the list of steps.
fn action(request: &Request<Bytes>) -> String {
    for header in ["x-tc-action", "x-acs-action"] {
        if let Some(action) = request.headers().get(header).and_then(|value| value.to_str().ok()) {
            return action.to_owned();
        }
    }
    let body = String::from_utf8_lossy(request.body());
    let parameters = body.split('&').chain(request.uri().query().unwrap_or_default().split('&'));
    let named = parameters.into_iter().find_map(|pair| pair.strip_prefix("Action=").map(str::to_owned));
    named.unwrap_or_else(|| format!("{} {}", request.method(), request.uri().path()))
}
