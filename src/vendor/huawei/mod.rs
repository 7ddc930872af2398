//! Huawei Cloud ROMA Connect LINK, API v2.

mod attempts;
mod call;
mod client;
mod connect;
mod error;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod sign;
mod token;
mod wire;

use std::sync::Arc;

use secrecy::SecretString;

use crate::api::product::names;
use crate::http::Url;
use crate::http::limit::{Budget, Limiter};
use crate::http::transport::Transport;
use crate::metrics::Metrics;
use crate::vendor::Traits;

pub use attempts::{Attempts, Refusals};
pub use client::Huawei;
pub(super) use connect::connect;
pub(super) use error::documented;
pub use fields::{RULES, USER_NAME};

/// Calls per second and account. The documents name no number for this API and answer 429 beyond it; ten is
/// what its console manages without.
pub const BUDGETS: &[Budget] = &[
    Budget { action: "CreateProduct", per_second: 10 },
    Budget { action: "ListProducts", per_second: 10 },
    Budget { action: "ShowProduct", per_second: 10 },
    Budget { action: "UpdateProduct", per_second: 10 },
    Budget { action: "DeleteProduct", per_second: 10 },
    Budget { action: "ListDevicesInProduct", per_second: 10 },
    Budget { action: "ResetProductAuthentication", per_second: 10 },
    Budget { action: token::ACTION, per_second: 1 },
];

/// Whether a taken name is refused, in what scope and with which code is not documented, so look-ups come
/// before creates ("`CreateProduct`": the name "must be unique in the tenant", no code).
pub static TRAITS: Traits = Traits {
    refuses_taken_names: false,
    can_remark: true,
    reads_by_id: true,
    delete_checks_devices: true,
    sets_password: true,
    names: &names::HUAWEI,
    // 200 characters; the mark and its space take 29.
    description_units: 170,
    rules: RULES,
};

/// Hosts of ROMA Connect in a region, and of IAM in a region and everywhere ("Endpoints").
pub(super) const HOSTS: &[&str] =
    &["roma.??-*.myhuaweicloud.com", "iam.??-*.myhuaweicloud.com", "iam.myhuaweicloud.com"];

/// How the account proves who it is.
pub enum Credentials {
    /// Every request is signed.
    AccessKey {
        /// Id of the key.
        access_key: String,
        /// The key.
        secret_key: SecretString,
        /// Token of a temporary key.
        security_token: Option<SecretString>,
        /// Signing failures of this key, whichever client had them.
        attempts: Arc<Attempts>,
    },
    /// A token is fetched with an IAM user's password and sent with every request.
    Password {
        /// Another host than the region's IAM.
        iam_endpoint: Option<Url>,
        /// Name of the account that the user belongs to.
        domain_name: String,
        /// IAM user with programmatic access.
        user_name: String,
        /// The user's password.
        password: SecretString,
        /// Refused logins of this user, whichever client had them.
        attempts: Arc<Attempts>,
    },
}

/// What a client needs to know of its account.
pub struct Settings {
    /// Another host than the region's.
    pub endpoint: Option<Url>,
    /// `cn-north-4`.
    pub region: String,
    /// Project of the region.
    pub project_id: String,
    /// ROMA Connect instance.
    pub instance_id: String,
    /// How the account proves who it is.
    pub credentials: Credentials,
    /// Connections of the account.
    pub transport: Arc<Transport>,
    /// Budgets of the account.
    pub limiter: Arc<Limiter>,
    /// Counts calls.
    pub metrics: Metrics,
}
