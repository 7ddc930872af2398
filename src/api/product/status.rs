//! What the operator knows of a product.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::Condition;
use crate::api::text_enum::text_enum;

text_enum! {
    /// How the recorded product came to its object. The operator writes it with the product's id, and what may be done
    /// to the product follows from it: nothing that users may write, and no number of attempts, stands in for it.
    pub enum Origin {
        /// An attempt of this object created it.
        Created = "Created",
        /// It existed, and the account's `adoption` or a mark of a former object of the same name let it be taken over.
        Adopted = "Adopted",
        /// It exists and is only read (`managementPolicy: ObserveOnly`).
        Watched = "Watched",
    }
}

/// What the operator knows of the product. Nothing in it changes by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IotProductStatus {
    /// Generation of the spec that the conditions speak of; -1 before the first visit.
    #[serde(default = "unobserved")]
    pub observed_generation: i64,
    /// The vendor's id of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub product_id: Option<String>,
    /// How the product came to this object: `Created` by it, `Adopted`, or only `Watched`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The vendor-side name as last read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// The product as last read, field by field as in `spec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedStatus>,
    /// When the vendor created it; by the operator's clock until a read that shows it is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Huawei: serial of the product, part of its topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_serial: Option<String>,
    /// MQTT host of the product's devices, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The Secret that holds the product's credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// Fields in which the vendor has another value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Id of the product before this one, which was found missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_product_id: Option<String>,
    /// Mark that the product carried when it was taken over; empty if it carried none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted_mark: Option<String>,
    /// Number of the last creation attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_attempt: Option<i64>,
    /// Hash of values that were set and that the vendor never shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_hash: Option<String>,
    /// Salted hash of the confirmed password (Huawei).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// When the password is to be sent once more, in case an unclear call is still under way (Huawei).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_due_at: Option<String>,
    /// Value of annotation `iot-products.io/rotate-password` that was last carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_rotation: Option<String>,
    /// Value of annotation `reconcile.fluxcd.io/requestedAt` that was last carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl Default for IotProductStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            product_id: None,
            origin: None,
            product_name: None,
            observed: None,
            created_at: None,
            product_serial: None,
            endpoint: None,
            secret_ref: None,
            drift: Vec::new(),
            previous_product_id: None,
            adopted_mark: None,
            creation_attempt: None,
            applied_hash: None,
            password_hash: None,
            password_due_at: None,
            last_handled_rotation: None,
            last_handled_reconcile_at: None,
            conditions: Vec::new(),
        }
    }
}

/// Generation that kstatus reads as "not yet seen".
pub(crate) fn unobserved() -> i64 {
    -1
}

/// Name of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: String,
}

/// One field in which the vendor has another value than the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// Path of the field below `spec`.
    pub field: String,
    /// Value in the manifest.
    pub want: String,
    /// Value at the vendor.
    pub have: String,
}

/// The product as last read: every field that the vendor shows at the path it has in `spec`. Texts, also
/// where the spec knows only some values: a vendor may have others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedStatus {
    /// Vendor-side name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub name: Option<String>,
    /// Description without the operator's mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// How devices prove who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub encryption: Option<String>,
    /// Device or gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub node_type: Option<String>,
    /// JSON or bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub data_format: Option<String>,
    /// Dynamic registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_registration: Option<ObservedRegistration>,
    /// Whether the product's devices may work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What only Tencent has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tencent: Option<ObservedTencent>,
    /// What only Alibaba has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alibaba: Option<ObservedAlibaba>,
    /// What only Huawei has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei: Option<ObservedHuawei>,
}

/// Dynamic registration as last read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedRegistration {
    /// Who may register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub mode: Option<String>,
    /// How many devices may be created by registering.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}

/// Declares a section of [`ObservedStatus`] that has texts, and fields of other types behind them.
macro_rules! observed_section {
    ($(#[$meta:meta])* $name:ident { $($(#[$of:meta])* $text:ident),+ $(; $($(#[$other_of:meta])* $other:ident: $kind:ty),+)? $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$of])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schemars(length(max = 1024))]
            pub $text: Option<String>,)+
            $($($(#[$other_of])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $other: Option<$kind>,)+)?
        }
    };
}

observed_section! {
    /// What only Tencent has, as last read.
    ObservedTencent {
        /// Product type.
        product_type,
        /// Bound thing model.
        model_id,
        /// LoRa `AppEUI`.
        app_eui,
        /// Bound private CA.
        private_ca_name,
    }
}

observed_section! {
    /// What only Alibaba has, as last read.
    ObservedAlibaba {
        /// Edition: `iothub_senior`, or `iothub` for Basic.
        aliyun_commodity_code,
        /// How devices connect.
        net_type,
        /// Protocol between a sub-device and its gateway.
        protocol_type,
        /// Way of authentication.
        auth_type,
        /// Standard category.
        category_key,
        /// How strictly data is checked.
        validate_type;
        /// Whether ID² is used.
        id2: bool,
        /// Tags of the product.
        tags: BTreeMap<String, String>
    }
}

observed_section! {
    /// What only Huawei has, as last read.
    ObservedHuawei {
        /// Integration application.
        app_id,
        /// Id of the manufacturer.
        manufacturer_id,
        /// Name of the manufacturer.
        manufacturer_name,
        /// Model.
        model,
        /// Protocol of the devices.
        protocol_type,
        /// Device type.
        device_type,
        /// Version of the model.
        version,
        /// User name with which devices connect.
        user_name;
        /// Product template.
        template_id: i64
    }
}
