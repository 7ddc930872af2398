//! A tenant: a user who may write `IotProduct`s and `IotAccount`s in one namespace, and nothing else. Secrets are put
//! there by the admin, as somebody does who hands out keys.

use std::collections::BTreeMap;

use iot_test_harness::{ControlPlane, Kind, Object, PATIENCE, until};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, DynamicObject, GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use crate::world::CHECK_NOW;

/// One tenant.
pub(crate) struct Tenant {
    namespace: String,
    own: Client,
    admin: Client,
}

/// The role and its binding.
fn rights(namespace: &str, user: &str) -> [Value; 2] {
    let rbac = "rbac.authorization.k8s.io";
    let verbs = ["create", "update", "patch", "delete", "get", "list", "watch"];
    [
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "Role",
            "metadata": {"name": "tenant", "namespace": namespace},
            "rules": [{
                "apiGroups": ["iot-products.io"], "resources": ["iotproducts", "iotaccounts"], "verbs": verbs,
            }],
        }),
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
            "metadata": {"name": "tenant", "namespace": namespace},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "tenant"},
            "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
        }),
    ]
}

impl Tenant {
    pub(crate) async fn new(plane: &ControlPlane, admin: &Client, prefix: &str) -> Self {
        let namespace = plane.namespace(prefix).await.expect("a namespace").name().to_owned();
        let user = format!("tenant-{namespace}");
        let own = plane.client_as(&user, &["tenants"]).await.expect("a tenant's client");
        for object in rights(&namespace, &user) {
            crate::world::grant(admin, object).await;
        }
        let tenant = Self { namespace, own, admin: admin.clone() };
        until("the authorizer to know the tenant", PATIENCE, async || {
            let list = tenant.api(Kind::Product).list(&ListParams::default().limit(1)).await;
            list.map(drop).map_err(|error| error.to_string())
        })
        .await;
        tenant
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.own.clone(), &self.namespace, &kind.resource())
    }

    fn api_of_admin(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.admin.clone(), &self.namespace, &kind.resource())
    }

    fn here(&self, manifest: &Value) -> Value {
        let mut manifest = manifest.clone();
        manifest["metadata"]["namespace"] = json!(self.namespace);
        manifest
    }

    /// Requests for a kind in the namespace. Answers are read as they are: an attack's objects may hold what no
    /// client's types do.
    fn requests(&self, kind: Kind) -> Request {
        Request::new(DynamicObject::url_path(&kind.resource(), Some(&self.namespace)))
    }

    /// Applies a manifest with its own rights, and says what the API server answers.
    pub(crate) async fn try_apply(&self, manifest: &Value) -> Result<Object, kube::Error> {
        let manifest = self.here(manifest);
        let params = PatchParams::apply("tenant").force();
        let patch =
            self.requests(Kind::of(&manifest)).patch(name(&manifest), &params, &Patch::Apply(&manifest));
        self.own.request(patch.map_err(kube::Error::BuildRequest)?).await.map(Object)
    }

    pub(crate) async fn apply(&self, manifest: &Value) -> Object {
        let applied = self.try_apply(manifest).await;
        applied.unwrap_or_else(|error| panic!("apply {}: {error}", manifest["metadata"]["name"]))
    }

    /// The admin applies something in the tenant's namespace.
    pub(crate) async fn receive(&self, manifest: &Value) {
        let manifest = self.here(manifest);
        let (name, params) = (name(&manifest).to_owned(), PatchParams::apply("admin").force());
        let api = self.api_of_admin(Kind::of(&manifest));
        let applied = api.patch(&name, &params, &Patch::Apply(&manifest)).await;
        applied.unwrap_or_else(|error| panic!("receive {name}: {error}"));
    }

    /// Merges a patch with its own rights, and says what the API server answers.
    pub(crate) async fn try_edit(
        &self,
        kind: Kind,
        name: &str,
        patch: &Value,
    ) -> Result<Object, kube::Error> {
        let patch = self.requests(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch));
        self.own.request(patch.map_err(kube::Error::BuildRequest)?).await.map(Object)
    }

    pub(crate) async fn edit(&self, kind: Kind, name: &str, patch: Value) -> Object {
        let edited = self.try_edit(kind, name, &patch).await;
        edited.unwrap_or_else(|error| panic!("edit {kind:?} {name} by {patch}: {error}"))
    }

    /// Edits a product and asks for a check of it; gives the value that the status repeats when it was done.
    pub(crate) async fn edit_and_ask(&self, product: &str, spec: &Value) -> String {
        let asked = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {CHECK_NOW: asked}}, "spec": spec});
        self.edit(Kind::Product, product, patch).await;
        asked
    }

    /// Asks for a full check of a product and waits until it was done.
    pub(crate) async fn check_now(&self, product: &str) -> Object {
        let asked = self.edit_and_ask(product, &json!({})).await;
        self.until(Kind::Product, product, "the check that was asked for", |object| {
            object.text("/status/lastHandledReconcileAt") == asked
        })
        .await
    }

    /// Writes a whole object back after a change, with its own rights or an admin's.
    pub(crate) async fn replace(&self, kind: Kind, name: &str, mine: bool, change: impl Fn(&mut Value)) {
        let client = if mine { &self.own } else { &self.admin };
        until(&format!("a replacement of {kind:?} {name}"), PATIENCE, async || {
            let mut object = self.get(kind, name).await.ok_or("it does not exist")?.0;
            change(&mut object);
            let body = serde_json::to_vec(&object).expect("JSON");
            let replace = self.requests(kind).replace(name, &PostParams::default(), body);
            let replaced = client.request::<Value>(replace.expect("a request")).await;
            replaced.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }

    /// Writes a status, for which a right is needed that tenants should not have.
    pub(crate) async fn forge_status(&self, kind: Kind, name: &str, status: &Value) {
        let patch = json!({"status": status});
        let params = PatchParams::default();
        let forged = self.api_of_admin(kind).patch_status(name, &params, &Patch::Merge(&patch)).await;
        forged.unwrap_or_else(|error| panic!("forge the status of {kind:?} {name}: {error}"));
    }

    pub(crate) async fn delete(&self, kind: Kind, name: &str) {
        let delete = self.requests(kind).delete(name, &DeleteParams::default()).expect("a request");
        let deleted = self.own.request::<Value>(delete).await;
        deleted.unwrap_or_else(|error| panic!("delete {kind:?} {name}: {error}"));
    }

    /// The admin takes something away.
    pub(crate) async fn lose(&self, kind: Kind, name: &str) {
        let delete = self.requests(kind).delete(name, &DeleteParams::default()).expect("a request");
        let deleted = self.admin.request::<Value>(delete).await;
        deleted.unwrap_or_else(|error| panic!("take {kind:?} {name} away: {error}"));
    }

    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Option<Object> {
        let get = self.requests(kind).get(name, &GetParams::default()).expect("a request");
        match self.admin.request(get).await {
            Ok(object) => Some(Object(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("get {kind:?} {name}: {error}"),
        }
    }

    pub(crate) async fn list(&self, kind: Kind) -> Vec<Object> {
        let list = self.requests(kind).list(&ListParams::default()).expect("a request");
        let mut found: Value = self.admin.request(list).await.expect("a list");
        let items = found["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        items.into_iter().map(Object).collect()
    }

    /// Waits until an object is as described.
    pub(crate) async fn until(
        &self,
        kind: Kind,
        name: &str,
        what: &str,
        is: impl Fn(&Object) -> bool,
    ) -> Object {
        until(&format!("{kind:?} {}/{name}: {what}", self.namespace), PATIENCE, async || {
            match self.get(kind, name).await {
                Some(object) if is(&object) => Ok(object),
                Some(object) => Err(object.brief()),
                None => Err("it does not exist".to_owned()),
            }
        })
        .await
    }

    /// Waits until a product is Ready.
    pub(crate) async fn ready(&self, product: &str) -> Object {
        self.until(Kind::Product, product, "Ready", Object::is_available).await
    }

    /// Waits until an object has this reason.
    pub(crate) async fn reason(&self, kind: Kind, name: &str, reason: &str) -> Object {
        self.until(kind, name, &format!("reason {reason}"), |object| {
            object.is_current() && object.reason() == reason
        })
        .await
    }

    /// Waits until an object is gone. One whose ledger says that an attempt is under way is let go a minute after it.
    pub(crate) async fn gone(&self, kind: Kind, name: &str) {
        until(&format!("{kind:?} {}/{name} to be gone", self.namespace), PATIENCE * 2, async || {
            self.get(kind, name).await.map_or(Ok(()), |object| Err(object.brief()))
        })
        .await;
    }

    /// Waits until an object is gone. One whose ledger says that an attempt is under way is let go a minute after it. or as described.
    pub(crate) async fn until_gone_or(&self, kind: Kind, name: &str, is: impl Fn(&Object) -> bool) {
        until(
            &format!("{kind:?} {}/{name} to be gone or held", self.namespace),
            PATIENCE,
            async || match self.get(kind, name).await {
                Some(object) if !is(&object) => Err(object.brief()),
                _ => Ok(()),
            },
        )
        .await;
    }

    /// A Secret's values as texts.
    pub(crate) async fn secret(&self, name: &str) -> Option<BTreeMap<String, String>> {
        let api: Api<Secret> = Api::namespaced(self.admin.clone(), &self.namespace);
        let data = api.get_opt(name).await.expect("a look at a Secret")?.data.unwrap_or_default();
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        Some(data.into_iter().map(|(key, value)| (key, text(value.0))).collect())
    }

    /// Names of all Secrets in the namespace.
    pub(crate) async fn secrets(&self) -> Vec<String> {
        let api: Api<Secret> = Api::namespaced(self.admin.clone(), &self.namespace);
        api.list(&ListParams::default()).await.expect("the Secrets").iter().map(Secret::name_any).collect()
    }

    /// Everything that the operator has told the tenant: statuses of all objects, and Events.
    pub(crate) async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for kind in [Kind::Product, Kind::Account] {
            told.extend(self.list(kind).await.into_iter().map(|object| object.0["status"].to_string()));
        }
        let api: Api<Event> = Api::namespaced(self.admin.clone(), &self.namespace);
        let events = api.list(&ListParams::default()).await.expect("the Events");
        told.extend(events.into_iter().filter_map(|event| event.note));
        told
    }

    /// Notes of the Events about an object.
    pub(crate) async fn events(&self, uid: &str) -> Vec<String> {
        let api: Api<Event> = Api::namespaced(self.admin.clone(), &self.namespace);
        let about =
            |event: &Event| event.regarding.as_ref().is_some_and(|object| object.uid.as_deref() == Some(uid));
        let events = api.list(&ListParams::default()).await.expect("the Events");
        events.into_iter().filter(about).filter_map(|event| event.note).collect()
    }
}

/// Name of a manifest.
pub(crate) fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().expect("a name")
}
