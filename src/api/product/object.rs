//! The object, as it is read: without most of its metadata, which is a third of the work of reading an object. That is done
//! ten times for each creation.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt as _};
use serde::{Deserialize, Serialize};

use super::{IotProductDefinition, IotProductSpec, IotProductStatus};
use crate::api::{PRODUCT_FINALIZER, SECRET_NAME_SUFFIX, metadata};

/// An IoT product (the vendor-side type of a device) that exists at a vendor exactly as written here.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[resource(inherit = "IotProductDefinition")]
pub struct IotProduct {
    /// Metadata; where it was read, without what the operator does not go by.
    #[serde(deserialize_with = "metadata::read_own")]
    pub metadata: ObjectMeta,
    /// What it is to be.
    pub spec: IotProductSpec,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IotProductStatus>,
}

impl IotProduct {
    /// Name of the output Secret: the one asked for or the default.
    pub fn secret_name(&self) -> String {
        let asked = self.spec.secret.as_ref().and_then(|secret| secret.name.clone());
        asked.unwrap_or_else(|| {
            let name = self.metadata.name.as_deref().unwrap_or_default();
            format!("{name}{SECRET_NAME_SUFFIX}")
        })
    }

    /// Our finalizer is on it.
    pub fn is_held(&self) -> bool {
        self.finalizers().iter().any(|finalizer| finalizer == PRODUCT_FINALIZER)
    }

    /// Whether the object asks for an existing product by its id.
    pub fn is_import(&self) -> bool {
        self.spec.product_id.is_some()
    }

    /// The recorded vendor-side id.
    pub fn product_id(&self) -> Option<&str> {
        self.status.as_ref()?.product_id.as_deref()
    }
}
