//! What only a Huawei product has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::text_enum::text_enum;

text_enum! {
    /// Protocol of the devices.
    pub enum HuaweiProtocol {
        /// 0.
        Mqtt = "MQTT",
        /// 1.
        CoAp = "CoAP",
        /// 2.
        Modbus = "Modbus",
        /// 4.
        OpcUa = "OPCUA",
        /// 5.
        Extended = "Extended",
    }
}

/// What only Huawei has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HuaweiProduct {
    /// Integration application that owns the product. Fixed once the product exists.
    #[schemars(length(min = 1, max = 36))]
    pub app_id: String,
    /// Id of the manufacturer: letters, digits, `_`, `-`.
    #[schemars(length(min = 2, max = 50))]
    pub manufacturer_id: String,
    /// Name of the manufacturer.
    #[schemars(length(min = 2, max = 64))]
    pub manufacturer_name: String,
    /// Model: letters, digits, `_`, `-`, `.` and inner spaces.
    #[schemars(length(min = 2, max = 50))]
    pub model: String,
    /// Protocol of the devices. Fixed once the product exists.
    pub protocol_type: HuaweiProtocol,
    /// Device type; created as `Default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub device_type: Option<String>,
    /// Product template to copy from. Fixed once the product exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub template_id: Option<i64>,
    /// Version of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub version: Option<String>,
    /// User name with which devices of the product connect: letters, digits, `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 10, max = 50))]
    pub user_name: Option<String>,
}
