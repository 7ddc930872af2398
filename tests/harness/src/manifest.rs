//! The manifests that users are promised to work, moved into a test's namespace and to its simulator.

use serde::Deserialize as _;
use serde_json::{Value, json};

const TENCENT: &str = include_str!("../../manifests/contract/tencent.yaml");
const LEGACY: &str = include_str!("../../manifests/contract/tencent-legacy.yaml");
const ALIBABA: &str = include_str!("../../manifests/contract/alibaba.yaml");
const HUAWEI: &str = include_str!("../../manifests/contract/huawei.yaml");

/// Name of the product in the manifest, in Kubernetes and at the vendor.
pub const THERMOSTAT: &str = "thermostat";
/// Name of the Secret that it gets.
pub const CREDENTIALS: &str = "thermostat-credentials";
/// Name of the account.
pub const TENCENT_ACCOUNT: &str = "tencent";
/// Name of the Secret with the account's key.
pub const KEY: &str = "tencent-key";

/// The three objects of a file of the contract.
#[derive(Clone)]
pub struct Contract {
    /// The Secret with the account's key.
    pub key: Value,
    /// The account.
    pub account: Value,
    /// The product.
    pub product: Value,
}

impl Contract {
    /// As written, but for the namespace and the endpoint.
    pub fn tencent(namespace: &str, endpoint: &str) -> Self {
        Self::read(TENCENT, namespace, endpoint)
    }

    /// `contract/alibaba.yaml`, the same way.
    pub fn alibaba(namespace: &str, endpoint: &str) -> Self {
        Self::read(ALIBABA, namespace, endpoint)
    }

    /// `contract/tencent-legacy.yaml`, the same way; it uses the key of `contract/tencent.yaml`.
    pub fn legacy(namespace: &str, endpoint: &str) -> Self {
        let Self { key, .. } = Self::tencent(namespace, endpoint);
        Self::read(&format!("{key}\n---\n{LEGACY}"), namespace, endpoint)
    }

    /// `contract/huawei.yaml`, the same way.
    pub fn huawei(namespace: &str, endpoint: &str) -> Self {
        Self::read(HUAWEI, namespace, endpoint)
    }

    fn read(file: &str, namespace: &str, endpoint: &str) -> Self {
        let mut objects = serde_yaml_ng::Deserializer::from_str(file).map(|document| {
            let mut object = Value::deserialize(document).expect("a manifest");
            object["metadata"]["namespace"] = json!(namespace);
            object
        });
        let mut next = || objects.next().expect("Secret, IotAccount, IotProduct");
        let (key, mut account, product) = (next(), next(), next());
        account["spec"]["endpoint"] = json!(endpoint);
        Self { key, account, product }
    }

    /// One file for kubectl.
    pub fn yaml(&self) -> String {
        [&self.key, &self.account, &self.product].map(|object| format!("---\n{object}\n")).concat()
    }
}

/// The product under another name, in Kubernetes and at the vendor.
pub fn named(product: &Value, name: &str) -> Value {
    let mut product = product.clone();
    product["metadata"]["name"] = json!(name);
    product["spec"]["name"] = json!(name);
    product
}

/// The same, with a name at the vendor that every vendor takes.
pub fn named_anywhere(product: &Value, name: &str) -> Value {
    let mut product = named(product, name);
    product["spec"]["name"] = json!(name.replace('-', "_"));
    product
}
