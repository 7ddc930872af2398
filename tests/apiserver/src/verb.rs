//! Carrying single requests out: create, replace, patch, delete.

use std::sync::Arc;

use base64::Engine as _;
use http::StatusCode;
use serde_json::{Value, json};

use crate::controllers::COLLECTED;
use crate::kind::Kind;
use crate::refusal::Refusal;
use crate::schema;
use crate::store::{Key, Store};

/// What a request came to.
pub(crate) type Outcome = Result<(StatusCode, Arc<Value>), Refusal>;

/// An object of one kind in the store.
pub(crate) struct Place<'a> {
    /// All objects.
    pub(crate) store: &'a mut Store,
    /// The kind.
    pub(crate) kind: &'a Kind,
    /// Which object.
    pub(crate) key: Key,
    /// Time of day, as the API writes it.
    pub(crate) now: String,
}

/// The changed object, and whether it came through the subresource `status`.
pub(crate) struct Change {
    /// The object as the request wants it.
    pub(crate) wanted: Value,
    /// Through `status`.
    pub(crate) status: bool,
    /// A whole object, whose UID is a precondition; of a patched one it is a field that may not change.
    pub(crate) whole: bool,
}

fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null())
}

impl Place<'_> {
    fn name(&self) -> &str {
        &self.key.2
    }

    fn found(&self) -> Result<Arc<Value>, Refusal> {
        self.store.get(&self.key).ok_or_else(|| Refusal::not_found(self.kind, self.name()))
    }

    /// What the schema makes of an object; of the API server's own kinds, what their code does.
    fn shape(&self, object: &mut Value) {
        if let Some(schema) = &self.kind.schema {
            schema::prune(object, schema);
            schema::fill(object, schema);
        }
        if !self.kind.custom()
            && let Some(members) = object.as_object_mut()
        {
            members.retain(|_, member| !member.is_null());
        }
        if self.kind.plural == "secrets" {
            if object.get("type").is_none() {
                object["type"] = json!("Opaque");
            }
            encode(object);
            let empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
            if object.get("data").is_some_and(empty) {
                drop(object.as_object_mut().and_then(|object| object.remove("data")));
            }
        }
        object["apiVersion"] = json!(self.kind.api_version());
        object["kind"] = json!(self.kind.kind);
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        metadata.retain(|_, value| {
            !value.is_null()
                && value.as_array().is_none_or(|list| !list.is_empty())
                && value.as_object().is_none_or(|map| !map.is_empty())
        });
    }

    /// Creates.
    pub(crate) fn create(self, mut object: Value) -> Outcome {
        if self.store.get(&self.key).is_some() {
            return Err(Refusal::exists(self.kind, self.name()));
        }
        let uid = self.store.uid();
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        if self.kind.custom()
            && let Some(members) = object.as_object_mut()
        {
            members.remove("status");
        }
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(self.key.2);
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(self.now);
        for dropped in ["deletionTimestamp", "deletionGracePeriodSeconds", "generateName", "managedFields"] {
            metadata[dropped] = Value::Null;
        }
        metadata["namespace"] = if self.kind.namespaced { json!(self.key.1) } else { Value::Null };
        metadata["generation"] = if self.kind.custom() { json!(1) } else { Value::Null };
        if self.kind.plural == "namespaces" {
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(self.key.2);
        }
        self.shape(&mut object);
        let created = self.store.put(self.key.clone(), object);
        if self.kind.custom() {
            self.store.incomplete.insert(self.key);
        }
        Ok((StatusCode::CREATED, created))
    }

    /// Replaces the object by what is wanted.
    pub(crate) fn update(self, change: Change) -> Outcome {
        let before = self.found()?;
        let Change { mut wanted, status, whole } = change;
        if !wanted["metadata"].is_object() {
            return Err(Refusal::bad("the object has no metadata"));
        }
        self.check_version(&before, &wanted)?;
        if status {
            let mut object = Value::clone(&before);
            object["status"] = wanted["status"].take();
            if object["status"].is_null()
                && let Some(members) = object.as_object_mut()
            {
                members.remove("status");
            }
            wanted = object;
        } else {
            self.check_identity(&before, &wanted, whole)?;
            if self.kind.custom() {
                wanted["status"] = before["status"].clone();
            }
        }
        for kept in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "generation",
            "deletionGracePeriodSeconds",
            "resourceVersion",
        ] {
            wanted["metadata"][kept] = before["metadata"][kept].clone();
        }
        wanted["metadata"]["managedFields"] = Value::Null;
        self.shape(&mut wanted);
        self.check_content(&before, &wanted)?;
        // A custom resource is created without its status, and its defaults are written with the first update.
        let complete = !self.store.incomplete.contains(&self.key);
        if wanted == *before && complete {
            return Ok((StatusCode::OK, before));
        }
        if self.kind.custom() && content(&wanted) != content(&before) {
            let generation =
                before.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
            wanted["metadata"]["generation"] = json!(generation + 1);
        }
        let gone = deleting(&wanted) && finalizers(&wanted).is_empty() && self.kind.plural != "namespaces";
        if gone {
            self.store.remove(&self.key);
            return Ok((StatusCode::OK, Arc::new(wanted)));
        }
        Ok((StatusCode::OK, self.store.put(self.key, wanted)))
    }

    fn check_version(&self, before: &Value, wanted: &Value) -> Result<(), Refusal> {
        let version = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        if version.is_empty() {
            let why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
            return if self.kind.custom() {
                Err(Refusal::invalid(self.kind, self.name(), why))
            } else {
                Ok(())
            };
        }
        if before["metadata"]["resourceVersion"] == version {
            return Ok(());
        }
        Err(Refusal::modified(self.kind, self.name()))
    }

    /// What may never change, through no matter which request.
    fn check_identity(&self, before: &Value, wanted: &Value, whole: bool) -> Result<(), Refusal> {
        let uid = &wanted["metadata"]["uid"];
        if !uid.is_null() && *uid != before["metadata"]["uid"] {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                uid.as_str().unwrap_or_default(),
                before["metadata"]["uid"].as_str().unwrap_or_default()
            );
            return Err(if whole {
                Refusal::conflict(self.kind, self.name(), &why)
            } else {
                Refusal::invalid(self.kind, self.name(), "metadata.uid: Invalid value: field is immutable")
            });
        }
        let name = &wanted["metadata"]["name"];
        if !name.is_null() && *name != before["metadata"]["name"] {
            return Err(Refusal::bad("the name of the object does not match the name on the URL"));
        }
        let had = finalizers(before);
        if deleting(before) && finalizers(wanted).iter().any(|finalizer| !had.contains(finalizer)) {
            let why = "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted";
            return Err(Refusal::invalid(self.kind, self.name(), why));
        }
        Ok(())
    }

    fn check_content(&self, before: &Value, wanted: &Value) -> Result<(), Refusal> {
        if self.kind.plural != "secrets" {
            return Ok(());
        }
        let frozen = before.get("immutable") == Some(&Value::Bool(true));
        if wanted["type"] != before["type"]
            || frozen
                && (wanted.get("data") != before.get("data")
                    || wanted.get("immutable") != before.get("immutable"))
        {
            return Err(Refusal::invalid(self.kind, self.name(), "field is immutable"));
        }
        Ok(())
    }

    /// Deletes, or marks as to be deleted where something holds the object.
    pub(crate) fn delete(self, options: &Value) -> Outcome {
        let before = self.found()?;
        let preconditions = &options["preconditions"];
        for (member, word) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            let wanted = preconditions[member].as_str();
            let have = before["metadata"][member].as_str().unwrap_or_default();
            if let Some(wanted) = wanted.filter(|wanted| *wanted != have) {
                let why = format!(
                    "Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {have}"
                );
                return Err(Refusal::conflict(self.kind, self.name(), &why));
            }
        }
        let mut object = Value::clone(&before);
        let policy = options["propagationPolicy"].as_str();
        let added = match policy {
            Some("Foreground") => Some("foregroundDeletion"),
            Some("Orphan") => Some("orphan"),
            _ => None,
        };
        // A policy that is given takes the place of one that was given before.
        let mut held: Vec<String> = finalizers(&object).into_iter().map(str::to_owned).collect();
        held.retain(|held| policy.is_none() || !COLLECTED.contains(&held.as_str()));
        held.extend(added.map(str::to_owned));
        if held.is_empty() && self.kind.plural != "namespaces" {
            self.store.remove(&self.key);
            let mut details =
                json!({"name": self.key.2, "kind": self.kind.plural, "uid": before["metadata"]["uid"]});
            if !self.kind.group.is_empty() {
                details["group"] = json!(self.kind.group);
            }
            let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
            return Ok((StatusCode::OK, Arc::new(done)));
        }
        if deleting(&object) {
            if self.kind.plural == "namespaces" || finalizers(&object) == held {
                return Ok((StatusCode::OK, before));
            }
            object["metadata"]["finalizers"] = json!(held);
            return Ok((StatusCode::OK, self.store.put(self.key, object)));
        }
        let metadata = &mut object["metadata"];
        metadata["deletionTimestamp"] = json!(self.now);
        metadata["deletionGracePeriodSeconds"] = json!(0);
        if let Some(generation) = metadata["generation"].as_i64() {
            metadata["generation"] = json!(generation + 1);
        }
        if self.kind.plural == "namespaces" {
            object["status"] = json!({"phase": "Terminating"});
            object["metadata"]["deletionGracePeriodSeconds"] = Value::Null;
        } else {
            object["metadata"]["finalizers"] = json!(held);
        }
        self.shape(&mut object);
        Ok((StatusCode::OK, self.store.put(self.key, object)))
    }
}

/// `stringData` is a way to write `data`.
fn encode(secret: &mut Value) {
    let Some(Value::Object(texts)) = secret.as_object_mut().and_then(|secret| secret.remove("stringData"))
    else {
        return;
    };
    for (name, text) in texts {
        let bytes = text.as_str().unwrap_or_default();
        secret["data"][name] = json!(base64::engine::general_purpose::STANDARD.encode(bytes));
    }
}

/// What a generation counts the changes of.
fn content(object: &Value) -> Value {
    let mut content = object.clone();
    if let Some(members) = content.as_object_mut() {
        members.remove("metadata");
        members.remove("status");
    }
    content
}
