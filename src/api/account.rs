//! `IotAccount` and `ClusterIotAccount`: where a vendor is and with which key to talk to it.

mod object;
pub(crate) mod rules;
mod settings;
mod view;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::product::status::unobserved;
use super::text_enum::text_enum;
pub use object::{ClusterIotAccount, IotAccount};
pub(crate) use settings::parse_interval;
pub use settings::{
    AccountSettings, AlibabaAccount, AlibabaSignature, HuaweiAccount, HuaweiAuthentication, Limits,
    TencentAccount, TencentSite,
};
pub use view::{Account, AccountView, CredentialsRef};

text_enum! {
    /// Kind of an account.
    #[derive(Default)]
    pub enum AccountKind {
        /// In the product's namespace.
        #[default]
        IotAccount = "IotAccount",
        /// For many namespaces.
        ClusterIotAccount = "ClusterIotAccount",
    }
}

text_enum! {
    /// Which existing products an account's `IotProduct`s may take over.
    pub enum Adoption {
        /// None.
        None = "None",
        /// Products without a mark of any operator.
        Unmarked = "Unmarked",
        /// Any, also those with a foreign mark.
        Any = "Any",
    }
}

/// An account at a vendor, for the products of its namespace.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "iot-products.io",
    version = "v1alpha1",
    kind = "IotAccount",
    root = "IotAccountDefinition",
    plural = "iotaccounts",
    shortname = "iota",
    category = "iot",
    namespaced,
    status = "IotAccountStatus",
    derive = "PartialEq",
    doc = "An account at an IoT vendor: where it is and with which key to talk to it."
)]
#[serde(rename_all = "camelCase")]
pub struct IotAccountSpec {
    /// What both kinds of account have.
    #[serde(flatten)]
    pub settings: AccountSettings,
    /// The vendor's key.
    pub credentials: Credentials,
    /// Which existing products may be taken over.
    #[serde(default = "unmarked")]
    pub adoption: Adoption,
}

/// An account at a vendor, for the products of the namespaces that it admits.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "iot-products.io",
    version = "v1alpha1",
    kind = "ClusterIotAccount",
    root = "ClusterIotAccountDefinition",
    plural = "clusteriotaccounts",
    shortname = "ciota",
    category = "iot",
    status = "IotAccountStatus",
    derive = "PartialEq",
    doc = "An account at an IoT vendor that several namespaces may use."
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterIotAccountSpec {
    /// What both kinds of account have.
    #[serde(flatten)]
    pub settings: AccountSettings,
    /// The vendor's key.
    pub credentials: ClusterCredentials,
    /// Which existing products may be taken over.
    #[serde(default = "no_adoption")]
    pub adoption: Adoption,
    /// The namespaces whose products may use the account; none when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

fn unmarked() -> Adoption {
    Adoption::Unmarked
}

fn no_adoption() -> Adoption {
    Adoption::None
}

/// The key of an `IotAccount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Secret in the account's namespace. Tencent: `secretId`, `secretKey`, optional `token`. Alibaba:
    /// `accessKeyId`, `accessKeySecret`, optional `securityToken`. Huawei: `accessKey`, `secretKey`, optional
    /// `securityToken`, or `domainName`, `userName`, `password`.
    pub secret_ref: LocalSecretRef,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalSecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The key of a `ClusterIotAccount`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCredentials {
    /// Secret with the vendor's key; the same keys in it as for an `IotAccount`.
    pub secret_ref: NamespacedSecretRef,
}

/// A Secret in some namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedSecretRef {
    /// Namespace of the Secret.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Namespaces that may use an account: those that are named, and those that the selector matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Selector over the namespaces' labels; `{}` matches all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// What the operator knows of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IotAccountStatus {
    /// Generation of the spec that the conditions speak of; -1 before the first visit.
    #[serde(default = "unobserved")]
    pub observed_generation: i64,
    /// Products at the vendor, as last counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<ProductCount>,
    /// Stands for the key that has shown the account's products; another key is not believed before it has shown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
    /// What became of annotation `iot-products.io/confirm-missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_missing: Option<ConfirmedMissing>,
    /// Credentials Secrets that this account holds with a finalizer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_secrets: Vec<NamespacedSecretRef>,
    /// Value of annotation `reconcile.fluxcd.io/requestedAt` that was last carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

impl Default for IotAccountStatus {
    fn default() -> Self {
        Self {
            observed_generation: unobserved(),
            products: None,
            key_fingerprint: None,
            confirmed_missing: None,
            held_secrets: Vec::new(),
            last_handled_reconcile_at: None,
            conditions: Vec::new(),
        }
    }
}

/// A confirmation that products are gone. Each value of the annotation is used once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmedMissing {
    /// The value that was used last, or that there was nothing to use for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Products of the confirmed loss that were still missing at the last list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<i64>,
}

/// Products of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductCount {
    /// Kept by `IotProduct`s of this cluster.
    pub managed: i64,
    /// All that the vendor lists.
    pub total: i64,
    /// The others.
    pub unmanaged: i64,
}
