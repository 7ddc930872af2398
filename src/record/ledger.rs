//! The creation ledger on the object (protocol, Create 2, 4 and 5).

use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use super::RecordError;
use crate::api::{
    ACCOUNT_FINALIZER, CREATION_ANNOTATION, Condition, IotProduct, Origin, PRODUCT_FINALIZER,
    ROTATE_PASSWORD_ANNOTATION,
};
use crate::plan::ledger::Ledger;
use crate::plan::origin::Provenance;

/// The annotation's path in a JSON Patch.
const ANNOTATION_PATH: &str = "/metadata/annotations/iot-products.io~1creation";

/// An object's finalizers with one more.
fn with_finalizer(finalizers: &[String], added: &str) -> Vec<String> {
    let mut finalizers = finalizers.to_vec();
    if !finalizers.iter().any(|f| f == added) {
        finalizers.push(added.to_owned());
    }
    finalizers
}

/// Writes finalizer and ledger in one patch that holds only for the object exactly as it was read. Of two
/// controllers that read the same object, one gets a conflict before it has called the vendor.
pub async fn write(
    api: &Api<IotProduct>,
    object: &IotProduct,
    ledger: &Ledger,
) -> Result<IotProduct, RecordError> {
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(),
        "finalizers": with_finalizer(object.finalizers(), PRODUCT_FINALIZER),
        "annotations": {CREATION_ANNOTATION: ledger.text()},
    }});
    let what = "writing finalizer and ledger";
    api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch))
        .await
        .map_err(|error| RecordError::of_write(what, error))
}

/// Closes the ledger if it is still the one that was written.
pub async fn close(
    api: &Api<IotProduct>,
    object: &IotProduct,
    from: &Ledger,
    to: &Ledger,
) -> Result<IotProduct, RecordError> {
    let operations = json!([
        {"op": "test", "path": "/metadata/uid", "value": object.uid()},
        {"op": "test", "path": ANNOTATION_PATH, "value": from.text()},
        {"op": "replace", "path": ANNOTATION_PATH, "value": to.text()},
    ]);
    json_patch(api, object, "", operations, "closing the ledger").await
}

/// Records the id at once, with nothing but how the product came to the object. Holds only for the object whose create
/// was answered: a merge patch would ignore a wrong UID silently, a failed JSON Patch `test` does not.
pub async fn record_id(
    api: &Api<IotProduct>,
    object: &IotProduct,
    ledger: &Ledger,
    id: &str,
    provenance: &Provenance,
) -> Result<IotProduct, RecordError> {
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": object.uid()}),
        json!({"op": "test", "path": ANNOTATION_PATH, "value": ledger.text()}),
        json!({"op": "test", "path": "/status/productId", "value": null}),
        json!({"op": "add", "path": "/status/productId", "value": id}),
        json!({"op": "add", "path": "/status/creationAttempt", "value": ledger.attempt}),
    ];
    operations.extend(origin_operations(object, provenance));
    operations.extend(spent_order(object, provenance));
    let what = "recording the product id";
    with_origin(what, json_patch(api, object, "status", operations.into(), what).await?)
}

/// An order for a new password that came with the manifest of a product that is taken over: copied, applied again from Git,
/// or restored, it is none, and would cut off devices that have the password.
fn spent_order(object: &IotProduct, provenance: &Provenance) -> Option<Value> {
    let order = object.annotations().get(ROTATE_PASSWORD_ANNOTATION)?;
    let existed = provenance.origin != Origin::Created;
    existed.then(|| json!({"op": "add", "path": "/status/lastHandledRotation", "value": order}))
}

/// A definition of an earlier version drops the field without a word, and nothing is done to a product of unknown origin.
fn with_origin(what: &'static str, recorded: IotProduct) -> Result<IotProduct, RecordError> {
    if recorded.status.as_ref().is_none_or(|status| status.origin.is_none()) {
        let why = "the installed CustomResourceDefinition iotproducts.iot-products.io has no status.origin; install the definitions of this version (crds/, or chart iot-operator-crds)";
        return Err(RecordError::Refused { what, why: why.to_owned() });
    }
    Ok(recorded)
}

/// Records that a product which was only watched is taken over, before anything is done to it.
pub async fn record_takeover(
    api: &Api<IotProduct>,
    object: &IotProduct,
    id: &str,
    provenance: &Provenance,
) -> Result<IotProduct, RecordError> {
    let origin = object.status.as_ref().and_then(|status| status.origin);
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": object.uid()}),
        json!({"op": "test", "path": "/status/productId", "value": id}),
        json!({"op": "test", "path": "/status/origin", "value": origin}),
    ];
    operations.extend(origin_operations(object, provenance));
    let what = "recording how the product came here";
    with_origin(what, json_patch(api, object, "status", operations.into(), what).await?)
}

fn origin_operations(object: &IotProduct, provenance: &Provenance) -> Vec<Value> {
    let mut operations = vec![json!({"op": "add", "path": "/status/origin", "value": provenance.origin})];
    let before = object.status.as_ref().is_some_and(|status| status.adopted_mark.is_some());
    operations.extend(match &provenance.adopted_mark {
        Some(mark) => Some(json!({"op": "add", "path": "/status/adoptedMark", "value": mark})),
        None => before.then(|| json!({"op": "remove", "path": "/status/adoptedMark"})),
    });
    operations
}

/// Moves the id of a product that is proved absent to `previousProductId` (protocol, Re-create).
/// Ready is no longer True from the same moment on.
pub async fn forget_id(
    api: &Api<IotProduct>,
    object: &IotProduct,
    id: &str,
    conditions: &[Condition],
) -> Result<IotProduct, RecordError> {
    let operations = forgetting(object, id, conditions);
    json_patch(api, object, "status", operations.into(), "forgetting the id of a missing product").await
}

fn forgetting(object: &IotProduct, id: &str, conditions: &[Condition]) -> Vec<Value> {
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": object.uid()}),
        json!({"op": "test", "path": "/status/productId", "value": id}),
        json!({"op": "remove", "path": "/status/productId"}),
        json!({"op": "add", "path": "/status/previousProductId", "value": id}),
        json!({"op": "add", "path": "/status/conditions", "value": conditions}),
    ];
    // The password was that product's, and so were the way it came here and what it showed: a serial that stayed would
    // tell of the next product that it is another one, and what it had would pass for what the next one has.
    let status = object.status.as_ref();
    let of_product = [
        ("/status/productSerial", status.is_some_and(|status| status.product_serial.is_some())),
        ("/status/observed", status.is_some_and(|status| status.observed.is_some())),
        ("/status/origin", status.is_some_and(|status| status.origin.is_some())),
        ("/status/adoptedMark", status.is_some_and(|status| status.adopted_mark.is_some())),
        ("/status/passwordHash", status.is_some_and(|status| status.password_hash.is_some())),
        ("/status/passwordDueAt", status.is_some_and(|status| status.password_due_at.is_some())),
    ];
    let there = of_product.iter().filter(|(_, there)| *there);
    operations.extend(there.map(|(path, _)| json!({"op": "remove", "path": path})));
    operations
}

async fn json_patch(
    api: &Api<IotProduct>,
    object: &IotProduct,
    subresource: &str,
    operations: Value,
    what: &'static str,
) -> Result<IotProduct, RecordError> {
    let patch = serde_json::from_value(operations)
        .map_err(|error| RecordError::Kube { what, source: kube::Error::SerdeError(error) })?;
    let (name, params, patch) = (object.name_any(), PatchParams::default(), Patch::Json::<()>(patch));
    let answer = if subresource.is_empty() {
        api.patch(&name, &params, &patch).await
    } else {
        api.patch_status(&name, &params, &patch).await
    };
    answer.map_err(|error| RecordError::of_write(what, error))
}

/// Adds or removes one finalizer of any object, by resourceVersion.
pub async fn set_finalizer<K>(
    api: &Api<K>,
    object: &K,
    finalizer: &str,
    on: bool,
) -> Result<Option<K>, RecordError>
where
    K: Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    if object.finalizers().iter().any(|f| f == finalizer) == on {
        return Ok(None);
    }
    let finalizers = if on {
        with_finalizer(object.finalizers(), finalizer)
    } else {
        object.finalizers().iter().filter(|f| *f != finalizer).cloned().collect()
    };
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let what = match finalizer {
        PRODUCT_FINALIZER => "changing the product's finalizer",
        ACCOUNT_FINALIZER => "changing the account's finalizer",
        _ => "changing the finalizer of the credentials Secret",
    };
    match api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(object) => Ok(Some(object)),
        Err(error) => match RecordError::of_write(what, error) {
            // Taking a finalizer off what is gone is done.
            RecordError::Gone { .. } if !on => Ok(None),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_forgotten_product_passes_for_the_next_one_s() {
        let text = include_str!("../../tests/manifests/product-at-rest.json");
        let mut object: IotProduct = serde_json::from_str(text).unwrap();
        let status = object.status.as_mut().unwrap();
        status.product_serial = Some("1".to_owned());
        status.adopted_mark = Some(String::new());
        status.origin = Some(Origin::Adopted);
        assert!(status.observed.is_some());
        let removed = |object: &IotProduct| {
            let operations = forgetting(object, "Q000000000", &[]);
            let removes = operations.iter().filter(|operation| operation["op"] == "remove");
            removes.filter_map(|operation| operation["path"].as_str()).collect::<Vec<_>>().join(" ")
        };
        let all =
            "/status/productId /status/productSerial /status/observed /status/origin /status/adoptedMark";
        assert_eq!(removed(&object), all);
        object.status = None;
        assert_eq!(removed(&object), "/status/productId", "what is not there cannot be removed");
    }
}
