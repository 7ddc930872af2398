//! The Kubernetes API of the operator: kinds, field rules, conditions, and every name that users may
//! write or read. Nothing elsewhere spells an annotation, label, finalizer or key by itself.

pub mod account;
pub mod condition;
pub mod core;
pub mod crd;
pub mod metadata;
pub mod product;
mod rule;
mod text_enum;

pub use account::{
    Account, AccountKind, AccountSettings, AccountView, Adoption, ClusterIotAccount, ClusterIotAccountSpec,
    IotAccount, IotAccountSpec, IotAccountStatus,
};
pub use condition::{Condition, Reason};
pub use product::{
    AccountRef, AdoptionPolicy, AlibabaProduct, DataFormat, DeletionPolicy, DriftPolicy, DynamicRegistration,
    Encryption, HuaweiProduct, IotProduct, IotProductSpec, IotProductStatus, ManagementPolicy, NodeType,
    ObservedStatus, Origin, RegistrationMode, SecretTemplate, TencentProduct, Vendor,
};

/// API group of every kind.
pub const GROUP: &str = "iot-products.io";
/// API version of every kind.
pub const VERSION: &str = "v1alpha1";

/// Finalizer of an `IotProduct`: the vendor may hold a product for it.
pub const PRODUCT_FINALIZER: &str = "iot-products.io/product";
/// Finalizer of an account: products or held Secrets depend on it.
pub const ACCOUNT_FINALIZER: &str = "iot-products.io/account";
/// Finalizer of a credentials Secret: something that needs it may have to be deleted at the vendor.
pub const IN_USE_FINALIZER: &str = "iot-products.io/in-use";

/// Annotation of an `IotProduct`: the creation ledger (protocol, Terms).
pub const CREATION_ANNOTATION: &str = "iot-products.io/creation";
/// Annotation of an account: this many products may be taken as gone.
pub const CONFIRM_MISSING_ANNOTATION: &str = "iot-products.io/confirm-missing";
/// Annotation of an `IotProduct`: any new value has a new password generated (Huawei).
pub const ROTATE_PASSWORD_ANNOTATION: &str = "iot-products.io/rotate-password";
/// Annotation of an `IotProduct`: let the object go without deleting at the vendor. The value is the
/// product id, or the object's UID when none is recorded.
pub const FORCE_FORGET_ANNOTATION: &str = "iot-products.io/force-forget";
/// Annotation of an `IotProduct`: any new value asks for a full check now.
pub const REQUESTED_AT_ANNOTATION: &str = "reconcile.fluxcd.io/requestedAt";

/// Label of an output Secret that names its writer.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "iot-product-operator";
/// Label of an output Secret: UID of the `IotProduct` it belongs to.
pub const OWNER_UID_LABEL: &str = "iot-products.io/owner-uid";

/// Annotation of an output Secret: hash of its data, which tells an edit by hand without asking the vendor.
pub const DATA_HASH_ANNOTATION: &str = "iot-products.io/data-hash";

/// Annotation of an output Secret: the labels and annotations that it has from the manifest, so that what the
/// manifest no longer names is taken off again.
pub const TEMPLATE_ANNOTATION: &str = "iot-products.io/template";

/// Annotation of an output Secret: from when on no late delivery of an unclear password call is to be feared.
pub const PASSWORD_SETTLES_ANNOTATION: &str = "iot-products.io/password-settles";
/// Annotation of an output Secret: the value of the product's [`ROTATE_PASSWORD_ANNOTATION`] that the newest
/// password in it was made for.
pub const PASSWORD_ROTATION_ANNOTATION: &str = "iot-products.io/password-rotation";

/// Type of a Secret whose values may be sent to a vendor.
pub const CREDENTIALS_TYPE: &str = "iot-products.io/credentials";
/// Label that says the same of a Secret of another type; its value is `true`.
pub const CREDENTIALS_LABEL: &str = "iot-products.io/credentials";

/// Type of an output Secret.
pub const SECRET_TYPE: &str = "iot-products.io/product-credentials";
/// What an output Secret's default name adds to the name of its `IotProduct`.
pub const SECRET_NAME_SUFFIX: &str = "-credentials";

/// Keys of an output Secret.
pub mod output_key {
    /// `spec.vendor`.
    pub const VENDOR: &str = "vendor";
    /// The vendor's id of the product.
    pub const PRODUCT_ID: &str = "productId";
    /// The vendor-side name.
    pub const PRODUCT_NAME: &str = "productName";
    /// Region of the account.
    pub const REGION: &str = "region";
    /// The product secret, when there is one.
    pub const PRODUCT_SECRET: &str = "productSecret";
    /// User name of the product's devices (Huawei).
    pub const USERNAME: &str = "username";
    /// Password of the product's devices (Huawei).
    pub const PASSWORD: &str = "password";
    /// A password that was sent but not yet clearly accepted (Huawei; protocol, Secrets).
    pub const PENDING_PASSWORD: &str = "pendingPassword";
    /// Device MQTT host, when known.
    pub const ENDPOINT: &str = "endpoint";
}

/// Keys of an account's credentials Secret.
pub mod credentials_key {
    /// Tencent: id of the key.
    pub const SECRET_ID: &str = "secretId";
    /// Tencent and Huawei: the key.
    pub const SECRET_KEY: &str = "secretKey";
    /// Tencent: token of a temporary key.
    pub const TOKEN: &str = "token";
    /// Alibaba: id of the key.
    pub const ACCESS_KEY_ID: &str = "accessKeyId";
    /// Alibaba: the key.
    pub const ACCESS_KEY_SECRET: &str = "accessKeySecret";
    /// Alibaba and Huawei: token of a temporary key.
    pub const SECURITY_TOKEN: &str = "securityToken";
    /// Huawei: id of the key.
    pub const ACCESS_KEY: &str = "accessKey";
    /// Huawei, password authentication: name of the account (domain).
    pub const DOMAIN_NAME: &str = "domainName";
    /// Huawei, password authentication: IAM user.
    pub const USER_NAME: &str = "userName";
    /// Huawei, password authentication: the user's password.
    pub const PASSWORD: &str = "password";
}
