//! A product as the vendor keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A product of an account. In JSON the members are spelt as in the vendor's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Product {
    /// Assigned when empty.
    pub product_key: String,
    /// Unique in the instance, unless the admin interface is told otherwise.
    pub product_name: String,
    /// Free text.
    pub description: String,
    /// Assigned when empty.
    pub product_secret: String,
    /// Instance that it lives in; the account's first one when empty.
    pub iot_instance_id: String,
    /// `iothub_senior`, or `iothub` for the Basic edition.
    pub aliyun_commodity_code: String,
    /// 0 device, 1 gateway.
    pub node_type: u64,
    /// 0 bytes, 1 JSON.
    pub data_format: u64,
    /// `WIFI`, `CELLULAR`, `ETHERNET`, `OTHER`, `LORA`.
    pub net_type: String,
    /// Protocol behind a gateway, empty for none.
    pub protocol_type: String,
    /// `secret`, `id2`, `x509`, `one-party`.
    pub auth_type: String,
    /// Whether ID² is used.
    pub id2: bool,
    /// 0 strong, 1 weak, 2 none.
    pub validate_type: u64,
    /// Standard category, empty for none.
    pub category_key: String,
    /// It is released: the console lets nobody change or delete it.
    pub released: bool,
    /// False for a product that another account shares.
    pub owner: bool,
    /// Milliseconds since the Unix epoch; the time of creation when 0.
    pub gmt_create: i64,
    /// Number of devices under the product.
    pub device_count: u64,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) sequence: u64,
}

impl Default for Product {
    fn default() -> Self {
        Self {
            product_key: String::new(),
            product_name: String::new(),
            description: String::new(),
            product_secret: String::new(),
            iot_instance_id: String::new(),
            aliyun_commodity_code: "iothub".to_owned(),
            node_type: 0,
            data_format: 1,
            net_type: "WIFI".to_owned(),
            protocol_type: String::new(),
            auth_type: "secret".to_owned(),
            id2: false,
            validate_type: 1,
            category_key: String::new(),
            released: false,
            owner: true,
            gmt_create: 0,
            device_count: 0,
            tags: BTreeMap::new(),
            sequence: 0,
        }
    }
}

impl Product {
    /// A product with a name and the vendor's defaults.
    pub fn named(name: &str) -> Self {
        Self { product_name: name.to_owned(), ..Self::default() }
    }

    /// The edition with a thing model.
    pub(crate) fn is_senior(&self) -> bool {
        self.aliyun_commodity_code == "iothub_senior"
    }
}
