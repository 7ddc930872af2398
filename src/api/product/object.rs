//! The object, as it is read: without most of its metadata, which is a third of the work of reading an object. That is done
//! ten times for each creation.

use aws_lc_rs::digest;
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

/// The longest name that an object can have.
const LONGEST_NAME: usize = 253;
/// Hexadecimal digits that tell apart the names of which only the beginning fits.
const DIGITS: usize = 10;

/// Name of the output Secret of an object: `<name>-credentials`. Where that is longer than a name can be, the beginning of the
/// name and a hash of all of it stand for it.
fn default_secret_name(name: &str) -> String {
    let whole = format!("{name}{SECRET_NAME_SUFFIX}");
    if whole.len() <= LONGEST_NAME {
        return whole;
    }
    let hash = digest::digest(&digest::SHA256, name.as_bytes());
    let head_of_hash = hash.as_ref().iter().take(8).fold(0_u64, |head, byte| head << 8 | u64::from(*byte));
    let hash = format!("{head_of_hash:016x}");
    let room = LONGEST_NAME - SECRET_NAME_SUFFIX.len() - DIGITS - 1;
    let head = name[..name.floor_char_boundary(room)].trim_end_matches(['-', '.']);
    format!("{head}-{}{SECRET_NAME_SUFFIX}", &hash[..DIGITS])
}

impl IotProduct {
    /// Name of the output Secret: the one asked for or the default.
    pub fn secret_name(&self) -> String {
        let asked = self.spec.secret.as_ref().and_then(|secret| secret.name.clone());
        asked.unwrap_or_else(|| default_secret_name(self.metadata.name.as_deref().unwrap_or_default()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_makes_a_secret_name_that_can_be() {
        let named = |length: usize| "a".repeat(length);
        assert_eq!(default_secret_name("boiler"), "boiler-credentials");
        assert_eq!(default_secret_name(&named(241)), format!("{}-credentials", named(241)));
        let long: Vec<String> = (242..=253).map(|length| default_secret_name(&named(length))).collect();
        for name in &long {
            assert_eq!(name.len(), LONGEST_NAME, "{name}");
        }
        let distinct: std::collections::BTreeSet<&String> = long.iter().collect();
        assert_eq!(distinct.len(), long.len());
        // What stands before a hyphen ends as a name does.
        let cut = default_secret_name(&format!("{}.-.{}", named(229), named(21)));
        assert!(cut.starts_with(&format!("{}-", named(229))) && !cut.contains("--"), "{cut}");
        assert_eq!(
            cut,
            default_secret_name(&format!("{}.-.{}", named(229), named(21))),
            "the same every time"
        );
    }
}
