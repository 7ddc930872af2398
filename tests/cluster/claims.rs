//! Two claims on one product, across accounts, kinds of account and namespaces: the first keeps it, and nobody
//! takes what is another tenant's.

use futures::future::join_all;
use iot_simulator::tencent::Product;
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::manifest::{Contract, named};
use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::{ACCOUNT, CREATE, DELETE, mark};
use crate::world::{PATIENCE, World, until};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for side in SIDES {
        let name = format!("two_accounts_of_one_vendor_account_at_{}", side.name().to_lowercase());
        let body = move |world| Box::pin(two_accounts(world, side)) as _;
        tests.push(Test::new(module_path!(), &name, Plane::Shared, body));
    }
    let body = |world| Box::pin(claims_at_once(world)) as _;
    tests.push(Test::new(module_path!(), "claims_at_once", Plane::Shared, body));
    let body = |world| Box::pin(both_recorded(world)) as _;
    tests.push(Test::new(module_path!(), "of_two_that_record_it_the_older_keeps_it", Plane::Shared, body));
    let body = |world| Box::pin(tenants(world)) as _;
    tests.push(Test::new(module_path!(), "tenants_of_a_cluster_account", Plane::Own, body));
    tests
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

async fn bring_secret(there: &Elsewhere<'_>, side: Side, product: &Value, id: &str, password: &str) {
    if side == Side::Huawei {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "iot-products.io/product-credentials",
            "metadata": {"name": format!("{}-credentials", name(product))},
            "stringData": {"vendor": side.name(), "productId": id, "password": password},
        });
        there.apply(&secret).await;
    }
}

fn both(world: &World, other: &Elsewhere<'_>) -> String {
    format!("{},{}", world.namespace().name(), other.name())
}

/// The vendor account is named by an account in each of two namespaces.
async fn two_accounts(world: World, side: Side) {
    let other = world.elsewhere("claims").await;
    let _operator = world.operator_with(&[("watch-namespaces", &both(&world, &other))]).await;
    let mut contract = side.contract(&world);
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract.account["spec"]["adoption"] = json!("Any");
    contract.product["spec"]["deletionPolicy"] = json!("Retain");
    world.apply_all(&contract).await;
    let (object, shown) = side.agreed(&world, name(&contract.product)).await;

    let mut second = contract.product.clone();
    second["spec"]["productId"] = json!(shown.id);
    for manifest in [&contract.key, &contract.account, &second] {
        other.apply(manifest).await;
    }
    let refused = other.reason(name(&second), "NameConflict").await;
    assert!(refused.is("Stalled") && refused.id().is_none(), "{}", refused.brief());
    assert!(
        !refused.message().contains(world.namespace().name()),
        "names no owner of another namespace: {}",
        refused.message()
    );
    assert_eq!(side.products(&world), std::slice::from_ref(&shown));
    let counted = |account: &Object| account.0.pointer("/status/products/managed") == Some(&json!(0));
    until("the second account's counts", PATIENCE, async || {
        let account = other.get(Kind::Account, name(&contract.account)).await.unwrap();
        if counted(&account) { Ok(()) } else { Err(account.brief()) }
    })
    .await;

    bring_secret(&other, side, &second, &shown.id, &shown.secret).await;
    world.delete(Kind::Product, name(&contract.product)).await;
    world.gone(Kind::Product, name(&contract.product), PATIENCE).await;
    let taken = other.product_until(name(&second), "Ready", Object::is_available).await;
    assert_eq!(taken.id(), object.id());
    let [now] = &side.products(&world)[..] else { panic!("{:#?}", side.products(&world)) };
    assert_eq!((&now.id, &now.secret), (&shown.id, &shown.secret));
    let theirs = mark(other.name(), name(&second), taken.uid());
    assert_eq!(now.description.ends_with(&theirs), side.remarks(), "{}", now.description);
    assert_eq!(world.created(), 1);
    assert!(world.calls(DELETE).is_empty());
}

/// Pairs of claims that nobody has decided yet: one of each pair gets it.
async fn claims_at_once(world: World) {
    const PAIRS: usize = 12;
    let other = world.elsewhere("claims").await;
    let contract = world.contract();
    let ids: Vec<String> = (0..PAIRS)
        .map(|number| {
            let mut product = Product::named(&format!("pair-{number}"));
            "2".clone_into(&mut product.encryption_type);
            world.tencent().create_product(ACCOUNT, product).unwrap().product_id
        })
        .collect();
    let manifests = || {
        ids.iter().enumerate().map(|(number, id)| {
            let mut product = named(&contract.product, &format!("pair-{number}"));
            product["spec"]["productId"] = json!(id);
            product["spec"].as_object_mut().unwrap().remove("description");
            product
        })
    };
    for manifest in [&contract.key, &contract.account] {
        other.apply(manifest).await;
        world.apply(manifest).await;
    }
    join_all(manifests().map(async |product| {
        futures::join!(world.apply(&product), other.apply(&product));
    }))
    .await;
    let _operator = world.operator_with(&[("watch-namespaces", &both(&world, &other))]).await;
    for product in manifests() {
        let name = name(&product);
        let decided = |object: &Object| ["Available", "NameConflict"].contains(&object.reason());
        let here = world.product_until(name, "a decision", PATIENCE, decided).await;
        let there = other.product_until(name, "a decision", decided).await;
        let holders = [&here, &there].iter().filter(|object| object.id().is_some()).count();
        assert_eq!(holders, 1, "{}\n{}", here.brief(), there.brief());
        assert_ne!(here.reason(), there.reason());
    }
    assert!(world.calls(CREATE).is_empty());
}

/// As after restoring a backup beside the original: the younger does nothing, and its deletion only forgets.
async fn both_recorded(world: World) {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let (object, product) = world.one_ready_product(name(&contract.product)).await;
    drop(operator);
    let mut copy = named(&contract.product, "copy");
    copy["spec"]["name"] = contract.product["spec"]["name"].clone();
    copy["metadata"]["finalizers"] = json!(["iot-products.io/product"]);
    // Ages of objects are known to the second.
    until("a younger object", PATIENCE, async || {
        let now = jiff::Timestamp::now().to_string();
        let second = |time: &str| time.get(..19).map(str::to_owned);
        let created = object.text("/metadata/creationTimestamp");
        if second(created) == second(&now) { Err(now) } else { Ok(()) }
    })
    .await;
    world.apply(&copy).await;
    let status =
        json!({"status": {"productId": product.product_id, "observedGeneration": -1, "creationAttempt": 1}})
            .to_string();
    world.kubectl(&["patch", "iotp", "copy", "--subresource=status", "--type=merge", "--patch", &status], "");
    let calls = world.call_mark();
    let _operator = world.operator().await;
    let refused = world.reason("copy", "NameConflict").await;
    assert!(refused.message().contains(name(&contract.product)), "{}", refused.message());
    world.delete(Kind::Product, "copy").await;
    world.gone(Kind::Product, "copy", PATIENCE).await;
    assert_eq!(world.only_product(), product);
    let made = world.calls_since(calls);
    assert!(!made.contains_key(DELETE) && !made.contains_key(CREATE), "{made:?}");
    assert!(world.check_now(name(&contract.product)).await.is_available());
}

/// The account of a whole cluster, in the place of the contract's.
pub(crate) fn cluster_account(contract: &Contract, allowed: Value) -> Value {
    let namespace = contract.account["metadata"]["namespace"].clone();
    let mut account = contract.account.clone();
    account["kind"] = json!("ClusterIotAccount");
    account["metadata"].as_object_mut().unwrap().remove("namespace");
    account["spec"]["credentials"]["secretRef"]["namespace"] = namespace;
    account["spec"]["resyncInterval"] = json!("0s");
    account["spec"]["allowedNamespaces"] = allowed;
    account
}

async fn tenants(world: World) {
    let (one, two) = (world.elsewhere("tenant").await, world.elsewhere("tenant").await);
    let _operator = world.operator_with(&[("watch-namespaces", "absent")]).await;
    for side in SIDES {
        let contract = side.contract(&world);
        let account = cluster_account(&contract, json!({"names": [one.name(), two.name()]}));
        assert!(account["spec"].get("adoption").is_none());
        let mut product = contract.product.clone();
        product["spec"]["accountRef"]["kind"] = json!("ClusterIotAccount");
        product["spec"]["deletionPolicy"] = json!("Retain");
        world.apply(&contract.key).await;
        world.apply(&account).await;
        one.apply(&product).await;
        let theirs = one.product_until(name(&product), "Ready", Object::is_available).await;
        let [shown] = &side.products(&world)[..] else { panic!("{:#?}", side.products(&world)) };

        // Nothing gives it to another tenant: neither its id nor its name, whatever the account allows.
        for adoption in [None, Some("Any")] {
            if let Some(adoption) = adoption {
                let mut account = account.clone();
                account["spec"]["adoption"] = json!(adoption);
                world.apply(&account).await;
            }
            let mut by_id = product.clone();
            by_id["spec"]["productId"] = json!(shown.id);
            let mut by_name = product.clone();
            by_name["spec"]["adoptionPolicy"] = json!("MatchName");
            let mut watching = by_id.clone();
            watching["spec"]["managementPolicy"] = json!("ObserveOnly");
            for wish in [by_id, by_name, watching] {
                two.apply(&wish).await;
                let refused = two.reason(name(&wish), "NameConflict").await;
                assert_eq!(refused.id(), None, "{}", refused.brief());
                assert!(two.get(Kind::Secret, &format!("{}-credentials", name(&wish))).await.is_none());
                two.delete(Kind::Product, name(&wish)).await;
                two.gone(Kind::Product, name(&wish), PATIENCE).await;
            }
        }
        assert_eq!(&side.products(&world), std::slice::from_ref(shown));

        // An account of its own for the same vendor account: still the other's, until that one lets go.
        let mut own = contract.account.clone();
        own["spec"]["adoption"] = json!("Any");
        own["spec"]["resyncInterval"] = json!("0s");
        let mut wish = contract.product.clone();
        wish["spec"]["productId"] = json!(shown.id);
        bring_secret(&two, side, &wish, &shown.id, &shown.secret).await;
        for manifest in [&contract.key, &own, &wish] {
            two.apply(manifest).await;
        }
        let refused = two.reason(name(&wish), "NameConflict").await;
        assert!(!refused.message().contains(one.name()), "{}", refused.message());
        one.delete(Kind::Product, name(&product)).await;
        one.gone(Kind::Product, name(&product), PATIENCE).await;
        let taken = two.product_until(name(&wish), "Ready", Object::is_available).await;
        assert_eq!(taken.id(), theirs.id());
    }
    assert_eq!(world.created(), SIDES.len());
}
