//! What only a Tencent product has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::text_enum::text_enum;

text_enum! {
    /// Tencent's product type.
    pub enum TencentProductType {
        /// 0: devices that connect by themselves.
        Normal = "Normal",
        /// 2: NB-IoT devices.
        NbIot = "NBIoT",
        /// 3: LoRa gateways.
        LoRaGateway = "LoRaGateway",
        /// 4: LoRa devices.
        LoRa = "LoRa",
        /// 5: gateways.
        Gateway = "Gateway",
    }
}

/// What only Tencent has. With `TencentCloudLegacy` only `productType: Normal` or `NBIoT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TencentProduct {
    /// Product type; follows from `nodeType` when left out and must agree with it. Fixed once the product
    /// exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<TencentProductType>,
    /// Thing model to bind. Fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub model_id: Option<String>,
    /// LoRa `AppEUI`, 16 hex digits; LoRa kinds only. Fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub app_eui: Option<String>,
    /// Key of a Secret in this namespace that holds the vendor's Skey; LoRa kinds only. Sent when the product
    /// is created and deleted, so the reference may be changed. The Secret must have label
    /// `iot-products.io/credentials: "true"` or type `iot-products.io/credentials`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skey_secret_ref: Option<SecretKeyRef>,
    /// Private CA to bind; not with `encryption: Symmetric`, Domestic site only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub private_ca_name: Option<String>,
}

/// One key of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its key.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
