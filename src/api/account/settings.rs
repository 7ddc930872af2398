//! What both kinds of account have.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::product::Vendor;
use crate::api::text_enum::text_enum;

text_enum! {
    /// Tencent's sites, which share neither hosts nor accounts.
    #[derive(Default)]
    pub enum TencentSite {
        /// cloud.tencent.com.
        #[default]
        Domestic = "Domestic",
        /// tencentcloud.com.
        International = "International",
    }
}

text_enum! {
    /// How Alibaba requests are signed.
    #[derive(Default)]
    pub enum AlibabaSignature {
        /// ACS3-HMAC-SHA256.
        #[default]
        Acs3 = "ACS3",
        /// HMAC-SHA1 over the parameters.
        Rpc = "RPC",
    }
}

text_enum! {
    /// How the operator proves to Huawei who it is.
    #[derive(Default)]
    pub enum HuaweiAuthentication {
        /// Requests are signed with an access key.
        #[default]
        AccessKey = "AccessKey",
        /// A token is fetched with an IAM user's password.
        Password = "Password",
    }
}

/// Longest base64 of `caBundle`: 32 KiB of PEM, some twenty certificates. Every account is kept in memory whole.
const CA_BUNDLE_LENGTH: u32 = (32 * 1024_u32).div_ceil(3) * 4;

/// What both kinds of account have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountSettings {
    /// The vendor and API. Can not be changed; another place is another account.
    pub vendor: Vendor,
    /// The vendor's region, such as `ap-guangzhou`, `cn-shanghai`, `cn-north-4`; may be left out for Tencent
    /// only. Can not be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub region: Option<String>,
    /// Scheme, host and port to call instead of the vendor's: a VPC host, a proxy. Allowed are the hosts of the
    /// vendor's API at port 443, or, if the operator runs with `--allowed-endpoints`, the hosts and ports that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub endpoint: Option<String>,
    /// Certificates (PEM, base64) to trust for `endpoint` besides the usual ones; up to 32 KiB of PEM. Only for a host that the
    /// operator's --allowed-endpoints names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = CA_BUNDLE_LENGTH), extend("format" = "byte"))]
    pub ca_bundle: Option<String>,
    /// What only Tencent has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tencent: Option<TencentAccount>,
    /// What only Alibaba has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alibaba: Option<AlibabaAccount>,
    /// What only Huawei has; required there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huawei: Option<HuaweiAccount>,
    /// Request budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// How often the account's products are compared with the vendor: `10m`, `1h30m`; `0s` is never. Less than the
    /// operator's `--min-resync-interval` (30 s) counts as that.
    #[serde(default = "ten_minutes")]
    #[schemars(length(min = 1, max = 32))]
    pub resync_interval: String,
    /// Within which time every product is read in full once, for what a list does not show; `0s` is never. Less than the
    /// operator's `--min-resync-interval` (30 s) counts as that.
    #[serde(default = "six_hours")]
    #[schemars(length(min = 1, max = 32))]
    pub full_read_interval: String,
}

fn ten_minutes() -> String {
    "10m".to_owned()
}

fn six_hours() -> String {
    "6h".to_owned()
}

/// What only a Tencent account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TencentAccount {
    /// The site that the account belongs to. Can not be changed.
    #[serde(default)]
    pub site: TencentSite,
}

/// What only an Alibaba account has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlibabaAccount {
    /// Id of the instance as the console shows it; left out for an old public instance that has none. Can
    /// not be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub instance_id: Option<String>,
    /// How requests are signed.
    #[serde(default)]
    pub signature: AlibabaSignature,
}

/// What only a Huawei account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HuaweiAccount {
    /// Id of the project of the region. Can not be changed.
    #[schemars(length(min = 1, max = 32))]
    pub project_id: String,
    /// Id of the ROMA Connect instance. Can not be changed.
    #[schemars(length(min = 1, max = 36))]
    pub instance_id: String,
    /// How the operator proves who it is. `AccessKey` (default): it signs with the key of the credentials Secret.
    /// `Password`: it sends the password of the credentials Secret to IAM, so that Secret must have label
    /// `iot-products.io/credentials: "true"` or type `iot-products.io/credentials`.
    #[serde(default)]
    pub authentication: HuaweiAuthentication,
    /// Scheme, host and port of IAM to call instead of the vendor's, for `authentication: Password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub iam_endpoint: Option<String>,
}

/// Request budgets of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Requests per second by vendor action, and `default` for the others. Lowers the built-in budgets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests_per_second: BTreeMap<String, i64>,
    /// If true, `requestsPerSecond` may raise a budget above the vendor's documented quota. If false, or if the operator
    /// runs with `--forbid-unsafe-limits`, it can only lower it.
    #[serde(default, rename = "unsafe")]
    pub above_quota: bool,
}

impl AccountSettings {
    /// The region, with Tencent's default.
    pub fn region(&self) -> &str {
        match (&self.region, self.vendor) {
            (Some(region), _) => region,
            (None, Vendor::TencentCloud) => "ap-guangzhou",
            (None, Vendor::TencentCloudLegacy) => "gz",
            (None, Vendor::AlibabaCloud | Vendor::HuaweiCloud) => "",
        }
    }

    /// The Tencent site.
    pub fn site(&self) -> TencentSite {
        self.tencent.unwrap_or_default().site
    }

    /// The keys that the credentials Secret must have.
    pub fn credentials_keys(&self) -> &'static [&'static str] {
        use super::super::credentials_key as key;
        match (self.vendor, self.sends_password()) {
            (Vendor::TencentCloud | Vendor::TencentCloudLegacy, _) => &[key::SECRET_ID, key::SECRET_KEY],
            (Vendor::AlibabaCloud, _) => &[key::ACCESS_KEY_ID, key::ACCESS_KEY_SECRET],
            (Vendor::HuaweiCloud, false) => &[key::ACCESS_KEY, key::SECRET_KEY],
            (Vendor::HuaweiCloud, true) => &[key::DOMAIN_NAME, key::USER_NAME, key::PASSWORD],
        }
    }

    /// Whether a value of the credentials Secret itself is sent to the vendor, instead of a signature made with it.
    pub fn sends_password(&self) -> bool {
        let huawei = self.huawei.as_ref().filter(|_| self.vendor == Vendor::HuaweiCloud);
        huawei.is_some_and(|huawei| huawei.authentication == HuaweiAuthentication::Password)
    }

    /// How often products are compared with the vendor; zero is never. A text that is no duration (only in
    /// an object from before the rule) counts as the default.
    pub fn resync_interval(&self) -> Duration {
        parse_interval(&self.resync_interval).unwrap_or(Duration::from_mins(10))
    }

    /// Within which time every product is read in full; zero is never. As [`Self::resync_interval`] for a
    /// text that is no duration.
    pub fn full_read_interval(&self) -> Duration {
        parse_interval(&self.full_read_interval).unwrap_or(Duration::from_hours(6))
    }
}

/// Reads `10m`, `1h30m`, `0s`.
pub(crate) fn parse_interval(text: &str) -> Option<Duration> {
    let parsed: kube::core::Duration = text.parse().ok()?;
    (!parsed.is_negative()).then(|| parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_go_writes_them() {
        assert_eq!(parse_interval("1h30m"), Some(Duration::from_mins(90)));
        assert_eq!(parse_interval("0s"), Some(Duration::ZERO));
        assert_eq!(parse_interval("-5m"), None);
        assert_eq!(parse_interval("10 minutes"), None);
        assert_eq!(parse_interval("10"), None);
    }

    #[test]
    fn defaults_of_an_account_are_those_of_the_schema() {
        let settings: AccountSettings =
            serde_json::from_value(serde_json::json!({"vendor": "TencentCloud"})).unwrap();
        assert_eq!(settings.region(), "ap-guangzhou");
        assert_eq!(settings.site(), TencentSite::Domestic);
        assert_eq!(settings.resync_interval(), Duration::from_mins(10));
        assert_eq!(settings.full_read_interval(), Duration::from_hours(6));
    }
}
