//! What an unclear attempt left, while the vendor's lists lag: they show a product of this object that is gone, and
//! hide the one that is there.

use std::time::Duration;

use iot_product_operator::api::{CREATION_ANNOTATION, PRODUCT_FINALIZER};
use iot_product_operator::plan::ledger::{Ledger, LedgerState};
use iot_product_operator::plan::mark::Mark;
use libtest_mimic::Failed;
use serde_json::json;

use crate::case;
use crate::check::{product_id, ready};
use crate::vendor::Vendor;
use crate::world::{NAMESPACE, World};

/// Nothing of the object outlives it.
pub(crate) fn a_deletion_takes_away_what_is_there(vendor: Vendor) -> Result<(), Failed> {
    case::runtime().block_on(async {
        let mut world = haunted(vendor).await?;
        world.edit(&json!({"spec": {"suspend": false}})).await;
        world.delete().await;
        world.until("the object is gone", |world| world.object().is_none()).await?;
        let left = ours(&world);
        if left.is_empty() { Ok(()) } else { Err(format!("products outlive the object: {left:?}").into()) }
    })
}

/// What is there is recorded, and nothing is created beside it.
pub(crate) fn what_is_there_is_recorded(vendor: Vendor) -> Result<(), Failed> {
    case::runtime().block_on(async {
        let mut world = haunted(vendor).await?;
        let there = ours(&world);
        world.edit(&json!({"spec": {"suspend": false}})).await;
        world.until("the product is ready", |world| ready(world.object().as_deref())).await?;
        world.pass(Duration::from_mins(2)).await;
        let (now, recorded) = (ours(&world), product_id(&world));
        if now == there && recorded.as_ref() == there.first() {
            return Ok(());
        }
        Err(format!("{there:?} became {now:?}, recorded {recorded:?}").into())
    })
}

fn ours(world: &World) -> Vec<String> {
    let ours = world.products().into_iter().filter(|product| product.name != "foreign");
    ours.map(|product| product.id).collect()
}

/// The attempt left a product, and the list shows another that is gone.
async fn haunted(vendor: Vendor) -> Result<World, String> {
    let mut world = World::new(vendor).await;
    world.until("the account is ready", |world| ready(world.account().as_deref())).await?;
    let mark = leave_unclear(&mut world).await;
    let name = world.manifest()["spec"]["name"].as_str().expect("a name").to_owned();
    world.vendor.make(&world.simulator, "ghost", &format!("x {mark}"));
    world.pass(Duration::from_secs(30)).await;
    world.simulator.admin().edit_settings(|settings| settings.list_lag_ms = 20_000);
    let ghost = ours(&world);
    world.vendor.remove(&world.simulator, &ghost[0]);
    world.vendor.make(&world.simulator, &name, &format!("x {mark}"));
    Ok(world)
}

/// An object as a process leaves it that died with its second attempt under way.
async fn leave_unclear(world: &mut World) -> Mark {
    let mut manifest = world.manifest();
    let spec = manifest["spec"].as_object_mut().expect("a spec");
    spec.insert("suspend".to_owned(), json!(true));
    // What is made by hand below has them otherwise, and some vendors cannot change them.
    for frozen in ["description", "encryption", "nodeType", "dataFormat"] {
        spec.remove(frozen);
    }
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
        again: None,
    };
    let left = json!({"metadata": {
        "finalizers": [PRODUCT_FINALIZER],
        "annotations": {CREATION_ANNOTATION: ledger.text()},
    }});
    world.edit(&left).await;
    Mark::of("crash", NAMESPACE, &world.name, &uid)
}
