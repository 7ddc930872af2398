//! Tencent Cloud IoT Hub, API 2.0 (`/v2/index.php`): create, list and delete, and nothing else.

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

use crate::api::product::names;
use crate::http::Url;
use crate::http::limit::{Budget, Limiter};
use crate::http::transport::Transport;
use crate::metrics::Metrics;
use crate::vendor::Traits;

pub use client::TencentLegacy;
pub(super) use connect::connect;
pub(super) use error::documented;
pub use fields::RULES;

/// Calls per second and account. No number is documented, only that there is a quota (code 4400).
pub const BUDGETS: &[Budget] = &[
    Budget { action: "CreateProduct", per_second: 5 },
    Budget { action: "ListProducts", per_second: 5 },
    Budget { action: "ListDevices", per_second: 5 },
    Budget { action: "DeleteProduct", per_second: 5 },
];

/// Names are unique in an account (`CreateProduct`: error 1001). There is no action that reads one product
/// and none that changes one ("API Overview").
pub static TRAITS: Traits = Traits {
    refuses_taken_names: true,
    can_remark: false,
    reads_by_id: false,
    delete_checks_devices: false,
    sets_password: false,
    names: &names::TENCENT,
    // The console takes 500 characters and the API states no limit; the mark and its space take 29.
    description_units: 450,
    rules: RULES,
};

/// The host that serves the API; there is none abroad.
pub(super) const HOST: &str = "iotcloud.api.qcloud.com";

/// Hosts of the API.
pub(super) const HOSTS: &[&str] = &[HOST];

/// The only path, which is signed.
const PATH: &str = "/v2/index.php";

/// What a client needs to know of its account.
pub struct Settings {
    /// Another host than the vendor's; its path is not used.
    pub endpoint: Option<Url>,
    /// Value of the common parameter `Region`: `gz`.
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
