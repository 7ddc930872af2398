//! Tencent Cloud IoT Hub, API 3.0, version 2021-04-08.

// The vendor's older API reads the same kinds of answers (`super::tencent_legacy`).
pub(super) mod call;
pub(super) mod client;
mod connect;
mod error;
pub(super) mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod sign;
pub(super) mod wire;

use std::sync::Arc;

use secrecy::SecretString;

use crate::api::IotProductSpec;
use crate::api::account::TencentSite;
use crate::api::product::names;
use crate::api::product::tencent::SecretKeyRef;
use crate::http::Url;
use crate::http::limit::{Budget, Limiter};
use crate::http::transport::Transport;
use crate::metrics::Metrics;
use crate::vendor::{Field, Traits};

pub use client::Tencent;
pub(super) use connect::connect;
pub(super) use error::documented;
pub use fields::{RULES, SKEY};

/// Calls per second and account: the documents say 20 for every product action of this version, and
/// nothing else for those that do not say.
pub const BUDGETS: &[Budget] = &[
    Budget { action: "CreateProduct", per_second: 20 },
    Budget { action: "DescribeProduct", per_second: 20 },
    Budget { action: "DescribeProducts", per_second: 20 },
    Budget { action: "DescribeDevices", per_second: 20 },
    Budget { action: "DeleteProduct", per_second: 20 },
    Budget { action: "UpdateProductDynamicRegister", per_second: 20 },
    Budget { action: "SetProductsForbiddenStatus", per_second: 20 },
    Budget { action: "UpdateProductPrivateCA", per_second: 20 },
    Budget { action: "DeleteProductPrivateCA", per_second: 20 },
];

/// Names are unique in an account ("CreateProduct": `ProductAlreadyExist`); no action changes a description.
pub static TRAITS: Traits = Traits {
    refuses_taken_names: true,
    can_remark: false,
    reads_by_id: true,
    delete_checks_devices: false,
    sets_password: false,
    names: &names::TENCENT,
    // The console takes 500 characters and the API states no limit; the mark and its space take 29.
    description_units: 450,
    rules: RULES,
};

/// The Secret key that a manifest names as Skey.
pub fn inputs(spec: &IotProductSpec) -> Option<(Field, &SecretKeyRef)> {
    Some((SKEY, spec.tencent.as_ref()?.skey_secret_ref.as_ref()?))
}

/// Hosts of the API: nearest region, named region, international site ("Endpoints").
pub(super) const HOSTS: &[&str] = &[
    "iotcloud.tencentcloudapi.com",
    "iotcloud.??-*.tencentcloudapi.com",
    "iotcloud.intl.tencentcloudapi.com",
];

/// The host that serves the API of a site. A key of one site is unknown at the other.
pub(super) const fn host(site: TencentSite) -> &'static str {
    match site {
        TencentSite::Domestic => "iotcloud.tencentcloudapi.com",
        TencentSite::International => "iotcloud.intl.tencentcloudapi.com",
    }
}

/// What a client needs to know of its account.
pub struct Settings {
    /// Another host than the site's.
    pub endpoint: Option<Url>,
    /// Platform.
    pub site: TencentSite,
    /// Value of `X-TC-Region`: `ap-guangzhou`.
    pub region: String,
    /// Id of the key.
    pub secret_id: String,
    /// The key.
    pub secret_key: SecretString,
    /// Token of a temporary key.
    pub token: Option<SecretString>,
    /// Connections of the account.
    pub transport: Arc<Transport>,
    /// Budgets of the account.
    pub limiter: Arc<Limiter>,
    /// Counts calls.
    pub metrics: Metrics,
}
