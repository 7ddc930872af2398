//! A deletion of what an unclear attempt left, while the vendor's lists lag: they show a product of this object that
//! is gone, and hide the one that is there.

use std::time::Duration;

use iot_product_operator::api::{CREATION_ANNOTATION, PRODUCT_FINALIZER};
use iot_product_operator::plan::ledger::{Ledger, LedgerState};
use iot_product_operator::plan::mark::Mark;
use libtest_mimic::Failed;
use serde_json::json;

use crate::case;
use crate::check::ready;
use crate::vendor::Vendor;
use crate::world::{NAMESPACE, World};

/// Nothing of the object outlives it.
pub(crate) fn a_ghost_is_not_taken_for_what_is_there(vendor: Vendor) -> Result<(), Failed> {
    case::runtime().block_on(async {
        let mut world = World::new(vendor).await;
        world.until("the account is ready", |world| ready(world.account().as_deref())).await?;
        let mark = leave_unclear(&mut world).await;
        let description = format!("x {mark}");
        world.vendor.make(&world.simulator, "ghost", &description);
        world.pass(Duration::from_secs(30)).await;
        world.simulator.admin().edit_settings(|settings| settings.list_lag_ms = 20_000);
        let ghost = world.products().into_iter().find(|product| product.name == "ghost");
        world.vendor.remove(&world.simulator, &ghost.ok_or("no ghost")?.id);
        world.vendor.make(&world.simulator, "left_behind", &description);
        world.edit(&json!({"spec": {"suspend": false}})).await;
        world.delete().await;
        world.until("the object is gone", |world| world.object().is_none()).await?;
        let left: Vec<_> = world.products().into_iter().filter(|product| product.name != "foreign").collect();
        if left.is_empty() { Ok(()) } else { Err(format!("products outlive the object: {left:?}").into()) }
    })
}

/// An object as a process leaves it that died with its second attempt under way.
async fn leave_unclear(world: &mut World) -> Mark {
    let mut manifest = world.manifest();
    manifest["spec"]["suspend"] = json!(true);
    world.apply(&manifest).await;
    let uid = world.object().and_then(|object| object["metadata"]["uid"].as_str().map(str::to_owned));
    let uid = uid.expect("a UID");
    let ledger = Ledger {
        uid: uid.clone(),
        connection: String::new(),
        name: manifest["spec"]["name"].as_str().expect("a name").to_owned(),
        attempt: 2,
        deadline: iot_product_operator::clock::now(),
        state: LedgerState::Open,
        taken: None,
    };
    let left = json!({"metadata": {
        "finalizers": [PRODUCT_FINALIZER],
        "annotations": {CREATION_ANNOTATION: ledger.text()},
    }});
    world.edit(&left).await;
    Mark::of("crash", NAMESPACE, &world.name, &uid)
}
