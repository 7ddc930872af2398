//! Alibaba Cloud IoT Platform, version 2018-01-20.

mod call;
mod client;
mod connect;
mod error;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod sign;
mod wire;

use std::sync::Arc;

use secrecy::SecretString;

use crate::api::account::AlibabaSignature;
use crate::api::product::names;
use crate::http::Url;
use crate::http::limit::{Budget, Limiter};
use crate::http::transport::Transport;
use crate::metrics::Metrics;
use crate::vendor::Traits;

pub use client::Alibaba;
pub(super) use connect::connect;
pub(super) use error::documented;
pub use fields::RULES;

/// Calls per second and account, one number for each action's page. RAM users share their account's.
pub const BUDGETS: &[Budget] = &[
    Budget { action: "CreateProduct", per_second: 50 },
    Budget { action: "QueryProduct", per_second: 50 },
    // 2 for pages from the 100,000th product on, which an instance with 1,000 products does not have.
    Budget { action: "QueryProductList", per_second: 50 },
    Budget { action: "UpdateProduct", per_second: 10 },
    Budget { action: "DeleteProduct", per_second: 500 },
    Budget { action: "CreateProductTags", per_second: 500 },
    Budget { action: "UpdateProductTags", per_second: 500 },
    Budget { action: "ListProductTags", per_second: 500 },
];

/// Names are unique in an instance ("CreateProduct": `AlreadyExistedProductName`).
pub static TRAITS: Traits = Traits {
    refuses_taken_names: true,
    can_remark: true,
    reads_by_id: true,
    delete_checks_devices: true,
    sets_password: false,
    names: &names::ALIBABA,
    // 100 characters ("CreateProduct"); the mark and its space take 29.
    description_units: 71,
    rules: RULES,
};

/// Hosts of the API: of a region, and of a region from within its VPCs ("Endpoints").
pub(super) const HOSTS: &[&str] = &["iot.??-*.aliyuncs.com", "iot-vpc.??-*.aliyuncs.com"];

/// The host that serves the API of a region.
pub(super) fn host(region: &str) -> String {
    format!("iot.{region}.aliyuncs.com")
}

/// What a client needs to know of its account.
pub struct Settings {
    /// Another host than the region's.
    pub endpoint: Option<Url>,
    /// Region: `cn-shanghai`.
    pub region: String,
    /// Id of the instance; an old public instance has none.
    pub instance: Option<String>,
    /// How requests are signed.
    pub signature: AlibabaSignature,
    /// Id of the key.
    pub key_id: String,
    /// The key.
    pub secret: SecretString,
    /// Token of a temporary key.
    pub token: Option<SecretString>,
    /// Connections of the account.
    pub transport: Arc<Transport>,
    /// Budgets of the account.
    pub limiter: Arc<Limiter>,
    /// Counts calls.
    pub metrics: Metrics,
}
