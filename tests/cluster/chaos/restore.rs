//! etcd is restored to an earlier state: objects that are older than what the vendors have.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use iot_test_harness::Program;
use serde_json::json;
use tokio::time::sleep;

use super::CONVERGE;
use super::cast::{Cast, Item};
use crate::object::{Kind, Object};
use crate::side::{SIDES, Side};
use crate::world::{PATIENCE, World};

/// What became of a product after the snapshot.
const FATES: [&str; 5] = ["untouched", "edited", "deleted", "anew", "created"];

pub(super) async fn the_past_comes_back(world: World) {
    let mut cast = Cast::new(&world, 0).await;
    for side in SIDES {
        for fate in &FATES[..4] {
            add(&mut cast, side, fate).await;
        }
    }
    settle(&cast).await;
    let past = tempfile::tempdir().expect("a folder");
    with_etcd_stopped(&world, |data| copy(data, past.path()));

    for side in SIDES {
        add(&mut cast, side, "created").await;
    }
    for item in cast.items.iter().filter(|item| item.name.ends_with("edited")) {
        let spec = json!({"deletionPolicy": "Delete", "secret": {"labels": {"edited": "yes"}}});
        world.edit(Kind::Product, &item.name, json!({ "spec": spec })).await;
    }
    for number in 0..cast.items.len() {
        let name = cast.items[number].name.clone();
        if name.ends_with("deleted") || name.ends_with("anew") {
            world.delete(Kind::Product, &name).await;
            world.gone(Kind::Product, &name, PATIENCE * 2).await;
            cast.items[number].wanted = name.ends_with("anew");
        }
        if name.ends_with("anew") {
            cast.apply(number).await.expect("applied anew");
        }
    }
    settle(&cast).await;
    let huawei = passwords(&world);

    with_etcd_stopped(&world, |data| {
        fs::remove_dir_all(data).expect("the data goes");
        copy(past.path(), data);
    });
    // What Git says is applied again, as after any restore.
    cast.end_all().await;
    let begun = Instant::now();
    let verdict = loop {
        cast.tend().await;
        heal(&world, &cast, &huawei).await;
        let verdict = cast.verdict().await;
        if verdict.is_clean() || begun.elapsed() > CONVERGE {
            break verdict;
        }
        sleep(Duration::from_millis(500)).await;
    };
    eprintln!("{verdict}\nconverged after      {:.1} s", begun.elapsed().as_secs_f64());
    assert!(verdict.is_clean(), "{verdict}\n{}", verdict.details());
}

async fn add(cast: &mut Cast<'_>, side: Side, fate: &str) {
    let name = format!("{}-{fate}", side.name().to_lowercase());
    cast.items.push(Item { side, name, wanted: true });
    cast.apply(cast.items.len() - 1).await.expect("applied");
}

/// Waits until everything that is wanted is Ready.
async fn settle(cast: &Cast<'_>) {
    for item in cast.items.iter().filter(|item| item.wanted) {
        cast.world.product_until(&item.name, "Ready", PATIENCE * 3, Object::is_available).await;
    }
}

/// Vendor-side ids and how often each password was set.
fn passwords(world: &World) -> Vec<(i64, u64)> {
    let products = world.admin().huawei().products("default").expect("the products");
    products.iter().map(|product| (product.id, product.password_changes)).collect()
}

/// What a human does after a restore: says that losses are real, and asks for new passwords where the only copy
/// is not in this past. Until then nobody has set one.
async fn heal(world: &World, cast: &Cast<'_>, huawei: &[(i64, u64)]) {
    for account in world.list(Kind::Account).await {
        if account.reason() == "MassLoss" {
            // The message names the value.
            let (_, value) = account.message().split_once("confirm-missing=").expect("a way out");
            let value: String = value.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
            let patch = json!({"metadata": {"annotations": {"iot-products.io/confirm-missing": value}}});
            world.edit(Kind::Account, account.text("/metadata/name"), patch).await;
        }
    }
    for item in cast.items.iter().filter(|item| item.side == Side::Huawei && item.wanted) {
        let Some(object) = world.get(Kind::Product, &item.name).await else { continue };
        let asked = object.0.pointer("/metadata/annotations/iot-products.io~1rotate-password").is_some();
        if object.reason() != "SecretLost" || asked {
            continue;
        }
        let now = passwords(world);
        let id: i64 = object.id().and_then(|id| id.parse().ok()).expect("an id");
        let of = |all: &[(i64, u64)]| all.iter().find(|(other, _)| *other == id).map(|(_, changes)| *changes);
        assert_eq!(of(&now), of(huawei), "{}: no password is set unasked", item.name);
        let patch = json!({"metadata": {"annotations": {"iot-products.io/rotate-password": "restored"}}});
        world.edit(Kind::Product, &item.name, patch).await;
    }
}

fn with_etcd_stopped(world: &World, act: impl FnOnce(&Path)) {
    let plane = world.plane();
    for program in [Program::Apiserver, Program::Etcd] {
        plane.stop(program).expect("it stops");
    }
    act(&plane.directory().expect("its folder").join("etcd"));
    for program in [Program::Etcd, Program::Apiserver] {
        plane.start_again(program).expect("it starts");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
