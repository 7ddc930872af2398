//! What users do while things go wrong.

use std::time::Duration;

use serde_json::{Value, json};

use crate::check;
use crate::vendor::Vendor;
use crate::world::World;

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operation {
    Create,
    Update,
    Rename,
    SecretRename,
    Drift,
    Adopt,
    Delete,
    /// Deletes what has just been created: a fault of the creation is not yet settled then.
    DeleteCreating,
    Retain,
    NamespaceTeardown,
}

use Operation::{
    Adopt, Create, Delete, DeleteCreating, Drift, NamespaceTeardown, Rename, Retain, SecretRename, Update,
};

/// Name of the Secret after a rename.
pub(crate) const RENAMED_SECRET: &str = "renamed-credentials";

impl Operation {
    pub(crate) const ALL: [Self; 10] = [
        Create,
        Update,
        Rename,
        SecretRename,
        Drift,
        Adopt,
        Delete,
        DeleteCreating,
        Retain,
        NamespaceTeardown,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Create => "create",
            Update => "update",
            Rename => "rename",
            SecretRename => "secret-rename",
            Drift => "drift",
            Adopt => "adopt",
            Delete => "delete",
            DeleteCreating => "delete-creating",
            Retain => "retain",
            NamespaceTeardown => "namespace-teardown",
        }
    }

    /// Whether the vendor can do it at all.
    pub(crate) fn applies(self, vendor: Vendor) -> bool {
        match self {
            Update | Drift => vendor != Vendor::Legacy,
            Rename => !matches!(vendor, Vendor::Tencent | Vendor::Legacy),
            _ => true,
        }
    }

    /// The product's manifest before the operation.
    fn before(self, world: &World) -> Value {
        let mut manifest = world.manifest();
        if self == Retain {
            manifest["spec"]["deletionPolicy"] = json!("Retain");
        }
        if self == Drift {
            manifest["spec"]["resyncInterval"] = json!("30s");
        }
        if self == Adopt {
            manifest["spec"]["adoptionPolicy"] = json!("MatchName");
            if matches!(world.vendor, Vendor::Tencent | Vendor::Legacy) {
                // There it cannot be changed.
                manifest["spec"].as_object_mut().expect("a spec").remove("description");
            }
            if matches!(world.vendor, Vendor::Huawei | Vendor::HuaweiOpen) {
                // The vendor does not show the password of what somebody else made.
                manifest["metadata"]["annotations"] = json!({"iot-products.io/rotate-password": "1"});
            }
            // What a maker of products in a console would not have set alike.
            for frozen in ["encryption", "nodeType", "dataFormat"] {
                manifest["spec"].as_object_mut().expect("a spec").remove(frozen);
            }
        }
        manifest
    }

    /// Brings the world to where the operation begins, without faults.
    pub(crate) async fn prepare(self, world: &mut World) -> Result<(), String> {
        world.until("the account is ready", |world| check::ready(world.account().as_deref())).await?;
        if matches!(self, Create | DeleteCreating | Adopt) {
            if self == Adopt {
                let name = world.manifest()["spec"]["name"].as_str().expect("a name").to_owned();
                world.vendor.make(&world.simulator, &name, "made by hand");
            }
            // The account's first list is too old to serve as a look-up then, and no list that lags hides what
            // was made by hand: a vendor that takes a name twice would.
            world.pass(Duration::from_mins(1)).await;
            return Ok(());
        }
        let manifest = self.before(world);
        world.apply(&manifest).await;
        world.until("the product is ready", |world| check::ready(world.object().as_deref())).await?;
        world.pass(Duration::from_secs(15)).await;
        Ok(())
    }

    /// Does it.
    pub(crate) async fn act(self, world: &mut World) {
        match self {
            Create | Adopt => world.apply(&self.before(world)).await,
            Update => {
                let patch = match world.vendor {
                    Vendor::Tencent => {
                        json!({"spec": {"dynamicRegistration": {"limit": 77}, "enabled": false}})
                    }
                    Vendor::Alibaba => json!({"spec": {"description": "changed",
                        "alibaba": {"tags": {"env": "test", "more": "yes"}}}}),
                    _ => json!({"spec": {"description": "changed"}}),
                };
                world.edit(&patch).await;
            }
            Rename => world.edit(&json!({"spec": {"name": "renamed_01"}})).await,
            SecretRename => world.edit(&json!({"spec": {"secret": {"name": RENAMED_SECRET}}})).await,
            Drift => {
                let id = check::product_id(world).expect("a product");
                world.vendor.disturb(&world.simulator, &id);
            }
            Delete | Retain => world.delete().await,
            DeleteCreating => {
                world.apply(&self.before(world)).await;
                // As soon as the product is there; or without one, where a fault keeps it away.
                for _ in 0..40 {
                    if check::has_one(world) {
                        break;
                    }
                    world.pass(Duration::from_millis(50)).await;
                }
                world.delete().await;
            }
            NamespaceTeardown => world.end_namespace().await,
        }
    }
}
