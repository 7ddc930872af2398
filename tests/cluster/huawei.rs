//! A product at Huawei, from create to delete: what differs there from Tencent.

use std::collections::BTreeMap;

use iot_simulator::huawei::Product;
use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, mark};
use crate::world::{PATIENCE, World, in_short, until};

tests!(Shared {
    the_manifest_of_the_contract_is_ready,
    edits_are_applied_in_place_with_one_call,
    what_the_manifest_leaves_out_is_repeated_as_it_is,
    changes_in_the_console_are_corrected_with_one_call,
    a_rename_to_a_taken_name_is_a_conflict,
    devices_hold_a_deletion,
    a_lost_answer_to_a_delete_finishes,
    another_product_under_the_id_is_left_alone_by_a_deletion,
    another_product_under_the_id_means_that_ours_is_gone,
    a_product_deleted_in_the_console_is_created_anew,
    an_adopted_product_is_marked_and_waits_for_its_password,
});

pub(crate) const PLC: &str = "plc-gateway";
pub(crate) const PLC_SECRET: &str = "plc-gateway-credentials";
pub(crate) const NAME: &str = "plc-gateway_01";
pub(crate) const HUAWEI_ACCOUNT: &str = "huawei";
/// Sets user name and password of a product's devices.
pub(crate) const RESET: &str = "ResetProductAuthentication";

/// `contract/huawei.yaml` for this world, without resync: a list that comes by itself would be counted.
pub(crate) fn contract(world: &World) -> Contract {
    let mut contract = Contract::huawei(world.namespace().name(), &world.endpoint());
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract
}

pub(crate) fn products(world: &World) -> Vec<Product> {
    world.admin().huawei().products(ACCOUNT).unwrap()
}

/// The vendor's only product.
pub(crate) fn only(world: &World) -> Product {
    let products = products(world);
    let [product] = products.as_slice() else { panic!("one product, not {products:#?}") };
    product.clone()
}

pub(crate) fn edit_behind(world: &World, product: &Product, edit: impl FnOnce(&mut Product)) {
    world.admin().huawei().edit_product(ACCOUNT, &product.id.to_string(), edit).unwrap();
}

pub(crate) fn actions(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(action, count)| ((*action).to_owned(), *count)).collect()
}

/// Calls since a mark but for the lists, which many share.
pub(crate) fn unshared(world: &World, since: u64) -> BTreeMap<String, usize> {
    let mut calls = world.calls_since(since);
    calls.remove("ListProducts");
    calls
}

/// Applies key and account, and waits until the account is good.
pub(crate) async fn connect(world: &World, contract: &Contract) {
    world.apply(&contract.key).await;
    world.apply(&contract.account).await;
    world.object_until(Kind::Account, HUAWEI_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
}

/// The data of a product's Secret.
pub(crate) async fn data(world: &World, secret: &str) -> BTreeMap<String, String> {
    world.secret(secret).await.unwrap_or_else(|| panic!("Secret {secret} exists")).1
}

/// Waits until a product is Ready, and holds both sides against each other: id, serial, mark, Secret. A
/// password that is to be sent once more may still be pending; it is the same.
pub(crate) async fn ready(world: &World, name: &str) -> (Object, Product) {
    let object = world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
    let id = object.id().unwrap_or_else(|| panic!("an id: {}", object.brief()));
    let product = world.admin().huawei().product(ACCOUNT, id).unwrap();
    assert!(!object.is("Stalled") && !object.is("Reconciling"), "{}", object.brief());
    assert_eq!(object.text("/status/productSerial"), product.product_serial);
    assert!(!object.text("/status/createdAt").is_empty(), "{}", object.brief());
    let mark = mark(world.namespace().name(), name, object.uid());
    assert!(product.description.ends_with(&mark), "{} has {mark}", product.description);
    assert!(!object.0.to_string().contains(&product.password), "{}", object.brief());
    let mut data = data(world, object.text("/status/secretRef/name")).await;
    if let Some(pending) = data.remove("pendingPassword") {
        assert_eq!(pending, product.password, "Ready while another value is on its way");
    }
    let expected = [
        ("vendor", "HuaweiCloud".to_owned()),
        ("productId", product.id.to_string()),
        ("productName", product.name.clone()),
        ("region", "cn-north-4".to_owned()),
        ("username", product.user_name.clone()),
        ("password", product.password.clone()),
    ];
    assert_eq!(data, expected.map(|(key, value)| (key.to_owned(), value)).into());
    (object, product)
}

/// After whatever went wrong: one product, created once.
pub(crate) async fn one_ready(world: &World, name: &str) -> (Object, Product) {
    let (object, product) = ready(world, name).await;
    assert_eq!(only(world), product);
    let creates = world.calls("CreateProduct");
    assert_eq!(creates.iter().filter(|call| call.applied).count(), 1, "{creates:?}");
    (object, product)
}

/// An operator with one product of the contract.
pub(crate) async fn begin(world: &World, change: impl FnOnce(&mut Contract)) -> (Operator, Product) {
    let mut contract = contract(world);
    change(&mut contract);
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let (_, product) = one_ready(world, PLC).await;
    (operator, product)
}

async fn the_manifest_of_the_contract_is_ready(world: World) {
    let contract = contract(&world);
    let _operator = world.operator().await;
    connect(&world, &contract).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    world.apply(&contract.product).await;
    let (object, product) = one_ready(&world, PLC).await;
    let once = actions(&[("CreateProduct", 1), ("ShowProduct", 1), (RESET, 1)]);
    assert_eq!(unshared(&world, calls), once);
    let mut writes = world.writes_since(writes).await;
    writes.retain(|write| write.name == PLC || write.name == PLC_SECRET);
    let expected = [
        format!("patch iotproducts {PLC}"),
        format!("patch iotproducts/status {PLC}"),
        format!("create secrets {PLC_SECRET}"),
        format!("patch secrets {PLC_SECRET}"),
        format!("patch iotproducts/status {PLC}"),
    ];
    let mut short = in_short(&writes);
    // An object that waits longer than two seconds, as on a busy machine, says so in one more write.
    if short.len() == expected.len() + 1 {
        short.remove(1);
    }
    assert_eq!(short, expected);

    assert!(product.id > 1 << 53, "{} is beyond what a float holds", product.id);
    assert_eq!((product.name.as_str(), product.model.as_str()), (NAME, "PLC.100 v2"));
    assert_eq!((product.product_type, product.protocol_type, product.data_format), (1, 0, 0));
    assert_eq!((product.version.as_str(), product.password_changes), ("", 1));
    assert!(!data(&world, PLC_SECRET).await.contains_key("pendingPassword"), "nothing is in doubt");
    assert_eq!(object.0["status"]["observed"]["huawei"]["userName"], json!(product.user_name));

    let calls = world.call_mark();
    world.delete(Kind::Product, PLC).await;
    world.gone(Kind::Product, PLC, PATIENCE).await;
    assert_eq!(products(&world), []);
    assert!(world.secret(PLC_SECRET).await.is_none());
    let deleted = [("DeleteProduct", 1), ("ListDevicesInProduct", 1), ("ShowProduct", 2)];
    assert_eq!(unshared(&world, calls), actions(&deleted));
}

/// Edits the spec and waits until that is Ready; the vendor calls that it took.
async fn edited(world: &World, spec: Value) -> BTreeMap<String, usize> {
    let calls = world.call_mark();
    world.edit(Kind::Product, PLC, json!({ "spec": spec })).await;
    one_ready(world, PLC).await;
    unshared(world, calls)
}

async fn edits_are_applied_in_place_with_one_call(world: World) {
    let (_operator, before) = begin(&world, |_| {}).await;
    let once = actions(&[("ShowProduct", 1), ("UpdateProduct", 1)]);
    for spec in [
        json!({"name": "plc-gateway_02"}),
        json!({"description": "Gateways of hall 2"}),
        json!({"huawei": {"model": "PLC.200"}}),
        json!({"huawei": {"version": "2.1"}}),
        json!({"huawei": {"deviceType": "Controller"}}),
        json!({"huawei": {"manufacturerName": "Acme Ltd"}, "description": "Gateways"}),
    ] {
        assert_eq!(edited(&world, spec.clone()).await, once, "{spec}");
    }
    let named = edited(&world, json!({"huawei": {"userName": "plc-user-0001"}})).await;
    assert_eq!(named, actions(&[("ShowProduct", 1), (RESET, 1)]));
    let after = only(&world);
    let mut expected = serde_json::to_value(&before).unwrap();
    for (member, value) in [
        ("name", "plc-gateway_02"),
        ("description", &format!("Gateways {}", before.description.trim_start())),
        ("model", "PLC.200"),
        ("version", "2.1"),
        ("device_type", "Controller"),
        ("manufacturer_name", "Acme Ltd"),
        ("user_name", "plc-user-0001"),
    ] {
        expected[member] = json!(value);
    }
    expected["last_updated_datetime"] = json!(after.last_updated_datetime);
    assert_eq!(json!(after), expected, "and nothing else, the password least of all");
}

async fn what_the_manifest_leaves_out_is_repeated_as_it_is(world: World) {
    let bare = |contract: &mut Contract| {
        drop(contract.product["spec"]["huawei"].as_object_mut().unwrap().remove("deviceType"));
    };
    let (_operator, before) = begin(&world, bare).await;
    edit_behind(&world, &before, |product| {
        "7".clone_into(&mut product.version);
        "by hand".clone_into(&mut product.device_type);
        product.description = format!("by hand {}", before.description.trim_start());
    });
    edited(&world, json!({"huawei": {"model": "PLC.200"}})).await;
    let after = only(&world);
    assert_eq!((after.model.as_str(), after.version.as_str()), ("PLC.200", "7"));
    assert_eq!(after.device_type, "by hand");
    assert!(after.description.starts_with("by hand "), "{}", after.description);
    world.check_now(PLC).await;
    assert_eq!(world.calls("UpdateProduct").len(), 1, "what is not managed is no drift");
}

async fn vendor_until(world: &World, what: &str, is: impl Fn(&Product) -> bool) {
    until(what, PATIENCE, async || match products(world).as_slice() {
        [product] if is(product) => Ok(()),
        other => Err(format!("{other:#?}")),
    })
    .await;
}

async fn changes_in_the_console_are_corrected_with_one_call(world: World) {
    let fast = |contract: &mut Contract| {
        contract.account["spec"]["resyncInterval"] = json!("1s");
        contract.product["spec"]["description"] = json!("Gateways of hall 1");
    };
    let (_operator, product) = begin(&world, fast).await;
    edit_behind(&world, &product, |product| "renamed".clone_into(&mut product.name));
    vendor_until(&world, "the name as written", |now| now.name == NAME).await;
    edit_behind(&world, &product, |product| "no mark".clone_into(&mut product.description));
    vendor_until(&world, "the description as written", |now| now.description == product.description).await;
    one_ready(&world, PLC).await;
    let mut calls = unshared(&world, 0);
    calls.remove("ShowProduct");
    assert_eq!(calls, actions(&[("CreateProduct", 1), ("UpdateProduct", 2), (RESET, 1)]));
}

async fn a_rename_to_a_taken_name_is_a_conflict(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let other = world.admin().huawei().create_product(ACCOUNT, Product::named("taken")).unwrap();
    world.edit(Kind::Product, PLC, json!({"spec": {"name": "taken"}})).await;
    let object = world.reason(PLC, "NameConflict").await;
    assert!(object.is("Stalled") && object.message().contains("spec.name"), "{}", object.brief());
    assert!(world.calls("UpdateProduct").len() < 5, "not again and again");
    assert_eq!(products(&world), [product, other], "neither is touched");
    world.edit(Kind::Product, PLC, json!({"spec": {"name": "free"}})).await;
    assert_eq!(ready(&world, PLC).await.1.name, "free");
}

async fn devices_hold_a_deletion(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product, |product| product.device_count = 3);
    world.delete(Kind::Product, PLC).await;
    let object = world.reason(PLC, "DeletionBlocked").await;
    assert!(object.message().contains("3 devices") && object.is("Stalled"), "{}", object.brief());
    assert_eq!(world.calls("DeleteProduct").len(), 0, "the vendor was not even asked");
    assert_eq!(data(&world, PLC_SECRET).await["password"], product.password, "its devices need it");
    edit_behind(&world, &product, |product| product.device_count = 0);
    world.ask_for_check(PLC).await;
    world.gone(Kind::Product, PLC, PATIENCE).await;
    assert_eq!(products(&world), []);
    assert!(world.secret(PLC_SECRET).await.is_none());
}

async fn a_lost_answer_to_a_delete_finishes(world: World) {
    let (_operator, _) = begin(&world, |_| {}).await;
    world.admin().add_fault(Rule::on("DeleteProduct", Fault::drop_after()).times(1));
    world.delete(Kind::Product, PLC).await;
    world.gone(Kind::Product, PLC, PATIENCE).await;
    assert_eq!((products(&world), world.calls("DeleteProduct").len()), (vec![], 1));
    assert!(world.secret(PLC_SECRET).await.is_none());
}

/// The id is another product's now, as after an instance was set up anew.
fn replaced(world: &World, product: &Product) -> Product {
    edit_behind(world, product, |product| {
        let Product { id, instance_id, app_id, .. } = product.clone();
        *product = Product::named("other");
        (product.id, product.instance_id, product.app_id) = (id, instance_id, app_id);
        "Dother000000".clone_into(&mut product.product_serial);
        "somebody-else".clone_into(&mut product.user_name);
        "Some0ther-password".clone_into(&mut product.password);
    });
    only(world)
}

async fn another_product_under_the_id_is_left_alone_by_a_deletion(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let other = replaced(&world, &product);
    world.delete(Kind::Product, PLC).await;
    world.gone(Kind::Product, PLC, PATIENCE).await;
    assert_eq!((products(&world), world.calls("DeleteProduct").len()), (vec![other], 0));
}

async fn another_product_under_the_id_means_that_ours_is_gone(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let other = replaced(&world, &product);
    world.edit(Kind::Product, PLC, json!({"spec": {"description": "edited"}})).await;
    let old = product.id.to_string();
    world.product_until(PLC, "another id", PATIENCE, |object| object.id().is_some_and(|id| id != old)).await;
    let (object, anew) = ready(&world, PLC).await;
    assert_eq!(object.text("/status/previousProductId"), old);
    assert_ne!(anew.password, product.password);
    assert_eq!(products(&world), [other, anew], "the other is untouched");
}

async fn a_product_deleted_in_the_console_is_created_anew(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let writes = world.audit_mark();
    let old = product.id.to_string();
    world.admin().huawei().delete_product(ACCOUNT, &old).unwrap();
    // Until its password is set, the Secret must not pair the new id with the old password.
    world.admin().add_fault(Rule::on(RESET, Fault::hold()).times(1));
    world.ask_for_check(PLC).await;
    let held = world.held(RESET).await;
    let between = data(&world, PLC_SECRET).await;
    let anew = only(&world);
    assert_eq!(between["productId"], anew.id.to_string());
    assert_eq!(between.get("password"), None, "the old one opens nothing any more");
    world.release(&held).await;
    world.product_until(PLC, "another id", PATIENCE, |object| object.id().is_some_and(|id| id != old)).await;
    let (object, anew) = ready(&world, PLC).await;
    assert_eq!(only(&world), anew);
    assert_eq!(object.text("/status/previousProductId"), old);
    assert_ne!(anew.password, product.password);
    let mut writes = world.writes_since(writes).await;
    writes.retain(|write| write.name == PLC_SECRET);
    assert_eq!(writes.len(), 2, "one that replaces all keys, one that confirms: {:?}", in_short(&writes));
}

/// Nobody here knows its password, and making another would disconnect its devices.
async fn an_adopted_product_is_marked_and_waits_for_its_password(world: World) {
    let mut theirs = Product::named(NAME);
    (theirs.product_type, theirs.device_count) = (1, 5);
    "PLC.100 v2".clone_into(&mut theirs.model);
    let theirs = world.admin().huawei().create_product(ACCOUNT, theirs).unwrap();
    let mut contract = contract(&world);
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let object = world.reason(PLC, "SecretLost").await;
    assert!(object.is("Stalled") && object.id() == Some(&theirs.id.to_string()), "{}", object.brief());
    assert!(only(&world).description.contains("[iotp:"), "{}", only(&world).description);
    let known = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "iot-products.io/product-credentials",
        "metadata": {"name": PLC_SECRET, "namespace": world.namespace().name()},
        "stringData": {
            "vendor": "HuaweiCloud", "productId": theirs.id.to_string(), "password": theirs.password,
        },
    });
    world.apply(&known).await;
    world.ask_for_check(PLC).await;
    let (_, product) = ready(&world, PLC).await;
    assert_eq!((product.password_changes, world.calls(RESET).len()), (0, 0));
    assert_eq!(world.calls("UpdateProduct").len(), 1, "marked once");
}
