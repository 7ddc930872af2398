//! What only an Alibaba product has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::text_enum::text_enum;

text_enum! {
    /// Edition of the product.
    pub enum CommodityCode {
        /// Advanced edition, with a thing model.
        Senior = "iothub_senior",
    }
}

text_enum! {
    /// How devices connect.
    pub enum NetType {
        /// Wi-Fi.
        Wifi = "WIFI",
        /// 2G to 5G.
        Cellular = "CELLULAR",
        /// Ethernet.
        Ethernet = "ETHERNET",
        /// Something else.
        Other = "OTHER",
        /// `LoRaWAN`; China site only.
        Lora = "LORA",
    }
}

text_enum! {
    /// Protocol between a sub-device and its gateway.
    pub enum AlibabaProtocol {
        /// Modbus.
        Modbus = "modbus",
        /// OPC UA.
        OpcUa = "opc-ua",
        /// A protocol of one's own.
        Customize = "customize",
        /// Bluetooth Low Energy.
        Ble = "ble",
        /// Zigbee.
        Zigbee = "zigbee",
    }
}

text_enum! {
    /// Alibaba's ways of authentication.
    pub enum AuthType {
        /// Device secret.
        Secret = "secret",
        /// ID² chip.
        Id2 = "id2",
        /// Certificate.
        X509 = "x509",
        /// User name and password of one's own; MQTT-type instances only.
        OneParty = "one-party",
    }
}

text_enum! {
    /// How strictly data is checked against the thing model.
    pub enum ValidateType {
        /// 1: identifier and data type.
        Weak = "Weak",
        /// 2: not at all.
        None = "None",
    }
}

/// What only Alibaba has. All but `tags` are fixed once the product exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlibabaProduct {
    /// `iothub_senior` for the Advanced edition; left out: Basic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliyun_commodity_code: Option<CommodityCode>,
    /// How devices connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net_type: Option<NetType>,
    /// Protocol between a sub-device and its gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_type: Option<AlibabaProtocol>,
    /// Join permission of the LoRa network; required with `netType: LORA`. The vendor never shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub join_permission_id: Option<String>,
    /// Way of authentication; must agree with `encryption` where both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,
    /// Whether ID² is used; must agree with `authType` where both are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id2: Option<bool>,
    /// Standard category whose thing model the product starts with, such as `Lighting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub category_key: Option<String>,
    /// Whether the thing model is published on creation. The vendor never shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_auto: Option<bool>,
    /// How strictly data is checked against the thing model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_type: Option<ValidateType>,
    /// Resource group. The vendor never shows it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub resource_group_id: Option<String>,
    /// Tags, at most 100. Tags that are not named here are left alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}
