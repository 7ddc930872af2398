//! Accounts over their whole life: who may use them, what they count, and keys that change.

use iot_simulator::tencent::{Key, Product};
use serde_json::{Value, json};

use crate::claims::cluster_account;
use crate::manifest::{KEY, TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::{SIDES, Side};
use crate::vendor::{ACCOUNT, CREATE, DELETE};
use crate::world::{CHECK_NOW, PATIENCE, World, in_short};

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut test = |name: &str, plane, body: fn(World) -> _| {
        tests.push(Test::new(module_path!(), name, plane, body));
    };
    test("allowed_namespaces", Plane::Own, |world| Box::pin(allowed_namespaces(world)));
    test("two_accounts_count_one_vendor_account", Plane::Shared, |world| Box::pin(counts(world)));
    test("counts_follow_adoption_without_a_list", Plane::Shared, |world| Box::pin(counts_follow(world)));
    test("held_while_it_is_used", Plane::Shared, |world| Box::pin(held_while_used(world)));
    test("a_new_key_wakes_what_waits", Plane::Shared, |world| Box::pin(new_key(world)));
    test("a_check_is_asked_for", Plane::Shared, |world| Box::pin(check_asked_for(world)));
    test("two_accounts_share_a_secret", Plane::Shared, |world| Box::pin(shared_secret(world)));
    test("its_status_is_written_without_a_conflict", Plane::Shared, |world| Box::pin(no_conflict(world)));
    for side in SIDES {
        let name = format!("a_key_of_another_account_at_{}", side.name().to_lowercase());
        let body = move |world| Box::pin(key_of_another_account(world, side)) as _;
        tests.push(Test::new(module_path!(), &name, Plane::Shared, body));
    }
    tests
}

async fn label(world: &World, namespace: &str, value: Option<&str>) {
    world.edit(Kind::Namespace, namespace, json!({"metadata": {"labels": {"iot": value}}})).await;
}

/// Who is admitted by name or label is served; who is not any more keeps the product and may still delete it.
async fn allowed_namespaces(world: World) {
    let tenant = world.elsewhere("tenant").await;
    let _operator = world.operator_with(&[("watch-namespaces", "absent")]).await;
    let contract = world.contract();
    let allow = async |allowed: Value| world.apply(&cluster_account(&contract, allowed)).await;
    let mut product = contract.product.clone();
    product["spec"]["accountRef"]["kind"] = json!("ClusterIotAccount");
    world.apply(&contract.key).await;
    allow(json!({"names": ["somebody-else"]})).await;
    tenant.apply(&product).await;
    let refused = tenant.reason(THERMOSTAT, "AccountNotAllowed").await;
    assert!(refused.message().contains(tenant.name()) && refused.message().contains("allowedNamespaces"));
    assert!(!refused.is("Stalled"), "{}", refused.brief());
    assert!(world.calls(CREATE).is_empty());

    label(&world, tenant.name(), Some("yes")).await;
    allow(json!({"selector": {"matchLabels": {"iot": "yes"}}})).await;
    let object = tenant.product_until(THERMOSTAT, "Ready", Object::is_available).await;
    let counted = |account: &Object| {
        account.0["status"]["products"] == json!({"managed": 1, "total": 1, "unmanaged": 0})
    };
    world.object_until(Kind::ClusterAccount, TENCENT_ACCOUNT, "its counts", PATIENCE, counted).await;
    let held = |key: &Object| key.finalizers() == ["iot-products.io/in-use"];
    world.object_until(Kind::Secret, KEY, "held", PATIENCE, held).await;

    allow(json!({"names": []})).await;
    let withdrawn = tenant.reason(THERMOSTAT, "AccountNotAllowed").await;
    assert_eq!((withdrawn.id(), withdrawn.ready()), (object.id(), "False"));
    let mut second = named(&product, "second");
    second["spec"]["name"] = json!("second");
    tenant.apply(&second).await;
    tenant.reason("second", "AccountNotAllowed").await;
    allow(json!({"names": [tenant.name()]})).await;
    tenant.product_until(THERMOSTAT, "Ready again", Object::is_available).await;
    tenant.product_until("second", "Ready", Object::is_available).await;

    allow(json!({"names": []})).await;
    tenant.reason(THERMOSTAT, "AccountNotAllowed").await;
    for name in [THERMOSTAT, "second"] {
        tenant.delete(Kind::Product, name).await;
        tenant.gone(Kind::Product, name, PATIENCE).await;
    }
    assert_eq!(world.products(), []);
    world.delete(Kind::ClusterAccount, TENCENT_ACCOUNT).await;
    world.gone(Kind::ClusterAccount, TENCENT_ACCOUNT, PATIENCE).await;
    world.object_until(Kind::Secret, KEY, "let go", PATIENCE, |key| key.finalizers().is_empty()).await;
}

/// Each counts its own; what the other keeps is in the total and is not unmanaged.
async fn counts(world: World) {
    world.tencent().create_product(ACCOUNT, Product::named("theirs")).unwrap();
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let mut other = contract.clone();
    other.account["metadata"]["name"] = json!("other");
    other.product = named(&contract.product, "other");
    other.product["spec"]["accountRef"]["name"] = json!("other");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.apply_all(&other).await;
    for account in [TENCENT_ACCOUNT, "other"] {
        let counted = |account: &Object| {
            account.0["status"]["products"] == json!({"managed": 1, "total": 3, "unmanaged": 1})
        };
        world.object_until(Kind::Account, account, "its counts", PATIENCE * 2, counted).await;
    }
}

/// Taken over after the only list, a product is not counted twice.
async fn counts_follow(world: World) {
    let mut theirs = Product::named("theirs");
    "2".clone_into(&mut theirs.encryption_type);
    let theirs = world.tencent().create_product(ACCOUNT, theirs).unwrap();
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    let of = |managed: u32, unmanaged: u32| {
        move |account: &Object| {
            account.0["status"]["products"] == json!({"managed": managed, "total": 1, "unmanaged": unmanaged})
        }
    };
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "one that is not managed", PATIENCE, of(0, 1)).await;
    let mut product = named(&contract.product, "theirs");
    product["spec"]["productId"] = json!(theirs.product_id);
    product["spec"].as_object_mut().unwrap().remove("description");
    world.apply(&product).await;
    world.ready_at_least("theirs").await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "one that is managed", PATIENCE * 2, of(1, 0)).await;
}

impl World {
    async fn ready_at_least(&self, name: &str) -> Object {
        self.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await
    }
}

/// The message names who uses it, and does not go on naming who is gone.
async fn held_while_used(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.apply(&named(&contract.product, "second")).await;
    world.ready_at_least(THERMOSTAT).await;
    world.ready_at_least("second").await;
    world.delete(Kind::Account, TENCENT_ACCOUNT).await;
    let in_use = |account: &Object| account.reason() == "InUse" && account.ready() == "False";
    let account = world.object_until(Kind::Account, TENCENT_ACCOUNT, "held", PATIENCE, in_use).await;
    for name in [THERMOSTAT, "second"] {
        assert!(account.message().contains(name), "{}", account.message());
    }
    // What uses it still works, and the key is held.
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.get(Kind::Secret, KEY).await.unwrap().finalizers(), ["iot-products.io/in-use"]);
    world.delete(Kind::Product, "second").await;
    world.gone(Kind::Product, "second", PATIENCE).await;
    world.gone(Kind::Account, TENCENT_ACCOUNT, PATIENCE).await;
    assert_eq!(world.get(Kind::Secret, KEY).await.unwrap().finalizers(), Vec::<&str>::new());
    assert_eq!(world.products(), []);
}

/// Nobody asks for anything: the account looks at its key by itself.
async fn new_key(world: World) {
    let mut contract = world.contract();
    contract.key["stringData"]["secretKey"] = json!("wrong");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.reason(THERMOSTAT, "CredentialsInvalid").await;
    world.apply(&world.contract().key).await;
    world.one_ready_product(THERMOSTAT).await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
}

/// Flux's annotation on an account has the vendor asked and the key read, although no resync is due.
async fn check_asked_for(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    world.tencent().set_keys(ACCOUNT, vec![Key::new("AKIDNEXT", "NEXTKEY")]).unwrap();
    let ask = async |value: &str| {
        world
            .edit(Kind::Account, TENCENT_ACCOUNT, json!({"metadata": {"annotations": {CHECK_NOW: value}}}))
            .await;
    };
    ask("1").await;
    let refused = |account: &Object| account.reason() == "CredentialsInvalid";
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "the old key refused", PATIENCE, refused).await;
    let mut key = contract.key.clone();
    key["stringData"] = json!({"secretId": "AKIDNEXT", "secretKey": "NEXTKEY"});
    world.apply(&key).await;
    ask("2").await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready again", PATIENCE, Object::is_available).await;
    assert!(world.check_now(THERMOSTAT).await.is_available());
}

/// The Secret is deleted, and one of the two accounts still has something to delete with it.
async fn shared_secret(world: World) {
    let contract = world.contract();
    let mut other = contract.clone();
    other.account["metadata"]["name"] = json!("other");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.apply(&other.account).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    world.object_until(Kind::Account, "other", "Ready", PATIENCE, Object::is_available).await;
    world.tencent().set_devices(ACCOUNT, &product.product_id, 1).unwrap();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.reason(THERMOSTAT, "DeletionBlocked").await;
    world.delete(Kind::Secret, KEY).await;
    // The account without products looks at the Secret and does not let it go.
    world.edit(Kind::Account, "other", json!({"spec": {"fullReadInterval": "7h"}})).await;
    let current = |account: &Object| account.is_current();
    world.object_until(Kind::Account, "other", "its visit", PATIENCE, current).await;
    world.delete(Kind::Account, "other").await;
    world.gone(Kind::Account, "other", PATIENCE).await;
    assert_eq!(world.get(Kind::Secret, KEY).await.unwrap().finalizers(), ["iot-products.io/in-use"]);
    world.tencent().set_devices(ACCOUNT, &product.product_id, 0).unwrap();
    world.ask_for_check(THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE * 2).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
    assert_eq!(world.products(), []);
}

async fn no_conflict(world: World) {
    let mark = world.audit_mark();
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    for interval in ["2s", "1s", "3s", "1s"] {
        contract.account["spec"]["resyncInterval"] = json!(interval);
        world.apply(&contract.account).await;
        let current = |account: &Object| account.is_available();
        world.object_until(Kind::Account, TENCENT_ACCOUNT, "seen", PATIENCE, current).await;
    }
    let writes = world.writes_since(mark).await;
    let refused: Vec<_> = writes
        .into_iter()
        .filter(|write| write.code == Some(409) && write.resource == "iotaccounts")
        .collect();
    assert!(refused.is_empty(), "{:#?}", in_short(&refused));
}

/// Nothing is created in the other account, nothing deleted or forgotten in ours.
async fn key_of_another_account(world: World, side: Side) {
    let mut contract = side.contract(&world);
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let name = contract.product["metadata"]["name"].as_str().unwrap();
    let (object, shown) = side.agreed(&world, name).await;
    let mut foreign = contract.clone();
    foreign.key["stringData"] = side.other_key(&world);
    world.apply(&foreign.key).await;
    // Where lists are the only reading, they may lag for a minute behind the creation.
    let gone = |object: &Object| object.reason() == "ProductMissing";
    let missing = world.product_until(name, "ProductMissing", PATIENCE * 2, gone).await;
    assert!(missing.is("Stalled") && missing.message().contains("key"), "{}", missing.message());
    // A successor knows no more than what is recorded.
    drop(operator);
    let _next = world.operator().await;
    world.check_now(name).await;
    assert_eq!(world.reason(name, "ProductMissing").await.id(), object.id());
    let calls = world.admin().calls();
    let made: Vec<_> = calls.iter().filter(|call| call.account == "other" && call.applied).collect();
    assert!(made.iter().all(|call| ![CREATE, DELETE].contains(&&*call.action)), "{made:#?}");
    world.apply(&contract.key).await;
    let (again, _) = side.agreed(&world, name).await;
    assert_eq!(again.id(), object.id());
    assert_eq!(side.products(&world), [shown]);
}
