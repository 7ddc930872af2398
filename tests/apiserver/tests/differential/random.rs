//! Random requests. What depends on a server's answers (UIDs, resource versions) is written as a word, which
//! each server's side replaces by its own value.

use serde_json::{Value, json};

/// The UID that the object was last seen with.
pub(crate) const UID: &str = "@uid";
/// The resource version that it was last seen with.
pub(crate) const VERSION: &str = "@version";
/// One that it had before.
pub(crate) const OLD_VERSION: &str = "@old-version";
/// No object's UID.
const WRONG_UID: &str = "00000000-0000-4000-8000-000000000000";

/// A request to both servers.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    /// What the words in it stand for is this object's.
    pub(crate) object: String,
    pub(crate) content: &'static str,
    pub(crate) body: Value,
}

/// A generator that gives the same requests for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }

    /// The next request in a namespace.
    pub(crate) fn request(&mut self, namespace: &str) -> Request {
        let name = self.one(&["a", "b", "c"]);
        let product = self.below(3) > 0;
        let plural = if product { "iotproducts" } else { "secrets" };
        let group = if product { "/apis/iot-products.io/v1alpha1" } else { "/api/v1" };
        let all = format!("{group}/namespaces/{namespace}/{plural}");
        let one = format!("{all}/{name}");
        let (method, path, content, body) = match self.below(12) {
            0..=2 => ("POST", all, "application/json", self.object(product, name)),
            3 => ("GET", one.clone(), "", Value::Null),
            4 | 5 => ("DELETE", one.clone(), "application/json", self.deletion()),
            6 => ("PUT", one.clone(), "application/json", self.replacement(product, name)),
            7 | 8 => ("PATCH", one.clone(), "application/json-patch+json", self.operations(false)),
            9 if product => {
                ("PATCH", format!("{one}/status"), "application/json-patch+json", self.operations(true))
            }
            10 if product => {
                ("PATCH", format!("{one}/status"), "application/merge-patch+json", self.status())
            }
            _ => ("PATCH", one.clone(), "application/merge-patch+json", self.merge(product)),
        };
        Request { method, path, object: one, content, body }
    }

    fn version(&mut self) -> Value {
        self.one(&[json!(VERSION), json!(VERSION), json!(OLD_VERSION)])
    }

    fn finalizers(&mut self) -> Value {
        self.one(&[json!([]), json!(["test.io/a"]), json!(["test.io/a", "test.io/b"]), Value::Null])
    }

    fn object(&mut self, product: bool, name: &str) -> Value {
        let mut metadata = json!({"name": name, "labels": {"n": self.below(3).to_string()}});
        if self.below(2) == 0 {
            metadata["finalizers"] = self.finalizers();
        }
        if product {
            json!({
                "apiVersion": "iot-products.io/v1alpha1", "kind": "IotProduct", "metadata": metadata,
                "spec": {"vendor": "TencentCloudLegacy", "name": "meter", "unknown": 1},
                "status": {"productId": "forged"},
            })
        } else {
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": metadata,
                "type": self.one(&["Opaque", "iot-products.io/product-credentials"]),
                "stringData": {"key": "value"}, "immutable": self.one(&[json!(null), json!(true)]),
            })
        }
    }

    fn replacement(&mut self, product: bool, name: &str) -> Value {
        let mut object = self.object(product, name);
        object["metadata"]["resourceVersion"] = self.version();
        if self.below(4) == 0 {
            object["metadata"]["uid"] = self.one(&[json!(UID), json!(WRONG_UID)]);
        }
        object
    }

    fn deletion(&mut self) -> Value {
        let preconditions = self.one(&[
            Value::Null,
            Value::Null,
            json!({"uid": UID}),
            json!({"uid": WRONG_UID}),
            json!({"resourceVersion": VERSION}),
            json!({"resourceVersion": OLD_VERSION}),
        ]);
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        options["propagationPolicy"] = self.one(&[json!("Background"), json!("Foreground"), json!("Orphan")]);
        if !preconditions.is_null() {
            options["preconditions"] = preconditions;
        }
        options
    }

    fn merge(&mut self, product: bool) -> Value {
        let mut patch = json!({"metadata": {}});
        match self.below(5) {
            0 => patch["metadata"]["labels"] = json!({"n": self.one(&[json!("0"), json!("1"), Value::Null])}),
            1 | 2 => patch["metadata"]["finalizers"] = self.finalizers(),
            3 if product => {
                patch["spec"] = json!({"suspend": self.one(&[json!(true), json!(false), Value::Null])});
            }
            _ if product => patch["status"] = json!({"productId": "through the wrong door"}),
            _ => {
                patch["data"] =
                    json!({"key": self.one(&[json!("dmFsdWU="), json!("b3RoZXI="), Value::Null])});
            }
        }
        if self.below(2) == 0 {
            patch["metadata"]["resourceVersion"] = self.version();
        }
        if self.below(6) == 0 {
            patch["metadata"]["uid"] = self.one(&[json!(UID), json!(WRONG_UID)]);
        }
        patch
    }

    fn operations(&mut self, status: bool) -> Value {
        let mut operations = vec![];
        if self.below(2) == 0 {
            let uid = self.one(&[UID, UID, WRONG_UID]);
            operations.push(json!({"op": "test", "path": "/metadata/uid", "value": uid}));
        }
        let all = if status {
            [
                json!({"op": "test", "path": "/status/productId", "value": null}),
                json!({"op": "add", "path": "/status/productId", "value": self.one(&["p1", "p2"])}),
                json!({"op": "remove", "path": "/status/productId"}),
                json!({"op": "replace", "path": "/status/productId", "value": "p3"}),
                json!({"op": "add", "path": "/status/creationAttempt", "value": self.below(3)}),
                json!({"op": "add", "path": "/metadata/labels/through", "value": "status"}),
            ]
        } else {
            [
                json!({"op": "test", "path": "/metadata/labels/n", "value": self.below(3).to_string()}),
                json!({"op": "add", "path": "/metadata/labels/m~1m", "value": self.below(2).to_string()}),
                json!({"op": "replace", "path": "/metadata/labels/m~1m", "value": "9"}),
                json!({"op": "remove", "path": "/metadata/labels/n"}),
                json!({"op": "add", "path": "/metadata/finalizers/-", "value": "test.io/c"}),
                json!({"op": "add", "path": "/metadata/annotations", "value": {"iot-products.io/creation": "x"}}),
            ]
        };
        for _ in 0..=self.below(2) {
            operations.push(self.one(&all));
        }
        Value::Array(operations)
    }

    fn status(&mut self) -> Value {
        let condition = json!({"type": "Ready", "status": self.one(&["True", "False"]), "reason": "Available",
            "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let mut patch = match self.below(4) {
            0 => json!({"status": {"conditions": [condition]}}),
            1 => json!({"status": {"productId": self.one(&[json!("p1"), Value::Null])}}),
            2 => json!({"status": {"unknown": 1, "observedGeneration": self.below(3)}}),
            _ => {
                json!({"metadata": {"labels": {"through": "status"}, "uid": WRONG_UID}, "spec": {"suspend": true}})
            }
        };
        if self.below(2) == 0 {
            patch["metadata"]["resourceVersion"] = self.version();
        }
        patch
    }
}
