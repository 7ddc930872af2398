//! Conditions: their types and the reasons of `Ready`.

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::text_enum::text_enum;

/// Condition type: the object is as the manifest says.
pub const READY: &str = "Ready";
/// Condition type: work is in progress; present only while True.
pub const RECONCILING: &str = "Reconciling";
/// Condition type: will not get better without a human; present only while True.
pub const STALLED: &str = "Stalled";
/// Condition type: the vendor has other values than the manifest; present only while True. Its message
/// begins with the fields, it is the Drift column.
pub const DRIFTED: &str = "Drifted";
/// Condition type: `spec.suspend` is set; present only while True.
pub const SUSPENDED: &str = "Suspended";

text_enum! {
    /// Reasons of the condition `Ready` of products and accounts.
    pub enum Reason {
        /// The product matches and its Secret is verified; the account answers.
        Available = "Available",
        /// The first creation is under way.
        Creating = "Creating",
        /// A required change is under way.
        Updating = "Updating",
        /// Deletion is under way.
        Deleting = "Deleting",
        /// The object that `accountRef` names does not exist.
        AccountNotFound = "AccountNotFound",
        /// The account does not admit this namespace.
        AccountNotAllowed = "AccountNotAllowed",
        /// The account is of another vendor.
        AccountMismatch = "AccountMismatch",
        /// The credentials Secret or one of its keys does not exist.
        CredentialsNotFound = "CredentialsNotFound",
        /// The vendor does not accept the key.
        CredentialsInvalid = "CredentialsInvalid",
        /// The key may not do what is needed.
        PermissionDenied = "PermissionDenied",
        /// The vendor account is overdue, isolated or not verified.
        AccountSuspended = "AccountSuspended",
        /// The endpoint does not serve what was asked: region, instance, action.
        EndpointMisconfigured = "EndpointMisconfigured",
        /// The operator's flags do not allow the endpoint.
        EndpointNotAllowed = "EndpointNotAllowed",
        /// The vendor's budget is used up.
        Throttled = "Throttled",
        /// The vendor does not answer or answers with an internal error.
        VendorUnavailable = "VendorUnavailable",
        /// The operator's clock and the vendor's are too far apart.
        ClockSkew = "ClockSkew",
        /// The vendor refuses a value of the manifest.
        InvalidSpec = "InvalidSpec",
        /// A product of that name exists and is not ours, or ours was taken over.
        NameConflict = "NameConflict",
        /// The only copy of the password is gone or altered.
        SecretLost = "SecretLost",
        /// A quota of the vendor account is used up.
        QuotaExceeded = "QuotaExceeded",
        /// The product is not there and is not created again by itself.
        ProductMissing = "ProductMissing",
        /// The vendor has another value in a field that can not be changed.
        ImmutableDrift = "ImmutableDrift",
        /// The vendor does not let the product be deleted.
        DeletionBlocked = "DeletionBlocked",
        /// A Secret of the output's name exists and is not ours.
        SecretConflict = "SecretConflict",
        /// Created suspended and never looked at.
        Suspended = "Suspended",
        /// Account: more products are gone at once than is believed without a confirmation.
        MassLoss = "MassLoss",
        /// Account: its deletion is held by products that need it.
        InUse = "InUse",
    }
}
