use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ObjectMeta, PostParams};
use kube::runtime::{conditions, wait};
use kube::{Api, Client};
use tokio::time::timeout;

use crate::Error;

/// How long deletion of a namespace may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A namespace of one test. It stays when dropped: the control plane ends with the tests.
#[derive(Clone)]
pub struct TestNamespace {
    name: String,
    client: Client,
}

impl TestNamespace {
    pub(crate) async fn create(client: Client, prefix: &str) -> Result<Self, Error> {
        let name = format!("{prefix}-{:08x}", crate::random() & 0xffff_ffff);
        let namespace = Namespace {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &namespace)
            .await
            .map_err(Error::api(format!("create namespace {name}")))?;
        Ok(Self { name, client })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for its deletion and returns at once.
    ///
    /// # Errors
    ///
    /// When the API server refuses.
    pub async fn delete(&self) -> Result<(), Error> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        api.delete(&self.name, &DeleteParams::default())
            .await
            .map(drop)
            .map_err(Error::api(format!("delete namespace {}", self.name)))
    }

    /// Waits until it and everything in it is gone; Kubernetes lets five seconds pass before it begins.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] after two minutes.
    pub async fn gone(&self) -> Result<(), Error> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace =
            api.get_opt(&self.name).await.map_err(Error::api(format!("get namespace {}", self.name)))?;
        let Some(uid) = namespace.and_then(|n| n.metadata.uid) else {
            return Ok(());
        };
        let deleted = wait::await_condition(api, &self.name, conditions::is_deleted(&uid));
        match timeout(PATIENCE, deleted).await {
            Ok(outcome) => outcome
                .map(drop)
                .map_err(|e| Error::Watch { what: format!("namespace {}", self.name), source: Box::new(e) }),
            Err(_) => Err(Error::TimedOut {
                what: format!("the end of namespace {}", self.name),
                seconds: PATIENCE.as_secs(),
            }),
        }
    }
}

impl fmt::Debug for TestNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestNamespace").field(&self.name).finish()
    }
}

impl fmt::Display for TestNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
