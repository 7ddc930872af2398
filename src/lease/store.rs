//! The API server as the place where the lease is kept.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use kube::{Client, Error};

/// Where the lease is kept.
pub(super) trait Store: Send + Sync {
    fn read(&self) -> impl Future<Output = Result<Option<Lease>, StoreError>> + Send;

    /// Creates the lease if it has no resourceVersion, else replaces it at exactly that version.
    fn write(&self, lease: &Lease) -> impl Future<Output = Result<Lease, StoreError>> + Send;
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("the lease was changed by somebody else")]
    Conflict,
    #[error("the API server did not answer as expected")]
    Api(#[source] Box<Error>),
    #[cfg(test)]
    #[error("the test's store refused")]
    Refused,
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) if status.code == 409 => Self::Conflict,
            error => Self::Api(Box::new(error)),
        }
    }
}

pub(super) struct KubeStore {
    api: Api<Lease>,
    name: String,
}

impl KubeStore {
    pub(super) fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned() }
    }
}

impl Store for KubeStore {
    async fn read(&self) -> Result<Option<Lease>, StoreError> {
        Ok(self.api.get_opt(&self.name).await?)
    }

    async fn write(&self, lease: &Lease) -> Result<Lease, StoreError> {
        let params = PostParams::default();
        match lease.metadata.resource_version {
            None => Ok(self.api.create(&params, lease).await?),
            Some(_) => Ok(self.api.replace(&self.name, &params, lease).await?),
        }
    }
}
