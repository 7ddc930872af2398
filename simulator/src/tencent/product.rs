//! A product as the vendor keeps it.

use serde::{Deserialize, Serialize};

/// A product of an account. In JSON the members are spelt as in the vendor's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Product {
    /// Assigned when empty.
    pub product_id: String,
    /// Unique in the account, unless the admin interface is told otherwise.
    pub product_name: String,
    /// Free text.
    pub product_description: String,
    /// `1` certificate, `2` key.
    pub encryption_type: String,
    /// 0 normal, 2 NB-IoT, 3 `LoRa` gateway, 4 `LoRa`, 5 gateway.
    pub product_type: u64,
    /// `json` or `custom`.
    pub format: String,
    /// `AppEUI` of `LoRa` products.
    #[serde(rename = "AppEUI")]
    pub app_eui: String,
    /// Bound thing model, `-1` for none.
    pub model_id: String,
    /// Dynamic registration: 0 off, 1 pre-created names, 2 names created on demand.
    pub register_type: u64,
    /// Cap of devices created on demand.
    pub register_limit: u64,
    /// Key for dynamic registration; empty until that is first switched on.
    pub product_secret: String,
    /// Bound private CA, empty for none.
    #[serde(rename = "PrivateCAName")]
    pub private_ca_name: String,
    /// 0 enabled, 1 disabled.
    pub forbidden_status: u64,
    /// Seconds since the Unix epoch; the time of creation when 0.
    pub creation_date: i64,
    /// Number of devices under the product.
    pub device_count: u64,
    /// Region of the call that created it (`ap-guangzhou`); the account's first one when empty.
    pub region: String,
    #[serde(skip)]
    pub(crate) sequence: u64,
}

impl Default for Product {
    fn default() -> Self {
        Self {
            product_id: String::new(),
            product_name: String::new(),
            product_description: String::new(),
            encryption_type: "1".to_owned(),
            product_type: 0,
            format: "json".to_owned(),
            app_eui: String::new(),
            model_id: "-1".to_owned(),
            register_type: 0,
            register_limit: 10_000,
            product_secret: String::new(),
            private_ca_name: String::new(),
            forbidden_status: 0,
            creation_date: 0,
            device_count: 0,
            region: String::new(),
            sequence: 0,
        }
    }
}

impl Product {
    /// A product with a name and the vendor's defaults.
    pub fn named(name: &str) -> Self {
        Self { product_name: name.to_owned(), ..Self::default() }
    }
}
