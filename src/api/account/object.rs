//! The accounts, as they are read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Serialize};

use super::{
    ClusterIotAccountDefinition, ClusterIotAccountSpec, IotAccountDefinition, IotAccountSpec,
    IotAccountStatus,
};
use crate::api::metadata;

/// An account at an IoT vendor, for the products of its namespace: where it is and with which key to talk to it.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[resource(inherit = "IotAccountDefinition")]
pub struct IotAccount {
    /// Metadata; where it was read, without what the operator does not go by.
    #[serde(deserialize_with = "metadata::read_own")]
    pub metadata: ObjectMeta,
    /// What the user says.
    pub spec: IotAccountSpec,
    /// What the operator knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IotAccountStatus>,
}

/// An account at an IoT vendor that several namespaces may use.
#[derive(Resource, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[resource(inherit = "ClusterIotAccountDefinition")]
pub struct ClusterIotAccount {
    /// Metadata; where it was read, without what the operator does not go by.
    #[serde(deserialize_with = "metadata::read_own")]
    pub metadata: ObjectMeta,
    /// What the user says.
    pub spec: ClusterIotAccountSpec,
    /// What the operator knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IotAccountStatus>,
}
