//! The output Secret: what workloads mount (protocol, "Secrets"; design, "Output Secret").
//!
//! It has no owner reference: foreground deletion would collect it while the product still lives behind
//! its finalizer. The operator takes it away itself, after the product is confirmed absent.

use std::collections::BTreeMap;

use crate::api::core::Secret;
use aws_lc_rs::digest;
use k8s_openapi::ByteString;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::RecordError;
use crate::api::{
    DATA_HASH_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL, OWNER_UID_LABEL, PASSWORD_SETTLES_ANNOTATION,
    SECRET_TYPE, TEMPLATE_ANNOTATION, output_key,
};

/// What the Secret is to hold.
#[derive(Debug, Clone)]
pub struct Output {
    /// Name of the Secret.
    pub name: String,
    /// UID of the `IotProduct`.
    pub owner_uid: String,
    /// Labels and annotations from the manifest.
    pub labels: BTreeMap<String, String>,
    /// See `labels`.
    pub annotations: BTreeMap<String, String>,
    /// Keys whose values are no secrets: vendor, productId, productName, region, endpoint.
    pub plain: BTreeMap<&'static str, String>,
    /// Keys whose values the vendor made, as far as they are known now.
    pub made: BTreeMap<&'static str, SecretString>,
    /// Vendor-made keys that the product has, known or not.
    pub expected: Vec<&'static str>,
}

/// How a stored Secret compares.
#[derive(Debug)]
pub enum Stored {
    /// It is as it should be.
    Same,
    /// It is to be written with this data.
    Differs(BTreeMap<String, ByteString>),
    /// A vendor-made value is missing or was altered, and is not known here: read the product first.
    Unknown,
    /// It is not ours.
    Foreign(String),
}

/// A hash of a Secret's data, salted with a text. Kept beside an output Secret it tells an edit by hand without
/// asking the vendor; of a credentials Secret it tells a new key.
pub fn data_hash(salt: &str, data: &BTreeMap<String, ByteString>) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(salt.as_bytes());
    for (key, value) in data {
        for part in [key.as_bytes(), &value.0] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let mut text = hex::encode(hash.finish());
    text.truncate(32);
    text
}

fn text<'a>(data: &'a BTreeMap<String, ByteString>, key: &str) -> Option<&'a str> {
    data.get(key).and_then(|value| std::str::from_utf8(&value.0).ok())
}

/// Whether a stored Secret is this object's (protocol, Secrets): by type, and by owner UID or, when no
/// object of that UID lives, by vendor and product id. One that was written back with another type, as backups
/// do, is known by both of our labels.
fn foreign(stored: &Secret, want: &Output, lives: &dyn Fn(&str) -> bool) -> Option<String> {
    let name = &want.name;
    if is_of(stored, &want.owner_uid) {
        return None;
    }
    if stored.type_.as_deref() != Some(SECRET_TYPE) {
        return Some(format!(
            "Secret {name} exists and is not of type {SECRET_TYPE}; delete it or set spec.secret.name to another name"
        ));
    }
    let owner = stored.labels().get(OWNER_UID_LABEL).map(String::as_str).unwrap_or_default();
    let none = BTreeMap::new();
    let data = stored.data.as_ref().unwrap_or(&none);
    let same = [output_key::VENDOR, output_key::PRODUCT_ID]
        .iter()
        .all(|key| text(data, key) == want.plain.get(key).map(String::as_str));
    (!same || lives(owner)).then(|| {
        format!("Secret {name} belongs to another product; delete it or set spec.secret.name to another name")
    })
}

/// Compares a stored Secret with what it is to hold.
pub fn compare(stored: &Secret, want: &Output, lives: &dyn Fn(&str) -> bool) -> Stored {
    if let Some(message) = foreign(stored, want, lives) {
        return Stored::Foreign(message);
    }
    let none = BTreeMap::new();
    let have = stored.data.as_ref().unwrap_or(&none);
    let intact = is_intact(stored);
    let same_product =
        text(have, output_key::PRODUCT_ID) == want.plain.get(output_key::PRODUCT_ID).map(String::as_str);

    let mut data: BTreeMap<String, ByteString> = want
        .plain
        .iter()
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.clone().into_bytes())))
        .collect();
    for (key, value) in &want.made {
        data.insert((*key).to_owned(), ByteString(value.expose_secret().as_bytes().to_vec()));
    }
    for key in &want.expected {
        if data.contains_key(*key) {
            continue;
        }
        // For the same id a stored value is good as long as nobody touched it; for another id none is.
        match have.get(*key).filter(|value| same_product && intact && !value.0.is_empty()) {
            Some(value) => data.insert((*key).to_owned(), value.clone()),
            None => return Stored::Unknown,
        };
    }
    if same_product {
        // Keys are added or changed for the same id, never removed: a stored secret is never lost.
        for (key, value) in have {
            data.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let labelled = labels(want).iter().all(|(key, value)| stored.labels().get(key) == Some(value))
        && want.annotations.iter().all(|(key, value)| stored.annotations().get(key) == Some(value))
        && stored.annotations().get(TEMPLATE_ANNOTATION) == template(want).as_ref();
    if data == *have && intact && labelled && !locked(stored) { Stored::Same } else { Stored::Differs(data) }
}

fn labels(want: &Output) -> BTreeMap<String, String> {
    let mut labels = want.labels.clone();
    labels.insert(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned());
    labels.insert(OWNER_UID_LABEL.to_owned(), want.owner_uid.clone());
    labels
}

fn annotations(want: &Output, data: &BTreeMap<String, ByteString>) -> BTreeMap<String, String> {
    let mut annotations = want.annotations.clone();
    annotations.extend(template(want).map(|template| (TEMPLATE_ANNOTATION.to_owned(), template)));
    annotations.insert(DATA_HASH_ANNOTATION.to_owned(), data_hash(&want.owner_uid, data));
    annotations
}

/// The keys that the manifest gives to labels and annotations.
fn template(want: &Output) -> Option<String> {
    let keys = |kind: &'static str, map: &BTreeMap<String, String>| {
        map.keys().map(|key| format!("{kind}:{key}")).collect::<Vec<_>>()
    };
    let all = [keys("label", &want.labels), keys("annotation", &want.annotations)].concat();
    (!all.is_empty()).then(|| all.join(","))
}

/// Of what the manifest gave before, the keys that it no longer gives.
fn dropped<'a>(stored: &'a Secret, kind: &str, kept: &BTreeMap<String, String>) -> Vec<&'a str> {
    let given = stored.annotations().get(TEMPLATE_ANNOTATION).map(String::as_str).unwrap_or_default();
    given
        .split(',')
        .filter_map(|entry| entry.strip_prefix(kind)?.strip_prefix(':'))
        .filter(|key| !kept.contains_key(*key))
        .collect()
}

/// It cannot become what it is to be by an edit.
fn locked(stored: &Secret) -> bool {
    stored.immutable == Some(true) || stored.type_.as_deref() != Some(SECRET_TYPE)
}

/// The Secret as it is to be created; `None` while a vendor-made value is unknown.
pub fn fresh(want: &Output) -> Option<Secret> {
    let known = |key: &&str| want.made.contains_key(*key);
    if !want.expected.iter().all(known) {
        return None;
    }
    let mut data: BTreeMap<String, ByteString> = want
        .plain
        .iter()
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.clone().into_bytes())))
        .collect();
    for (key, value) in &want.made {
        data.insert((*key).to_owned(), ByteString(value.expose_secret().as_bytes().to_vec()));
    }
    Some(with_data(want, data))
}

fn with_data(want: &Output, data: BTreeMap<String, ByteString>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(want.name.clone()),
            labels: Some(labels(want)),
            annotations: Some(annotations(want, &data)),
            ..ObjectMeta::default()
        },
        type_: Some(SECRET_TYPE.to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// Whether its data is what was last written by an operator.
pub fn is_intact(stored: &Secret) -> bool {
    let none = BTreeMap::new();
    let data = stored.data.as_ref().unwrap_or(&none);
    let owner = stored.labels().get(OWNER_UID_LABEL).map(String::as_str).unwrap_or_default();
    stored.annotations().get(DATA_HASH_ANNOTATION).is_some_and(|hash| *hash == data_hash(owner, data))
}

/// Whether a stored Secret is of the product that it is wanted for.
pub fn names_product(stored: &Secret, want: &Output) -> bool {
    let none = BTreeMap::new();
    let have = stored.data.as_ref().unwrap_or(&none);
    text(have, output_key::PRODUCT_ID) == want.plain.get(output_key::PRODUCT_ID).map(String::as_str)
}

/// Writes exactly this data: creates the Secret, or changes the stored one. `None` if it is so already.
/// What it holds may be the only copy, so an immutable one is not replaced.
pub async fn put(
    api: &Api<Secret>,
    stored: Option<&Secret>,
    want: &Output,
    data: BTreeMap<String, ByteString>,
) -> Result<Option<Secret>, RecordError> {
    let Some(stored) = stored else {
        return match create(api, &with_data(want, data)).await? {
            Some(created) => Ok(Some(created)),
            None => Err(RecordError::Conflict { what: "creating the output Secret" }),
        };
    };
    let wanted = annotations(want, &data);
    let settles =
        |annotations: &BTreeMap<String, String>| annotations.contains_key(PASSWORD_SETTLES_ANNOTATION);
    let annotated = wanted.iter().all(|(key, value)| stored.annotations().get(key) == Some(value))
        && settles(&wanted) == settles(stored.annotations())
        && stored.annotations().get(TEMPLATE_ANNOTATION) == template(want).as_ref();
    let labelled = labels(want).iter().all(|(key, value)| stored.labels().get(key) == Some(value));
    if stored.data.as_ref() == Some(&data) && annotated && labelled {
        return Ok(None);
    }
    if locked(stored) {
        return Err(RecordError::SecretConflict(format!(
            "Secret {} is immutable or of another type and has to be changed; set spec.secret.name to another name, and its content moves there",
            want.name
        )));
    }
    update(api, stored, want, data).await.map(Some)
}

/// Reads the Secret.
pub async fn read(api: &Api<Secret>, name: &str) -> Result<Option<Secret>, RecordError> {
    api.get_opt(name).await.map_err(|error| RecordError::of("reading the output Secret", error))
}

/// Creates the Secret; `None` if one of that name exists already.
pub async fn create(api: &Api<Secret>, secret: &Secret) -> Result<Option<Secret>, RecordError> {
    match api.create(&PostParams::default(), secret).await {
        Ok(secret) => Ok(Some(secret)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(RecordError::of_write("creating the output Secret", error)),
    }
}

/// Writes the data of one of ours. One that is immutable or of another type is replaced, its content held
/// meanwhile.
pub async fn update(
    api: &Api<Secret>,
    stored: &Secret,
    want: &Output,
    data: BTreeMap<String, ByteString>,
) -> Result<Secret, RecordError> {
    let what = "writing the output Secret";
    if locked(stored) {
        return replace(api, stored, &with_data(want, data)).await;
    }
    let none = BTreeMap::new();
    let removed = stored.data.as_ref().unwrap_or(&none).keys().filter(|key| !data.contains_key(*key));
    let mut patched: serde_json::Map<String, serde_json::Value> =
        removed.map(|key| (key.clone(), serde_json::Value::Null)).collect();
    let (labels, annotations) = (labels(want), annotations(want, &data));
    for (key, value) in data {
        patched.insert(key, json!(value));
    }
    let mut gone = dropped(stored, "annotation", &annotations);
    let ours = [PASSWORD_SETTLES_ANNOTATION, TEMPLATE_ANNOTATION];
    gone.extend(ours.iter().filter(|key| !annotations.contains_key(**key)));
    let without = |mut kept: serde_json::Value, gone: &[&str]| {
        for key in gone {
            kept[*key] = serde_json::Value::Null;
        }
        kept
    };
    let gone_labels = dropped(stored, "label", &labels);
    let patch = json!({
        "metadata": {
            "resourceVersion": stored.resource_version(),
            "labels": without(json!(labels), &gone_labels),
            "annotations": without(json!(annotations), &gone),
        },
        "data": patched,
    });
    api.patch(&want.name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map_err(|error| RecordError::of_write(what, error))
}

/// Puts another in its place. Somebody's finalizer may keep the old one.
async fn replace(api: &Api<Secret>, stored: &Secret, by: &Secret) -> Result<Secret, RecordError> {
    if stored.metadata.deletion_timestamp.is_some() {
        return Err(RecordError::SecretConflict(format!(
            "Secret {} is being deleted and finalizers {:?} hold it; take them off, or set spec.secret.name to another name",
            stored.name_any(),
            stored.finalizers()
        )));
    }
    remove(api, stored).await?;
    create(api, by).await?.ok_or(RecordError::Conflict { what: "replacing the output Secret" })
}

/// Deletes exactly this Secret.
pub async fn remove(api: &Api<Secret>, stored: &Secret) -> Result<(), RecordError> {
    let only_this = Preconditions { uid: stored.uid(), resource_version: None };
    let params = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
    match api.delete(&stored.name_any(), &params).await {
        Ok(_) => Ok(()),
        Err(error) => match RecordError::of_write("deleting the output Secret", error) {
            RecordError::Gone { .. } => Ok(()),
            error => Err(error),
        },
    }
}

/// Whether a stored Secret was written for the object of this UID.
pub fn is_of(stored: &Secret, owner_uid: &str) -> bool {
    let labelled = stored.labels().get(MANAGED_BY_LABEL).is_some_and(|by| by == MANAGED_BY);
    (stored.type_.as_deref() == Some(SECRET_TYPE) || labelled)
        && stored.labels().get(OWNER_UID_LABEL).is_some_and(|uid| uid == owner_uid)
}

/// Deletes the output Secret if it is this object's, after the product is confirmed absent.
pub async fn remove_ours(api: &Api<Secret>, name: &str, owner_uid: &str) -> Result<(), RecordError> {
    match read(api, name).await? {
        Some(stored) if is_of(&stored, owner_uid) => remove(api, &stored).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
