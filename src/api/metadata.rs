//! Metadata as it is read: without who wrote which field. Nobody here reads that, it is a third of the work of reading an
//! object, and users write times into it that no clock can hold, which would make the object unreadable.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde::{Deserialize, Deserializer};

use super::{
    CONFIRM_MISSING_ANNOTATION, CREATION_ANNOTATION, FORCE_FORGET_ANNOTATION, REQUESTED_AT_ANNOTATION,
    ROTATE_PASSWORD_ANNOTATION,
};

/// The annotations by which users ask for something.
pub const ORDERS: [&str; 4] = [
    REQUESTED_AT_ANNOTATION,
    FORCE_FORGET_ANNOTATION,
    ROTATE_PASSWORD_ANNOTATION,
    CONFIRM_MISSING_ANNOTATION,
];
/// The longest value of one of them that is heeded, in bytes.
const LONGEST_ORDER: usize = 256;
/// The longest ledger, in bytes. What the operator writes is far shorter; of a longer text the beginning is kept, which is
/// no ledger.
const LONGEST_LEDGER: usize = 2_048;

/// `ObjectMeta` without `managedFields`, and without `selfLink`, which API servers no longer write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_grace_period_seconds: Option<i64>,
    deletion_timestamp: Option<Time>,
    finalizers: Option<Vec<String>>,
    generate_name: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    name: Option<String>,
    namespace: Option<String>,
    owner_references: Option<Vec<OwnerReference>>,
    resource_version: Option<String>,
    uid: Option<String>,
}

/// Reads metadata.
///
/// # Errors
/// The reader's, for what is no metadata.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let metadata = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta {
        annotations: metadata.annotations,
        creation_timestamp: metadata.creation_timestamp,
        deletion_grace_period_seconds: metadata.deletion_grace_period_seconds,
        deletion_timestamp: metadata.deletion_timestamp,
        finalizers: metadata.finalizers,
        generate_name: metadata.generate_name,
        generation: metadata.generation,
        labels: metadata.labels,
        managed_fields: None,
        name: metadata.name,
        namespace: metadata.namespace,
        owner_references: metadata.owner_references,
        resource_version: metadata.resource_version,
        self_link: None,
        uid: metadata.uid,
    })
}

/// Reads the metadata of the operator's own kinds: what the operator goes by, and nothing else. Users may write hundreds of
/// kilobytes into the rest, and each object is in memory.
///
/// # Errors
/// The reader's, for what is no metadata.
pub fn read_own<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let metadata = read(deserializer)?;
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.retain(|name, value| {
        let order = ORDERS.contains(&name.as_str());
        order && value.len() <= LONGEST_ORDER || name == CREATION_ANNOTATION
    });
    if let Some(ledger) = annotations.get_mut(CREATION_ANNOTATION) {
        ledger.truncate(ledger.floor_char_boundary(LONGEST_LEDGER));
    }
    let annotations = (!annotations.is_empty()).then_some(annotations);
    Ok(ObjectMeta { annotations, labels: None, owner_references: None, ..metadata })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn whole() -> Value {
        let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": "u9"});
        json!({
            "name": "boiler-1", "namespace": "factory", "uid": "u1", "resourceVersion": "7", "generation": 2,
            "generateName": "boiler-", "creationTimestamp": "2026-11-25T20:01:00Z",
            "deletionTimestamp": "2026-11-25T20:01:00Z", "deletionGracePeriodSeconds": 30,
            "finalizers": ["iot-products.io/product"], "labels": {"team": "heating"}, "ownerReferences": [owner],
            "annotations": {"a": "b", CREATION_ANNOTATION: "{}", REQUESTED_AT_ANNOTATION: "now"},
            "managedFields": [{"manager": "kubectl", "time": "9999-12-31T23:59:59Z"}],
        })
    }

    #[test]
    fn nothing_but_who_wrote_what_is_left_out() {
        let read = serde_json::to_value(read(whole()).unwrap()).unwrap();
        let mut all = whole();
        all.as_object_mut().unwrap().remove("managedFields");
        assert_eq!(read, all);
        assert_eq!(
            read.as_object().unwrap().len(),
            13,
            "all that there are, so that none is forgotten: {read}"
        );
    }

    #[test]
    fn of_an_own_object_only_what_is_gone_by_is_kept_and_all_of_that_is_short() {
        let mut large = whole();
        large["annotations"][FORCE_FORGET_ANNOTATION] = json!("x".repeat(300));
        large["annotations"][CREATION_ANNOTATION] = json!("\u{e9}".repeat(200_000));
        let kept = read_own(large).unwrap();
        assert_eq!((kept.labels, kept.owner_references), (None, None));
        assert_eq!(kept.finalizers.unwrap().len(), 1);
        let annotations = kept.annotations.unwrap();
        let names: Vec<&str> = annotations.keys().map(String::as_str).collect();
        assert_eq!(names, [CREATION_ANNOTATION, REQUESTED_AT_ANNOTATION]);
        assert!(annotations.values().all(|value| value.len() <= LONGEST_LEDGER));
    }
}
