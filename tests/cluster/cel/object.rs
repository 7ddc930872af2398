//! One object on the API server, untyped: tests write what the types would not let them.

use std::time::Duration;

use iot_product_operator::api::{GROUP, VERSION};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::runtime::wait::{await_condition, conditions};
use serde_json::{Value, json};

/// Applies one definition and waits until it is served.
pub(super) async fn establish(client: &Client, definition: &CustomResourceDefinition) -> Result<(), String> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = definition.metadata.name.clone().unwrap_or_default();
    let params = PatchParams::apply("cel-tests").force();
    api.patch(&name, &params, &Patch::Apply(definition)).await.map_err(|error| format!("{name}: {error}"))?;
    let established = await_condition(api, &name, conditions::is_crd_established());
    let established = tokio::time::timeout(Duration::from_secs(30), established).await;
    established.map_err(|_| format!("{name} is not served"))?.map_err(|error| error.to_string())?;
    Ok(())
}

pub(super) struct Object {
    api: Api<DynamicObject>,
    manifest: DynamicObject,
}

impl Object {
    pub(super) fn new(client: &Client, namespace: &str, kind: &str, name: &str, spec: &Value) -> Self {
        let metadata = json!({"name": name});
        Self::of_manifest(client, namespace, json!({"kind": kind, "metadata": metadata, "spec": spec}))
    }

    /// The object that a manifest describes, in this namespace whatever it says.
    pub(super) fn of_manifest(client: &Client, namespace: &str, manifest: Value) -> Self {
        Self::in_group(client, namespace, GROUP, manifest)
    }

    pub(super) fn in_group(client: &Client, namespace: &str, group: &str, mut manifest: Value) -> Self {
        let kind = manifest["kind"].as_str().expect("a manifest has a kind").to_owned();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, VERSION, &kind));
        let namespaced = kind != "ClusterIotAccount";
        manifest["apiVersion"] = json!(format!("{group}/{VERSION}"));
        let metadata = manifest["metadata"].as_object_mut().expect("a manifest has metadata");
        metadata.remove("namespace");
        if namespaced {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        let api = if namespaced {
            Api::namespaced_with(client.clone(), namespace, &resource)
        } else {
            Api::all_with(client.clone(), &resource)
        };
        Self { api, manifest: serde_json::from_value(manifest).expect("a manifest is an object") }
    }

    pub(super) fn name(&self) -> &str {
        self.manifest.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whether the server would create it.
    pub(super) async fn try_create(&self) -> Result<(), String> {
        let params = PostParams { dry_run: true, field_manager: None };
        self.api.create(&params, &self.manifest).await.map(drop).map_err(text)
    }

    pub(super) async fn create(&self) -> Result<Value, String> {
        let created = self.api.create(&PostParams::default(), &self.manifest).await.map_err(text)?;
        serde_json::to_value(created).map_err(|error| error.to_string())
    }

    /// Whether the server would take the change of the spec.
    pub(super) async fn try_spec(&self, patch: &Value) -> Result<(), String> {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": patch}));
        self.api.patch(self.name(), &params, &patch).await.map(drop).map_err(text)
    }

    pub(super) async fn merge(&self, patch: &Value) -> Result<(), String> {
        self.api
            .patch(self.name(), &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map(drop)
            .map_err(text)
    }

    pub(super) async fn status(&self, patch: &Value) -> Result<(), String> {
        let patch = Patch::Merge(json!({"status": patch}));
        self.api
            .patch_status(self.name(), &PatchParams::default(), &patch)
            .await
            .map(drop)
            .map_err(|error| format!("status of {}: {}", self.name(), text(error)))
    }

    /// A status patch passes, a finalizer can be set and taken off.
    pub(super) async fn is_writable(&self) -> Result<(), String> {
        self.status(&json!({"endpoint": "mqtt.example.com"})).await?;
        for finalizers in [json!(["iot-products.io/product"]), Value::Null] {
            let patch = json!({"metadata": {"finalizers": finalizers}});
            self.merge(&patch).await.map_err(|error| format!("finalizers of {}: {error}", self.name()))?;
        }
        Ok(())
    }

    pub(super) async fn delete(&self) -> Result<(), String> {
        self.api.delete(self.name(), &DeleteParams::default()).await.map(drop).map_err(text)
    }
}

fn text(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// JSON merge patch (RFC 7386).
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        if change.is_null() {
            target.as_object_mut().map(|entries| entries.remove(key));
        } else {
            merge(&mut target[key], change);
        }
    }
}

/// `@n` stands for n letters, `@Han n` for n Chinese characters, `@ntags` for n tags.
pub(super) fn expand(value: &Value) -> Value {
    match value {
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), expand(value))).collect(),
        Value::Array(items) => items.iter().map(expand).collect(),
        Value::String(text) => match text.strip_prefix('@') {
            None => value.clone(),
            Some(short) => long(short),
        },
        _ => value.clone(),
    }
}

fn long(short: &str) -> Value {
    let number = |text: &str| -> usize { text.parse().expect("a number follows @") };
    if let Some(count) = short.strip_prefix("Han") {
        return json!("路".repeat(number(count)));
    }
    match short.strip_suffix("tags") {
        Some(count) => (0..number(count)).map(|n| (format!("k{n}"), json!("v"))).collect(),
        None => json!("x".repeat(number(short))),
    }
}

/// `a.b` and a value as nested objects.
pub(super) fn nested(path: &str, value: &Value) -> Value {
    path.rsplit('.').fold(value.clone(), |inner, step| json!({step: inner}))
}
