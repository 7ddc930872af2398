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
    /// Another password, by annotation.
    Rotate,
    /// The product is deleted in the vendor's console.
    Lost,
    /// The account's key is another account's for a minute.
    WrongKey,
    Delete,
    /// Deletes what has just been created: a fault of the creation is not yet settled then.
    DeleteCreating,
    Retain,
    NamespaceTeardown,
}

use Operation::{
    Adopt, Create, Delete, DeleteCreating, Drift, Lost, NamespaceTeardown, Rename, Retain, Rotate,
    SecretRename, Update, WrongKey,
};

const ROTATE: &str = "iot-products.io/rotate-password";
/// What the annotation asks for.
pub(crate) const ROTATION: &str = "1";
/// Name of the Secret after a rename.
pub(crate) const RENAMED_SECRET: &str = "renamed-credentials";

impl Operation {
    pub(crate) const ALL: [Self; 13] = [
        Create,
        Update,
        Rename,
        SecretRename,
        Drift,
        Adopt,
        Rotate,
        Lost,
        WrongKey,
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
            Rotate => "rotate",
            Lost => "lost",
            WrongKey => "wrong-key",
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
            Rotate => matches!(vendor, Vendor::Huawei | Vendor::HuaweiOpen),
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
                if matches!(world.vendor, Vendor::Huawei | Vendor::HuaweiOpen) {
                    // The vendor does not show the password of what somebody else made, so he brings it.
                    world.bring_secret().await;
                }
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
            Rotate => {
                world.edit(&json!({"metadata": {"annotations": {ROTATE: ROTATION}}})).await;
            }
            Lost => {
                let id = check::product_id(world).expect("a product");
                world.vendor.remove(&world.simulator, &id);
            }
            WrongKey => {
                let other = world.vendor.other_key(&world.simulator);
                let right = world.exchange_key(&other).await;
                world.pass(Duration::from_mins(1)).await;
                world.exchange_key(&right).await;
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
