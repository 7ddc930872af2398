//! What is kept in Git: key, accounts and products at the simulated vendor; and the operator that keeps it.

use std::path::Path;

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::lab::{Kind, Lab, text};

const CONTRACT: &str = include_str!("../manifests/contract/tencent.yaml");

/// The vendor's account.
pub(crate) const ACCOUNT: &str = "default";
pub(crate) const CREATE: &str = "CreateProduct";
pub(crate) const DELETE: &str = "DeleteProduct";
pub(crate) const LIST: &str = "DescribeProducts";
pub(crate) const REGISTRATION: &str = "UpdateProductDynamicRegister";

/// Secret, account and product of the contract in a namespace, at the lab's simulator.
pub(crate) fn contract(lab: &Lab, namespace: &str) -> [Value; 3] {
    let mut objects: Vec<Value> = serde_yaml_ng::Deserializer::from_str(CONTRACT)
        .map(|document| Value::deserialize(document).expect("a manifest"))
        .collect();
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(namespace);
    }
    objects[1]["spec"]["endpoint"] = json!(lab.endpoint());
    objects.try_into().expect("Secret, IotAccount, IotProduct")
}

/// The account for the whole cluster that namespace's products may use.
pub(crate) fn cluster_account(account: &Value) -> Value {
    let namespace = text(account, "/metadata/namespace");
    let mut spec = account["spec"].clone();
    spec["credentials"]["secretRef"]["namespace"] = json!(namespace);
    spec["allowedNamespaces"] = json!({"names": [namespace]});
    json!({"apiVersion": account["apiVersion"], "kind": "ClusterIotAccount",
        "metadata": {"name": "tencent-for-all"}, "spec": spec})
}

/// The product under another name, in Kubernetes and at the vendor.
pub(crate) fn named(product: &Value, name: &str) -> Value {
    let mut product = product.clone();
    product["metadata"]["name"] = json!(name);
    product["spec"]["name"] = json!(name);
    product
}

/// In a later wave than what products need.
pub(crate) fn second_wave(product: &Value) -> Value {
    let mut product = product.clone();
    product["metadata"]["annotations"] = json!({"argocd.argoproj.io/sync-wave": "1"});
    product
}

/// The product with another limit of registrations.
pub(crate) fn limited(product: &Value, limit: u64) -> Value {
    let mut product = product.clone();
    product["spec"]["dynamicRegistration"]["limit"] = json!(limit);
    product
}

impl Lab {
    /// Starts the operator, with the rights and the arguments of the chart that is in the cluster where there
    /// is one, and as an admin otherwise.
    pub(crate) async fn start_operator(&self) {
        const METRICS: &str = "127.0.0.1:8070";
        const HEALTH: &str = "127.0.0.1:8071";
        const NAMESPACE: &str = "iot-operator";
        let mut arguments = vec!["run".to_owned(), "--allowed-endpoints=127.0.0.1:*".to_owned()];
        arguments.extend(["--allow-plain-http", "--owner-id=gitops"].map(str::to_owned));
        let mut kubeconfig = self.admin_kubeconfig();
        if let Some(deployment) = self.get(Kind::Deployment, NAMESPACE, "iot-operator").await {
            let container = &deployment["spec"]["template"]["spec"]["containers"][0];
            let given = container["args"].as_array().expect("arguments").iter();
            arguments = given.map(|one| one.as_str().expect("a text").to_owned()).collect();
            kubeconfig = self.kubeconfig_of(NAMESPACE, "iot-operator");
        }
        // These are the pod's.
        let ours = ["--metrics-addr=", "--health-addr=", "--lease-namespace="];
        arguments.retain(|one| !ours.iter().any(|flag| one.starts_with(flag)));
        arguments.extend([
            format!("--metrics-addr={METRICS}"),
            format!("--health-addr={HEALTH}"),
            format!("--lease-namespace={NAMESPACE}"),
            format!("--kubeconfig={}", kubeconfig.display()),
        ]);
        self.run("iot-operator", Path::new(env!("CARGO_BIN_EXE_iot-operator")), &arguments, &[]);
        self.healthy("iot-operator", HEALTH, "/readyz").await;
    }

    /// How many vendor calls of an action had their effect.
    pub(crate) fn applied(&self, action: &str) -> usize {
        self.vendor().calls().iter().filter(|call| call.action == action && call.applied).count()
    }

    /// The vendor's limit of registrations of a product, by its name.
    pub(crate) fn limit_at_vendor(&self, name: &str) -> Option<u64> {
        let products = self.tencent().products_named(ACCOUNT, name).expect("the vendor's products");
        products.first().map(|product| product.register_limit)
    }
}
