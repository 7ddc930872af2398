//! The output Secret over the life of a product, at the vendors that show product secrets.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use iot_test_harness::AuditEntry;
use serde_json::{Value, json};

use crate::manifest::{Contract, named_anywhere};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::side::{Shown, Side};
use crate::world::{PATIENCE, World, until};

type Body = std::pin::Pin<Box<dyn Future<Output = ()>>>;

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut add = |name: String, side, body: fn(World, Side) -> Body| {
        tests.push(Test::new(module_path!(), &name, Plane::Shared, move |world| body(world, side)));
    };
    for side in [Side::Tencent, Side::Alibaba] {
        let at = side.name().to_lowercase();
        add(format!("a_rename_writes_before_it_removes_at_{at}"), side, |w, s| Box::pin(rename(w, s)));
        add(format!("labels_and_annotations_are_kept_in_step_at_{at}"), side, |w, s| Box::pin(in_step(w, s)));
        add(format!("edits_by_hand_are_repaired_at_{at}"), side, |w, s| Box::pin(by_hand(w, s)));
        add(format!("one_that_cannot_be_edited_is_replaced_at_{at}"), side, |w, s| Box::pin(locked(w, s)));
        add(format!("a_new_product_replaces_every_key_at_{at}"), side, |w, s| Box::pin(created_anew(w, s)));
        add(format!("a_new_vendor_secret_is_written_at_{at}"), side, |w, s| Box::pin(changed(w, s)));
    }
    add("a_foreign_one_is_left_alone_at_alibabacloud".to_owned(), Side::Alibaba, |w, s| {
        Box::pin(foreign(w, s))
    });
    add("checks_are_spread".to_owned(), Side::Alibaba, |w, s| Box::pin(spread(w, s)));
    tests
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

fn secret_of(contract: &Contract) -> String {
    format!("{}-credentials", name(&contract.product))
}

async fn begin(world: &World, side: Side) -> (Contract, Operator, Object, Shown) {
    let mut contract = side.contract(world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let (object, shown) = side.agreed(world, name(&contract.product)).await;
    (contract, operator, object, shown)
}

/// Changes the manifest and waits until it is applied.
async fn edit(world: &World, product: &str, spec: Value) -> Object {
    world.edit(Kind::Product, product, json!({ "spec": spec })).await;
    world.product_until(product, "the edit", PATIENCE, Object::is_available).await
}

fn secret_writes(writes: Vec<AuditEntry>) -> Vec<String> {
    let secrets = writes.into_iter().filter(|write| write.resource == "secrets");
    secrets.map(|write| format!("{} {}", write.verb, write.name)).collect()
}

async fn rename(world: World, side: Side) {
    let (contract, _operator, _, _) = begin(&world, side).await;
    let (product, old) = (name(&contract.product), secret_of(&contract));
    let (_, before) = world.secret(&old).await.unwrap();
    let mark = world.audit_mark();
    let object = edit(&world, product, json!({"secret": {"name": "moved"}})).await;
    assert_eq!(object.text("/status/secretRef/name"), "moved");
    assert_eq!(world.secret("moved").await.unwrap().1, before);
    world.gone(Kind::Secret, &old, PATIENCE).await;
    let writes = secret_writes(world.writes_since(mark).await);
    assert_eq!(writes, ["create moved".to_owned(), format!("delete {old}")], "written before it is removed");
    world.delete(Kind::Product, product).await;
    world.gone(Kind::Product, product, PATIENCE).await;
    assert!(world.secret("moved").await.is_none());
}

async fn in_step(world: World, side: Side) {
    let (contract, _operator, _, _) = begin(&world, side).await;
    let (product, secret) = (name(&contract.product), secret_of(&contract));
    let theirs = json!({"metadata": {"labels": {"theirs": "l"}, "annotations": {"theirs": "a"}}});
    world.edit(Kind::Secret, &secret, theirs).await;
    let metadata = async || {
        let metadata = world.secret(&secret).await.unwrap().0.metadata;
        (metadata.labels.unwrap_or_default(), metadata.annotations.unwrap_or_default())
    };
    let template =
        json!({"labels": {"team": "heat", "tier": "1"}, "annotations": {"note": "n", "more": "m"}});
    edit(&world, product, json!({"secret": template})).await;
    let (labels, annotations) = metadata().await;
    assert_eq!((labels["team"].as_str(), labels["tier"].as_str()), ("heat", "1"));
    assert_eq!((annotations["note"].as_str(), annotations["more"].as_str()), ("n", "m"));
    // Changed, and taken out of the manifest.
    let change = json!({"labels": {"team": "cold", "tier": null}, "annotations": {"more": null}});
    edit(&world, product, json!({"secret": change})).await;
    let (labels, annotations) = metadata().await;
    assert_eq!((labels.get("team").map(String::as_str), labels.get("tier")), (Some("cold"), None));
    assert_eq!((annotations.get("note").map(String::as_str), annotations.get("more")), (Some("n"), None));
    // By hand.
    world
        .edit(
            Kind::Secret,
            &secret,
            json!({"metadata": {"labels": {"team": "x"}, "annotations": {"note": null}}}),
        )
        .await;
    world.check_now(product).await;
    let (labels, annotations) = metadata().await;
    assert_eq!((labels["team"].as_str(), annotations["note"].as_str()), ("cold", "n"));
    edit(&world, product, json!({"secret": null})).await;
    let (labels, annotations) = metadata().await;
    assert_eq!((labels.get("team"), annotations.get("note")), (None, None));
    assert_eq!((labels["theirs"].as_str(), annotations["theirs"].as_str()), ("l", "a"), "not ours to remove");
    side.agreed(&world, product).await;
}

async fn by_hand(world: World, side: Side) {
    let (contract, _operator, _, _) = begin(&world, side).await;
    let (product, secret) = (name(&contract.product), secret_of(&contract));
    let (_, before) = world.secret(&secret).await.unwrap();
    let damages = [
        Some(json!({"stringData": {"productSecret": "guessed", "productId": "other"}})),
        Some(json!({"data": {"productSecret": null, "region": null}})),
        Some(json!({"data": null})),
        Some(json!({"metadata": {"labels": null, "annotations": null}})),
        None,
    ];
    for damage in damages {
        match &damage {
            Some(patch) => world.edit(Kind::Secret, &secret, patch.clone()).await,
            None => world.delete(Kind::Secret, &secret).await,
        }
        world.check_now(product).await;
        side.agreed(&world, product).await;
        assert_eq!(world.secret(&secret).await.unwrap().1, before, "{damage:?}");
    }
}

/// Type and data of an immutable one can not be changed, so it is replaced.
async fn locked(world: World, side: Side) {
    let (contract, _operator, object, _) = begin(&world, side).await;
    let (product, secret) = (name(&contract.product), secret_of(&contract));
    let (written, before) = world.secret(&secret).await.unwrap();
    world.edit(Kind::Secret, &secret, json!({"immutable": true})).await;
    world.check_now(product).await;
    let (stored, after) = world.secret(&secret).await.unwrap();
    assert_eq!((stored.immutable, &after), (None, &before));
    // Written back by a backup that keeps the labels and not the type.
    world.delete(Kind::Secret, &secret).await;
    let restored = json!({
        "apiVersion": "v1", "kind": "Secret", "data": written.data,
        "metadata": {"name": secret, "namespace": world.namespace().name(), "labels": written.metadata.labels},
    });
    world.apply(&restored).await;
    world.check_now(product).await;
    let (stored, after) = world.secret(&secret).await.unwrap();
    assert_eq!(stored.type_, written.type_);
    assert_eq!(after, before);
    let (object_now, _) = side.agreed(&world, product).await;
    assert_eq!(object_now.id(), object.id());
}

async fn created_anew(world: World, side: Side) {
    let (contract, _operator, before, first) = begin(&world, side).await;
    let (product, secret) = (name(&contract.product), secret_of(&contract));
    world.edit(Kind::Secret, &secret, json!({"stringData": {"password": "of the old product"}})).await;
    world.check_now(product).await;
    match side {
        Side::Alibaba => world.admin().alibaba().delete_all_products("default").unwrap(),
        _ => world.tencent().delete_all_products("default").unwrap(),
    }
    let mark = world.audit_mark();
    world.ask_for_check(product).await;
    let anew = |object: &Object| object.is_available() && object.id().is_some() && object.id() != before.id();
    world.product_until(product, "created anew", PATIENCE, anew).await;
    let (object, second) = side.agreed(&world, product).await;
    assert_eq!(object.text("/status/previousProductId"), first.id);
    assert_ne!(first.secret, second.secret);
    let (_, data) = world.secret(&secret).await.unwrap();
    assert_eq!(data.get("password"), None, "it belonged to the old product");
    // A create that finds the old one changes nothing.
    let mut writes = secret_writes(world.writes_since(mark).await);
    writes.retain(|write| !write.starts_with("create"));
    assert_eq!(writes, [format!("patch {secret}")], "all keys at once");
}

/// The vendor gives the product another secret, and a check finds it.
async fn changed(world: World, side: Side) {
    let (contract, _operator, object, shown) = begin(&world, side).await;
    let (product, secret) = (name(&contract.product), secret_of(&contract));
    let new = "anewsecretofthevendor";
    match side {
        Side::Alibaba => drop(
            world
                .admin()
                .alibaba()
                .edit_product("default", &shown.id, |p| new.clone_into(&mut p.product_secret)),
        ),
        _ => world.behind_the_back(&shown.id, |p| new.clone_into(&mut p.product_secret)),
    }
    world.check_now(product).await;
    side.agreed(&world, product).await;
    assert_eq!(world.secret(&secret).await.unwrap().1["productSecret"], new);
    until("an Event", PATIENCE, async || {
        let notes = world.events("SecretRepaired", object.uid()).await;
        assert!(notes.iter().all(|note| !note.contains(new)));
        if notes.iter().any(|note| note.contains(&secret)) { Ok(()) } else { Err(notes.join("; ")) }
    })
    .await;
}

async fn foreign(world: World, side: Side) {
    let mut contract = side.contract(&world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let secret = secret_of(&contract);
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": {"productSecret": "theirs"},
        "metadata": {
            "name": secret, "namespace": world.namespace().name(),
            "labels": {"app.kubernetes.io/managed-by": "iot-product-operator"},
        },
    });
    world.apply(&theirs).await;
    let version = world.secret_version(&secret).await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let product = name(&contract.product);
    let object = world.reason(product, "SecretConflict").await;
    assert!(object.is("Stalled") && object.id().is_some(), "{}", object.brief());
    assert_eq!(world.secret_version(&secret).await, version);
    world.delete(Kind::Product, product).await;
    world.gone(Kind::Product, product, PATIENCE).await;
    assert_eq!(world.secret_version(&secret).await, version, "nor when its product goes");
    assert_eq!(side.products(&world), []);
}

/// Every product's Secret is looked at once per interval, and not all at once.
async fn spread(world: World, side: Side) {
    const PRODUCTS: usize = 8;
    const INTERVAL: Duration = Duration::from_secs(6);
    let mut contract = side.contract(&world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    let _operator = world.operator_with(&[("secret-check-interval", "6s")]).await;
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    let products: Vec<String> = (0..PRODUCTS).map(|number| format!("lamp-{number}")).collect();
    for product in &products {
        world.apply(&named_anywhere(&contract.product, product)).await;
    }
    for product in &products {
        side.agreed(&world, product).await;
    }
    let (calls, mark) = (world.call_mark(), world.audit_mark());
    let audit = world.plane().audit().unwrap();
    let looked = async || -> Vec<String> {
        let requests = audit.requests_by(world.user(), mark).await.unwrap();
        let looks = requests.into_iter().filter(|r| r.verb == "get" && r.resource == "secrets");
        looks.map(|r| r.name).filter(|name| name.ends_with("-credentials")).collect()
    };
    let begun = Instant::now();
    let first = until("a first look", PATIENCE, async || {
        let looks = looked().await.len();
        if looks > 0 { Ok(looks) } else { Err("none".to_owned()) }
    })
    .await;
    assert!(first < PRODUCTS, "not all at once");
    until("a look at every Secret", PATIENCE, async || {
        let looks: BTreeSet<String> = looked().await.into_iter().collect();
        if looks.len() == PRODUCTS { Ok(()) } else { Err(format!("{looks:?}")) }
    })
    .await;
    let (looks, intervals) = (looked().await.len(), begun.elapsed().as_secs() / INTERVAL.as_secs() + 2);
    assert!(
        looks <= PRODUCTS * usize::try_from(intervals).unwrap(),
        "{looks} looks in {intervals} intervals"
    );
    assert_eq!(world.calls_since(calls).into_iter().collect::<Vec<_>>(), []);
}
