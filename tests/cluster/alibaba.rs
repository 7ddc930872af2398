//! A product at Alibaba, from create to delete: what differs there from Tencent.

use std::collections::BTreeMap;

use iot_simulator::alibaba::Product;
use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::manifest::{Contract, named};
use crate::object::Kind;
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, mark};
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    the_manifest_of_the_contract_is_ready,
    the_rpc_signature_serves_as_well,
    edits_of_name_description_and_tags_are_applied,
    changes_in_the_console_are_corrected_with_one_call,
    a_tag_that_is_managed_later_is_set,
    a_rename_to_a_taken_name_is_a_conflict,
    a_lost_answer_leaves_one_product,
    an_adopted_product_is_marked_once,
    devices_and_a_release_hold_a_deletion,
    another_instance_is_not_the_end_of_a_product,
});

const LAMP: &str = "street-lamp";

fn contract(world: &World) -> Contract {
    let mut contract = Contract::alibaba(world.namespace().name(), &world.endpoint());
    contract.account["spec"]["resyncInterval"] = json!("0s");
    contract
}

fn products(world: &World) -> Vec<Product> {
    world.admin().alibaba().products(ACCOUNT).unwrap()
}

fn only(world: &World) -> Product {
    let products = products(world);
    let [product] = products.as_slice() else { panic!("one product, not {products:#?}") };
    product.clone()
}

async fn begin(world: &World, change: impl FnOnce(&mut Contract)) -> (Operator, Product) {
    let mut contract = contract(world);
    change(&mut contract);
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    world.reason(LAMP, "Available").await;
    (operator, only(world))
}

fn edit_behind(world: &World, key: &str, edit: impl FnOnce(&mut Product)) {
    world.admin().alibaba().edit_product(ACCOUNT, key, edit).unwrap();
}

async fn vendor_until(world: &World, what: &str, is: impl Fn(&Product) -> bool) {
    until(what, PATIENCE, async || match products(world).as_slice() {
        [product] if is(product) => Ok(()),
        other => Err(format!("{other:#?}")),
    })
    .await;
}

fn actions(pairs: &[(&str, usize)]) -> BTreeMap<String, usize> {
    pairs.iter().map(|(action, count)| ((*action).to_owned(), *count)).collect()
}

async fn apply_spec(world: &World, spec: Value) {
    world.edit(Kind::Product, LAMP, json!({ "spec": spec })).await;
    world.reason(LAMP, "Available").await;
}

async fn the_manifest_of_the_contract_is_ready(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let object = world.get(Kind::Product, LAMP).await.unwrap();
    let mark = mark(world.namespace().name(), LAMP, object.text("/metadata/uid"));
    assert_eq!(product.description, format!("Street lamps of the north district{mark}"));
    assert_eq!((product.product_name.as_str(), product.net_type.as_str()), ("路灯_Lamp01", "WIFI"));
    assert_eq!(product.tags, BTreeMap::from([("env".to_owned(), "prod".to_owned())]));
    let (_, data) = world.secret("street-lamp-credentials").await.unwrap();
    let expected = BTreeMap::from([
        ("vendor".to_owned(), "AlibabaCloud".to_owned()),
        ("productId".to_owned(), product.product_key.clone()),
        ("productName".to_owned(), "路灯_Lamp01".to_owned()),
        ("productSecret".to_owned(), product.product_secret.clone()),
        ("region".to_owned(), "cn-shanghai".to_owned()),
        ("endpoint".to_owned(), "iot-060a0xyz.mqtt.iothub.aliyuncs.com".to_owned()),
    ]);
    assert_eq!(data, expected);
    let mut calls = world.calls_since(0);
    calls.remove("QueryProductList");
    assert_eq!(calls, actions(&[("CreateProduct", 1), ("CreateProductTags", 1), ("QueryProduct", 1)]));
    world.delete(Kind::Product, LAMP).await;
    world.gone(Kind::Product, LAMP, PATIENCE).await;
    assert!(products(&world).is_empty());
    assert!(world.secret("street-lamp-credentials").await.is_none());
}

async fn the_rpc_signature_serves_as_well(world: World) {
    let rpc = |contract: &mut Contract| contract.account["spec"]["alibaba"]["signature"] = json!("RPC");
    let (_operator, _) = begin(&world, rpc).await;
    world.delete(Kind::Product, LAMP).await;
    world.gone(Kind::Product, LAMP, PATIENCE).await;
    assert!(products(&world).is_empty());
}

async fn edits_of_name_description_and_tags_are_applied(world: World) {
    let (_operator, before) = begin(&world, |_| {}).await;
    let calls = world.call_mark();
    apply_spec(&world, json!({"name": "路灯_Lamp02"})).await;
    assert_eq!(world.calls_since(calls), actions(&[("UpdateProduct", 1)]));
    assert_eq!(only(&world).description, before.description, "the mark stays");
    let calls = world.call_mark();
    apply_spec(&world, json!({"description": "Lamps", "alibaba": {"tags": {"env": "test", "zone": "n"}}}))
        .await;
    let once = [("UpdateProduct", 1), ("CreateProductTags", 1), ("UpdateProductTags", 1)];
    assert_eq!(world.calls_since(calls), actions(&once));
    let after = only(&world);
    assert_eq!(after.product_name, "路灯_Lamp02");
    assert!(after.description.starts_with("Lamps [iotp:"), "{}", after.description);
    assert_eq!((after.tags["env"].as_str(), after.tags["zone"].as_str()), ("test", "n"));
    assert_eq!(world.secret("street-lamp-credentials").await.unwrap().1["productName"], "路灯_Lamp02");
}

async fn changes_in_the_console_are_corrected_with_one_call(world: World) {
    let fast = |contract: &mut Contract| contract.account["spec"]["resyncInterval"] = json!("1s");
    let (_operator, product) = begin(&world, fast).await;
    edit_behind(&world, &product.product_key, |product| "renamed".clone_into(&mut product.product_name));
    vendor_until(&world, "the name as written", |product| product.product_name == "路灯_Lamp01").await;
    edit_behind(&world, &product.product_key, |product| "no mark".clone_into(&mut product.description));
    vendor_until(&world, "the description as written", |now| now.description == product.description).await;
    assert_eq!(world.calls("UpdateProduct").len(), 2);
    edit_behind(&world, &product.product_key, |product| {
        product.tags.insert("theirs".to_owned(), "x".to_owned());
        product.tags.remove("env");
    });
    world.check_now(LAMP).await;
    let tags = only(&world).tags;
    assert_eq!((tags["env"].as_str(), tags["theirs"].as_str()), ("prod", "x"), "others' tags are left alone");
}

async fn a_tag_that_is_managed_later_is_set(world: World) {
    let bare = |contract: &mut Contract| {
        drop(contract.product["spec"]["alibaba"].as_object_mut().unwrap().remove("tags"));
    };
    let (_operator, product) = begin(&world, bare).await;
    edit_behind(&world, &product.product_key, |product| {
        product.tags.insert("env".to_owned(), "console".to_owned());
    });
    world.check_now(LAMP).await;
    let calls = world.call_mark();
    apply_spec(&world, json!({"alibaba": {"tags": {"env": "prod"}}})).await;
    assert_eq!(only(&world).tags["env"], "prod");
    assert_eq!(world.calls_since(calls), actions(&[("ListProductTags", 1), ("UpdateProductTags", 1)]));
}

async fn a_rename_to_a_taken_name_is_a_conflict(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    world.admin().alibaba().create_product(ACCOUNT, Product::named("taken")).unwrap();
    world.edit(Kind::Product, LAMP, json!({"spec": {"name": "taken"}})).await;
    let object = world.reason(LAMP, "NameConflict").await;
    assert!(object.is("Stalled") && object.message().contains("spec.name"), "{}", object.brief());
    assert!(world.calls("UpdateProduct").len() < 5, "not again and again");
    assert_eq!(world.admin().alibaba().product(ACCOUNT, &product.product_key).unwrap(), product);
    apply_spec(&world, json!({"name": "free"})).await;
}

async fn a_lost_answer_leaves_one_product(world: World) {
    for fault in [Fault::drop_after(), Fault::status_after(502), Fault::error("iot.system.SystemException")] {
        world.admin().add_fault(Rule::on("CreateProduct", fault).times(1));
    }
    let contract = contract(&world);
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    for (number, name) in ["lamp-b", "lamp-c"].into_iter().enumerate() {
        let mut other = named(&contract.product, name);
        other["spec"]["name"] = json!(format!("lamp_{number}"));
        world.apply(&other).await;
    }
    for name in [LAMP, "lamp-b", "lamp-c"] {
        world.reason(name, "Available").await;
    }
    assert_eq!(products(&world).len(), 3);
    assert_eq!(world.calls("CreateProduct").iter().filter(|call| call.applied).count(), 3);
}

async fn an_adopted_product_is_marked_once(world: World) {
    let theirs = world.admin().alibaba().create_product(ACCOUNT, Product::named("路灯_Lamp01")).unwrap();
    let adopt = |contract: &mut Contract| {
        contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
        let section = json!({"tags": {"env": "prod"}});
        contract.product["spec"]["alibaba"] = section;
    };
    let (_operator, product) = begin(&world, adopt).await;
    assert_eq!(product.product_key, theirs.product_key);
    assert!(product.description.contains("[iotp:"), "{}", product.description);
    assert_eq!(product.tags["env"], "prod");
    let calls = world.call_mark();
    world.check_now(LAMP).await;
    assert_eq!(world.calls_since(calls), actions(&[("QueryProduct", 1), ("ListProductTags", 1)]));
    world.edit(Kind::Product, LAMP, json!({"metadata": {"labels": {"a": "b"}}})).await;
    world.check_now(LAMP).await;
    assert_eq!(world.calls("UpdateProduct").len(), 1, "re-marked once");
}

async fn devices_and_a_release_hold_a_deletion(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    edit_behind(&world, &product.product_key, |product| product.device_count = 3);
    world.delete(Kind::Product, LAMP).await;
    let object = world.reason(LAMP, "DeletionBlocked").await;
    assert!(object.message().contains("3 devices"), "{}", object.message());
    edit_behind(&world, &product.product_key, |product| {
        product.device_count = 0;
        product.released = true;
    });
    world.ask_for_check(LAMP).await;
    let released = |object: &crate::object::Object| object.message().contains("cancel its release");
    world.product_until(LAMP, "told of the release", PATIENCE, released).await;
    assert_eq!(world.calls("DeleteProduct").len(), 0, "the vendor was not even asked");
    edit_behind(&world, &product.product_key, |product| product.released = false);
    world.ask_for_check(LAMP).await;
    world.gone(Kind::Product, LAMP, PATIENCE).await;
    assert!(products(&world).is_empty());
}

async fn another_instance_is_not_the_end_of_a_product(world: World) {
    let (_operator, product) = begin(&world, |_| {}).await;
    let alibaba = world.admin().alibaba();
    let instances = alibaba.account(ACCOUNT).unwrap().instances;
    alibaba.edit_account(ACCOUNT, |account| account.instances.clear()).unwrap();
    world.delete(Kind::Product, LAMP).await;
    let object = world.reason(LAMP, "EndpointMisconfigured").await;
    assert!(object.message().contains("instance"), "{}", object.message());
    assert_eq!(only(&world).product_key, product.product_key);
    alibaba.edit_account(ACCOUNT, |account| account.instances = instances).unwrap();
    world.ask_for_check(LAMP).await;
    world.gone(Kind::Product, LAMP, PATIENCE).await;
    assert!(products(&world).is_empty());
}
