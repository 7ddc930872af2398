//! The one writer of an `IotProduct`'s status. It writes only when something differs.

use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Map, Value, json};

use super::RecordError;
use crate::api::IotProduct;

/// Writes a status if it differs from the one last seen: a merge patch of the difference that holds only
/// for the object as it was read. Returns the object as written.
pub async fn write<K, S>(api: &Api<K>, object: &K, old: &S, new: &S) -> Result<Option<K>, RecordError>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    S: serde::Serialize,
{
    let what = "writing status";
    let json = |status: &S| {
        serde_json::to_value(status)
            .map_err(|error| RecordError::Kube { what, source: kube::Error::SerdeError(error) })
    };
    let Some(difference) = difference(&json(old)?, &json(new)?) else {
        return Ok(None);
    };
    let patch = json!({"metadata": {"resourceVersion": object.resource_version()}, "status": difference});
    let written = api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await;
    written.map(Some).map_err(|error| RecordError::of_write(what, error))
}

/// Whether the cluster would take a status. Nothing is written.
pub async fn would_take<K, S>(api: &Api<K>, object: &K, new: &S) -> Result<(), RecordError>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
    S: serde::Serialize + std::fmt::Debug,
{
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let patch = json!({"status": new});
    let answer = api.patch_status(&object.name_any(), &dry, &Patch::Merge(patch)).await;
    answer.map(drop).map_err(|error| RecordError::of_write("writing status", error))
}

/// The merge patch that turns one value into another; `None` when they are equal.
pub fn difference(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut patch = Map::new();
            for (key, value) in new {
                match old.get(key) {
                    Some(before) => {
                        if let Some(inner) = difference(before, value) {
                            patch.insert(key.clone(), inner);
                        }
                    }
                    None => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            (!patch.is_empty()).then_some(Value::Object(patch))
        }
        _ => (old != new).then(|| new.clone()),
    }
}

/// Reads one object from the API server, not from the store; `None` if it is gone or another of its name
/// stands there.
pub async fn live(api: &Api<IotProduct>, object: &IotProduct) -> Result<Option<IotProduct>, RecordError> {
    let found = api
        .get_opt(&object.name_any())
        .await
        .map_err(|error| RecordError::of("reading the object", error))?;
    Ok(found.filter(|found| found.uid() == object.uid()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Value> {
        // Null means "remove" in a merge patch and no status has one.
        let leaf = prop_oneof![any::<bool>().prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop::collection::btree_map("[a-d]", inner, 0..4)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into())
        })
    }

    fn merge(target: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *target = patch.clone();
            return;
        };
        if !target.is_object() {
            *target = json!({});
        }
        let Some(target) = target.as_object_mut() else { return };
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }

    proptest! {
        #[test]
        fn the_difference_makes_the_new_of_the_old(old in json(), new in json()) {
            match difference(&old, &new) {
                None => prop_assert_eq!(old, new),
                Some(patch) => {
                    let mut merged = old.clone();
                    merge(&mut merged, &patch);
                    prop_assert_eq!(merged, new);
                }
            }
        }
    }
}
