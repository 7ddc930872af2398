//! `IotProduct`: one product at one vendor.

pub mod alibaba;
pub mod frozen;
pub mod huawei;
pub mod names;
mod object;
pub(crate) mod rules;
pub mod status;
pub mod tencent;

use std::collections::BTreeMap;
use std::time::Duration;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::AccountKind;
use super::text_enum::text_enum;
pub use alibaba::AlibabaProduct;
pub use huawei::HuaweiProduct;
pub use object::IotProduct;
pub use status::{IotProductStatus, ObservedStatus, Origin};
pub use tencent::TencentProduct;

text_enum! {
    /// A vendor, and where it has several, one of its APIs.
    pub enum Vendor {
        /// Tencent Cloud IoT Hub, API 3.0.
        TencentCloud = "TencentCloud",
        /// Tencent Cloud IoT Hub, API 2.0: creates, lists and deletes only.
        TencentCloudLegacy = "TencentCloudLegacy",
        /// Alibaba Cloud IoT Platform.
        AlibabaCloud = "AlibabaCloud",
        /// Huawei Cloud ROMA Connect LINK.
        HuaweiCloud = "HuaweiCloud",
    }
}

text_enum! {
    /// How devices of the product prove who they are.
    pub enum Encryption {
        /// With a certificate.
        Asymmetric = "Asymmetric",
        /// With a key.
        Symmetric = "Symmetric",
    }
}

text_enum! {
    /// What the devices of the product are.
    pub enum NodeType {
        /// A device without others behind it.
        Device = "Device",
        /// A gateway for other devices.
        Gateway = "Gateway",
    }
}

text_enum! {
    /// What devices send.
    pub enum DataFormat {
        /// JSON that the vendor understands.
        Json = "JSON",
        /// Bytes that the vendor passes through.
        Custom = "Custom",
    }
}

text_enum! {
    /// Whether devices may register themselves with the product's secret.
    pub enum RegistrationMode {
        /// They may not.
        Disabled = "Disabled",
        /// They may if their name was registered before.
        PreRegistered = "PreRegistered",
        /// They may, under any name, up to `limit`.
        AutoCreate = "AutoCreate",
    }
}

text_enum! {
    /// Which existing product of the name may be taken over.
    #[derive(Default)]
    pub enum AdoptionPolicy {
        /// Only one that carries this object's mark.
        #[default]
        Owned = "Owned",
        /// One of the same name, within the account's `adoption`.
        MatchName = "MatchName",
    }
}

text_enum! {
    /// Whether the operator changes anything at the vendor.
    #[derive(Default)]
    pub enum ManagementPolicy {
        /// It creates, updates and deletes.
        #[default]
        Full = "Full",
        /// It only reads.
        ObserveOnly = "ObserveOnly",
    }
}

text_enum! {
    /// What happens when the vendor has other values than the manifest.
    #[derive(Default)]
    pub enum DriftPolicy {
        /// They are set again where the vendor can, and reported otherwise.
        #[default]
        Correct = "Correct",
        /// They are only reported.
        Report = "Report",
    }
}

text_enum! {
    /// What deleting the object does at the vendor.
    #[derive(Default)]
    pub enum DeletionPolicy {
        /// The product is deleted, then its Secret.
        #[default]
        Delete = "Delete",
        /// The product and its Secret stay.
        Retain = "Retain",
    }
}

/// An IoT product (the vendor-side type of a device) that exists at a vendor exactly as written here.
/// A field that is left out is neither compared nor changed.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "iot-products.io",
    version = "v1alpha1",
    kind = "IotProduct",
    root = "IotProductDefinition",
    plural = "iotproducts",
    shortname = "iotp",
    category = "iot",
    namespaced,
    status = "IotProductStatus",
    doc = "A product at an IoT vendor, kept exactly as written."
)]
#[serde(rename_all = "camelCase")]
pub struct IotProductSpec {
    /// The vendor and API. Fixed once the product exists.
    pub vendor: Vendor,
    /// The account through which the product is managed; of the same vendor. Fixed once the product exists.
    #[serde(default)]
    pub account_ref: AccountRef,
    /// The vendor-side name of the product. For a product that is created: Tencent takes letters, digits, `:`, `_`,
    /// `-`, at most 32; Alibaba letters, digits, `_` and Chinese characters, 4 to 30, where a Chinese one counts 2;
    /// Huawei letters, digits, `_`, `-` and Chinese characters, at most 64. With `productId` or `managementPolicy:
    /// ObserveOnly` write the name that the product has, whatever it is. Tencent: fixed once the product exists.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Description at the vendor, at most 450 (Tencent), 71 (Alibaba) or 170 (Huawei) characters; the
    /// operator adds its mark behind it. Tencent: fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub description: Option<String>,
    /// How devices prove who they are; the vendor's default when left out. Huawei: `Symmetric` only. Fixed
    /// once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Device (created so when left out) or gateway. Fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type: Option<NodeType>,
    /// JSON (created so when left out) or bytes. Fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_format: Option<DataFormat>,
    /// Dynamic registration of devices; `TencentCloud` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_registration: Option<DynamicRegistration>,
    /// Whether the product's devices may work; `TencentCloud` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What only Tencent has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tencent: Option<TencentProduct>,
    /// What only Alibaba has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alibaba: Option<AlibabaProduct>,
    /// What only Huawei has; required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei: Option<HuaweiProduct>,
    /// Import: manage the existing product of this vendor-side id instead of creating one, within the
    /// account's `adoption`. Fixed once it is managed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub product_id: Option<String>,
    /// Which existing product of the name may be taken over.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// Whether the operator changes anything at the vendor.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What happens when the vendor has other values than written here.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// What deleting this object does at the vendor.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Nothing is called while true; the deletion of a suspended product waits.
    #[serde(default)]
    pub suspend: bool,
    /// How often the product is compared with the vendor, instead of the account's `resyncInterval`:
    /// `10m`, `1h30m`; `0s` is never. A shorter value than the account's makes the operator
    /// list the whole account more often. Less than the operator's `--min-resync-interval` (30 s) counts as that, and
    /// less than the interval of a `ClusterIotAccount` as the account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub resync_interval: Option<String>,
    /// Name and metadata of the Secret that receives the product's credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretTemplate>,
}

/// The account of a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountRef {
    /// Kind of the account.
    #[serde(default)]
    pub kind: AccountKind,
    /// Name of the account; an `IotAccount` is looked for in the product's namespace.
    #[serde(default = "default_account")]
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

impl Default for AccountRef {
    fn default() -> Self {
        Self { kind: AccountKind::default(), name: default_account() }
    }
}

fn default_account() -> String {
    "default".to_owned()
}

/// Dynamic registration of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DynamicRegistration {
    /// Who may register.
    pub mode: RegistrationMode,
    /// How many devices may be created by registering; required with `AutoCreate`, compared only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit: Option<i64>,
}

/// The Secret that receives the product's credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretTemplate {
    /// Its name; `<name of this object>-credentials` when left out, with a hash in place of the end of a name that is too long for that. A new name moves the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Labels to set on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations to set on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl IotProductSpec {
    /// The product's own interval, zero for never, `None` when the account's counts.
    pub fn resync_interval(&self) -> Option<Duration> {
        self.resync_interval.as_deref().and_then(super::account::parse_interval)
    }
}
