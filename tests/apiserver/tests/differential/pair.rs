//! The two servers and how their answers are compared.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use iot_test_apiserver::{ApiServer, kinds};
use kube::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::random::{OLD_VERSION, Request, UID, VERSION};

/// Turns of 50 ms: the real collector looks for new kinds every half minute, and longer on a busy machine.
const PATIENCE: u32 = 3600;

/// An object as one server last showed it.
#[derive(Debug, Default, Clone)]
struct Seen {
    uid: String,
    version: String,
    older: String,
}

/// What one server's answers have told so far.
#[derive(Default)]
struct View(HashMap<String, Seen>);

impl View {
    /// Puts the values of this server in the place of the words.
    fn say(&self, request: &Request) -> String {
        let seen = self.0.get(&request.object).cloned().unwrap_or_default();
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        request
            .body
            .to_string()
            .replace(OLD_VERSION, &or(&seen.older, "1"))
            .replace(VERSION, &or(&seen.version, "1"))
            .replace(UID, &or(&seen.uid, "11111111-0000-4000-8000-000000000000"))
    }

    /// Learns from an answer; tells whether it shows another version than the one before.
    fn learn(&mut self, object: &str, answer: &Value) -> bool {
        let text = |member: &str| answer["metadata"][member].as_str().unwrap_or_default().to_owned();
        let (uid, version) = (text("uid"), text("resourceVersion"));
        if uid.is_empty() {
            return false;
        }
        let seen = self.0.entry(object.to_owned()).or_default();
        if seen.version == version {
            return false;
        }
        seen.older = std::mem::replace(&mut seen.version, version);
        seen.uid = uid;
        true
    }
}

/// The two servers.
pub(crate) struct Pair {
    real: Client,
    simulated: ApiServer,
    views: [View; 2],
    namespace: String,
    begin: [String; 2],
}

fn plain(method: &'static str, path: &str, body: &Value) -> Request {
    let content = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    Request { method, path: path.to_owned(), object: path.to_owned(), content, body: body.clone() }
}

fn http(request: &Request) -> http::request::Builder {
    http::Request::builder().method(request.method).uri(&request.path).header("content-type", request.content)
}

impl Pair {
    pub(crate) async fn new(real: Client, definitions: &Path, namespace: &str) -> Self {
        let text = |name: &str| std::fs::read_to_string(definitions.join(name)).expect("a definition");
        let texts = ["iotproducts.yaml", "iotaccounts.yaml", "clusteriotaccounts.yaml"].map(text);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let simulated = ApiServer::new(kinds(&texts), jiff::Timestamp::now());
        let mut pair = Self {
            real,
            simulated,
            views: Default::default(),
            namespace: namespace.to_owned(),
            begin: Default::default(),
        };
        let create = plain("POST", "/api/v1/namespaces", &json!({"metadata": {"name": namespace}}));
        assert_eq!(pair.simulated(&create).await.0, 201);
        let list = plain("GET", &pair.products(), &Value::Null);
        let version =
            |answer: (u16, Value)| answer.1["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        pair.begin = [version(pair.real(&list).await), version(pair.simulated(&list).await)];
        pair
    }

    fn products(&self) -> String {
        format!("/apis/iot-products.io/v1alpha1/namespaces/{}/iotproducts", self.namespace)
    }

    async fn real(&self, request: &Request) -> (u16, Value) {
        let body = self.views[0].say(request);
        let sent = http(request).body(kube::client::Body::from(body.into_bytes())).unwrap();
        let answer = self.real.send(sent).await.expect("an answer of the API server");
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, read(&bytes))
    }

    async fn simulated(&self, request: &Request) -> (u16, Value) {
        let body = self.views[1].say(request);
        let answer = self.simulated.answer(http(request).body(Bytes::from(body)).unwrap());
        let status = answer.status().as_u16();
        (status, read(&answer.into_body().collect().await.expect("a body").to_bytes()))
    }

    /// The same request to both.
    pub(crate) async fn compare(&mut self, request: &Request) {
        let (real, simulated) = (self.real(request).await, self.simulated(request).await);
        let news = [
            self.views[0].learn(&request.object, &real.1),
            self.views[1].learn(&request.object, &simulated.1),
        ];
        let same = real.0 == simulated.0 && normal(&real.1) == normal(&simulated.1) && news[0] == news[1];
        assert!(
            same,
            "{request:#?}\nreal {} {:#}, new version: {}\nsimulated {} {:#}, new version: {}",
            real.0,
            normal(&real.1),
            news[0],
            simulated.0,
            normal(&simulated.1),
            news[1]
        );
        if request.method == "DELETE" && request.body["propagationPolicy"].is_string() {
            self.collected(request).await;
        }
    }

    /// Waits until the garbage collectors of both are done with an object.
    async fn collected(&mut self, request: &Request) {
        let look = plain("GET", &request.object, &Value::Null);
        for turn in 0.. {
            assert!(turn < PATIENCE, "the garbage collector does not come");
            let answers = [self.real(&look).await.1, self.simulated(&look).await.1];
            let waits = |answer: &Value| {
                let finalizers = answer["metadata"]["finalizers"].to_string();
                finalizers.contains("foregroundDeletion") || finalizers.contains("orphan")
            };
            if !answers.iter().any(waits) {
                self.views[0].learn(&request.object, &answers[0]);
                self.views[1].learn(&request.object, &answers[1]);
                assert_eq!(normal(&answers[0]), normal(&answers[1]));
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What watches tell of everything so far; returns how many events.
    pub(crate) async fn compare_watches(&self) -> usize {
        let watch = |since: &str| {
            let path = format!("{}?watch=true&timeoutSeconds=2&resourceVersion={since}", self.products());
            plain("GET", &path, &Value::Null)
        };
        let real = normal(&self.real(&watch(&self.begin[0])).await.1);
        let simulated = normal(&self.simulated(&watch(&self.begin[1])).await.1);
        let (real, simulated) = (real.as_array().unwrap(), simulated.as_array().unwrap());
        for (number, (real, simulated)) in real.iter().zip(simulated).enumerate() {
            assert_eq!(real, simulated, "event {number}");
        }
        assert_eq!(real.len(), simulated.len());
        real.len()
    }

    /// The namespace ends in both: nothing new is taken, what is held is waited for, then everything is gone.
    pub(crate) async fn compare_end(&mut self) {
        let held = json!({"apiVersion": "iot-products.io/v1alpha1", "kind": "IotProduct",
            "metadata": {"name": "held", "finalizers": ["test.io/held"]},
            "spec": {"vendor": "TencentCloudLegacy", "name": "meter"}});
        let path = self.products();
        self.compare(&plain("POST", &path, &held)).await;
        let namespace = format!("/api/v1/namespaces/{}", self.namespace);
        self.compare(&plain("DELETE", &namespace, &json!({}))).await;
        self.compare(&plain("POST", &path, &held)).await;
        let other = json!({"metadata": {"name": "late"}, "stringData": {"a": "b"}});
        self.compare(&plain("POST", &format!("{namespace}/secrets"), &other)).await;
        let list = plain("GET", &path, &Value::Null);
        let both = async |request: &Request| [self.real(request).await, self.simulated(request).await];
        let ending = |answer: &(u16, Value)| {
            let items = answer.1["items"].as_array().expect("a list");
            items.iter().all(|item| !item["metadata"]["deletionTimestamp"].is_null())
        };
        for turn in 0.. {
            assert!(turn < PATIENCE, "the objects of a namespace that ends are not deleted");
            let answers = both(&list).await;
            if answers.iter().all(ending) {
                assert_eq!(normal(&answers[0].1), normal(&answers[1].1));
                for item in answers[0].1["items"].as_array().unwrap() {
                    let path = format!("{path}/{}", item["metadata"]["name"].as_str().unwrap());
                    both(&plain("PATCH", &path, &json!({"metadata": {"finalizers": null}}))).await;
                }
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        let secrets = plain("GET", &format!("{namespace}/secrets"), &Value::Null);
        for item in both(&secrets).await[0].1["items"].as_array().cloned().unwrap_or_default() {
            let path = format!("{namespace}/secrets/{}", item["metadata"]["name"].as_str().unwrap());
            both(&plain("PATCH", &path, &json!({"metadata": {"finalizers": null}}))).await;
        }
        let look = plain("GET", &namespace, &Value::Null);
        for turn in 0.. {
            assert!(turn < PATIENCE, "the namespace does not go");
            let answers = both(&look).await;
            if answers.iter().all(|answer| answer.0 == 404) {
                assert_eq!(normal(&answers[0].1), normal(&answers[1].1));
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}

/// One JSON document, or the lines of a watch.
fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Value::Array(lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect())
    })
}

/// An answer without what the two cannot have in common: UIDs, versions, times, who wrote which field, and the
/// wording of a refusal beyond its reason.
fn normal(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Value::Array(lines) = &answer {
        return lines.iter().map(normal).collect();
    }
    if answer.get("type").is_some() && answer.get("object").is_some() {
        answer["object"] = normal(&answer["object"]);
        return answer;
    }
    if answer["kind"] == "Status" {
        return json!({"status": answer["status"], "reason": answer["reason"], "code": answer["code"],
            "name": answer["details"]["name"]});
    }
    if answer["kind"] == "Namespace" {
        // Controllers tell in its status how far they are.
        return json!({"phase": answer["status"]["phase"], "finalizers": answer["spec"]["finalizers"]});
    }
    if let Some(items) = answer.get_mut("items").and_then(Value::as_array_mut) {
        for item in items.iter_mut() {
            *item = normal(item);
        }
        items.retain(|item| item["metadata"]["name"] != "kube-root-ca.crt");
    }
    for varying in ["uid", "resourceVersion", "managedFields", "continue"] {
        if let Some(metadata) = answer.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove(varying);
        }
    }
    for time in ["creationTimestamp", "deletionTimestamp"] {
        if answer["metadata"].get(time).is_some_and(|time| !time.is_null()) {
            answer["metadata"][time] = json!("some time");
        }
    }
    answer
}
