//! Another namespace of the same cluster.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::object::{Kind, Object};
use crate::world::{PATIENCE, World, until};

/// Another namespace.
pub(crate) struct Elsewhere<'a> {
    world: &'a World,
    name: String,
}

impl World {
    /// A new namespace beside the test's.
    pub(crate) async fn elsewhere(&self, prefix: &str) -> Elsewhere<'_> {
        let namespace = self.plane().namespace(prefix).await.expect("a namespace");
        Elsewhere { world: self, name: namespace.name().to_owned() }
    }
}

impl Elsewhere<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.world.client(), &self.name, &kind.resource())
    }

    /// Applies a manifest of another namespace here.
    pub(crate) async fn apply(&self, manifest: &Value) {
        let mut manifest = manifest.clone();
        manifest["metadata"]["namespace"] = json!(self.name);
        let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
        let params = PatchParams::apply("test").force();
        let applied = self.api(Kind::of(&manifest)).patch(&name, &params, &Patch::Apply(&manifest)).await;
        applied.unwrap_or_else(|error| panic!("apply {name}: {error}"));
    }

    pub(crate) async fn delete(&self, kind: Kind, name: &str) {
        let deleted = self.api(kind).delete(name, &DeleteParams::default()).await;
        deleted.unwrap_or_else(|error| panic!("delete {kind:?} {name}: {error}"));
    }

    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Option<Object> {
        let found = self.api(kind).get_opt(name).await.expect("a look");
        found.map(|object| Object(serde_json::to_value(object).expect("an object as JSON")))
    }

    pub(crate) async fn product_until(&self, name: &str, what: &str, is: impl Fn(&Object) -> bool) -> Object {
        until(&format!("{}/{name}: {what}", self.name), PATIENCE * 2, async || {
            match self.get(Kind::Product, name).await {
                Some(object) if is(&object) => Ok(object),
                Some(object) => Err(object.brief()),
                None => Err("it does not exist".to_owned()),
            }
        })
        .await
    }

    pub(crate) async fn reason(&self, name: &str, reason: &str) -> Object {
        let is = |object: &Object| object.is_current() && object.reason() == reason;
        self.product_until(name, &format!("reason {reason}"), is).await
    }

    pub(crate) async fn gone(&self, kind: Kind, name: &str, limit: Duration) {
        until(&format!("{kind:?} {}/{name} to be gone", self.name), limit, async || {
            self.get(kind, name).await.map_or(Ok(()), |object| Err(object.brief()))
        })
        .await;
    }
}
