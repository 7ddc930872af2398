//! Whose a product is: others' are never touched, and what may be taken over is.

use iot_simulator::tencent::Product;
use serde_json::json;

use crate::manifest::{Contract, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::vendor::{ACCOUNT, CREATE, DELETE, FORBID, REGISTRATION, mark};
use crate::world::{PATIENCE, World};

tests!(Shared {
    a_marked_foreign_product_is_untouched,
    a_freed_name_is_noticed_at_the_resync,
    an_unmarked_foreign_product_is_untouched,
    another_name_is_a_way_out,
    match_name_takes_an_unmarked_one,
    match_name_leaves_a_marked_one,
    match_name_takes_a_marked_one_where_the_account_allows_any,
    a_mark_taken_over_is_kept_through_a_secret_conflict,
    adoption_none_takes_nothing,
    import_by_id,
    import_of_a_missing_id_creates_nothing,
    two_manifests_with_one_name,
    a_retained_product_is_found_again,
    a_product_taken_over_by_another_is_left_alone,
});

const FOREIGN: &str = "Somebody else's [iotp:0123456789ab.89abcdef]";

/// A product as the contract's would be, with another description.
fn existing(world: &World, description: &str) -> Product {
    let mut product = Product::named(THERMOSTAT);
    "2".clone_into(&mut product.encryption_type);
    description.clone_into(&mut product.product_description);
    world.tencent().create_product(ACCOUNT, product).unwrap()
}

async fn begin(world: &World, contract: &Contract) -> Operator {
    let operator = world.operator().await;
    world.connect(contract).await;
    world.apply(&contract.product).await;
    operator
}

/// The manifest stands against somebody's product, and that one is as it was.
async fn refused(world: &World, theirs: &Product) -> Object {
    let object = world.reason(THERMOSTAT, "NameConflict").await;
    assert_eq!(object.ready(), "False");
    assert!(object.is("Stalled"), "{}", object.brief());
    assert!(object.message().contains(&theirs.product_id), "{}", object.message());
    assert_eq!(object.id(), None);
    assert_eq!(world.only_product(), *theirs, "untouched");
    for action in [REGISTRATION, FORBID, DELETE] {
        assert!(world.calls(action).is_empty(), "{action} was called");
    }
    assert!(world.secret("thermostat-credentials").await.is_none());
    object
}

async fn recovers_when_it_is_gone(world: World, description: &str) {
    let theirs = existing(&world, description);
    let contract = world.contract();
    let _operator = begin(&world, &contract).await;
    let object = refused(&world, &theirs).await;
    assert!(object.message().contains("spec.name"), "says what to do: {}", object.message());
    world.tencent().delete_product(ACCOUNT, &theirs.product_id).unwrap();
    world.ask_for_check(THERMOSTAT).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_ne!(product.product_id, theirs.product_id);
}

async fn a_marked_foreign_product_is_untouched(world: World) {
    recovers_when_it_is_gone(world, FOREIGN).await;
}

async fn a_freed_name_is_noticed_at_the_resync(world: World) {
    let theirs = existing(&world, FOREIGN);
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let _operator = begin(&world, &contract).await;
    refused(&world, &theirs).await;
    world.tencent().delete_product(ACCOUNT, &theirs.product_id).unwrap();
    world.one_ready_product(THERMOSTAT).await;
}

async fn an_unmarked_foreign_product_is_untouched(world: World) {
    recovers_when_it_is_gone(world, "Room thermostats, second generation").await;
}

async fn another_name_is_a_way_out(world: World) {
    let theirs = existing(&world, FOREIGN);
    let contract = world.contract();
    let _operator = begin(&world, &contract).await;
    refused(&world, &theirs).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"name": "thermostat-2"}})).await;
    let (_, product) = world.ready(THERMOSTAT).await;
    assert_eq!(product.product_name, "thermostat-2");
    assert_eq!(world.products(), [theirs, product]);
}

async fn match_name_takes_an_unmarked_one(world: World) {
    let theirs = existing(&world, "Room thermostats, second generation");
    let mut contract = world.contract();
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = begin(&world, &contract).await;
    let (object, product) = world.ready(THERMOSTAT).await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
    assert_eq!(world.only_product(), product);
    assert_eq!((product.register_type, product.register_limit), (2, 5000), "kept as written from now on");
    assert!(world.calls(CREATE).is_empty(), "looked up before anything is sent");
}

async fn match_name_leaves_a_marked_one(world: World) {
    let theirs = existing(&world, FOREIGN);
    let mut contract = world.contract();
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = begin(&world, &contract).await;
    let object = refused(&world, &theirs).await;
    assert!(object.message().contains("adoption"), "says what to do: {}", object.message());
    assert!(world.calls(CREATE).is_empty());
}

async fn match_name_takes_a_marked_one_where_the_account_allows_any(world: World) {
    let theirs = existing(&world, &FOREIGN.replace("Somebody else's", "Room thermostats, second generation"));
    let mut contract = world.contract();
    contract.account["spec"]["adoption"] = json!("Any");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = begin(&world, &contract).await;
    let (object, product) = world.ready(THERMOSTAT).await;
    assert_eq!(product.product_id, theirs.product_id);
    assert!(object.text("/status/adoptedMark").contains("0123456789ab.89abcdef"), "{}", object.brief());
    let checked = world.check_now(THERMOSTAT).await;
    assert!(checked.is_available(), "the mark that was found is accepted from then on: {}", checked.brief());
}

/// The product is taken over before its Secret can be written: the mark that was found is not forgotten.
async fn a_mark_taken_over_is_kept_through_a_secret_conflict(world: World) {
    existing(&world, &FOREIGN.replace("Somebody else's", "Room thermostats, second generation"));
    let credentials = "thermostat-credentials";
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": credentials, "namespace": world.namespace().name()},
        "stringData": {"productSecret": "theirs"},
    });
    world.apply(&theirs).await;
    let mut contract = world.contract();
    contract.account["spec"]["adoption"] = json!("Any");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = begin(&world, &contract).await;
    world.reason(THERMOSTAT, "SecretConflict").await;
    world.delete(Kind::Secret, credentials).await;
    let (object, _) = world.ready(THERMOSTAT).await;
    assert!(object.text("/status/adoptedMark").contains("0123456789ab.89abcdef"), "{}", object.brief());
}

async fn adoption_none_takes_nothing(world: World) {
    let theirs = existing(&world, "Room thermostats, second generation");
    let mut contract = world.contract();
    contract.account["spec"]["adoption"] = json!("None");
    contract.product["spec"]["adoptionPolicy"] = json!("MatchName");
    let _operator = begin(&world, &contract).await;
    let object = refused(&world, &theirs).await;
    assert!(object.message().contains("adoption"), "{}", object.message());
}

async fn import_by_id(world: World) {
    let theirs = existing(&world, "Room thermostats, second generation");
    let mut contract = world.contract();
    contract.product["spec"]["productId"] = json!(theirs.product_id);
    contract.product["spec"]["deletionPolicy"] = json!("Retain");
    let _operator = begin(&world, &contract).await;
    let (object, _) = world.ready(THERMOSTAT).await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
    assert!(world.calls(CREATE).is_empty());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product().product_id, theirs.product_id);
    assert!(world.secret("thermostat-credentials").await.is_some(), "Retain keeps product and Secret");
    assert!(world.calls(DELETE).is_empty());
}

async fn import_of_a_missing_id_creates_nothing(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["productId"] = json!("ABCDE12345");
    let _operator = begin(&world, &contract).await;
    let object = world.reason(THERMOSTAT, "ProductMissing").await;
    assert!(object.is("Stalled"), "{}", object.brief());
    assert!(object.message().contains("spec.productId"), "{}", object.message());
    assert!(world.calls(CREATE).is_empty());
}

async fn two_manifests_with_one_name(world: World) {
    let contract = world.contract();
    let _operator = begin(&world, &contract).await;
    let (_, first) = world.one_ready_product(THERMOSTAT).await;
    let mut twin = named(&contract.product, "twin");
    twin["spec"]["name"] = json!(THERMOSTAT);
    twin["spec"]["adoptionPolicy"] = json!("MatchName");
    world.apply(&twin).await;
    let object = world.reason("twin", "NameConflict").await;
    assert!(object.is("Stalled"), "{}", object.brief());
    assert_eq!(object.id(), None);
    assert_eq!(world.only_product(), first);
    world.delete(Kind::Product, "twin").await;
    world.gone(Kind::Product, "twin", PATIENCE).await;
    assert_eq!(world.only_product(), first, "the other's product survives it");
}

async fn a_retained_product_is_found_again(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["deletionPolicy"] = json!("Retain");
    let _operator = begin(&world, &contract).await;
    let (object, product) = world.one_ready_product(THERMOSTAT).await;
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product(), product);
    world.apply(&contract.product).await;
    let (again, _) = world.ready(THERMOSTAT).await;
    assert_eq!(again.id(), object.id());
    assert_ne!(again.uid(), object.uid());
    assert_eq!(world.created(), 1);
}

/// Another owner's mark stands where ours did: no mutating call any more, and deletion only forgets.
async fn a_product_taken_over_by_another_is_left_alone(world: World) {
    let contract = world.contract();
    let _operator = begin(&world, &contract).await;
    let (object, product) = world.one_ready_product(THERMOSTAT).await;
    let ours = mark(world.namespace().name(), THERMOSTAT, object.uid());
    let theirs = product.product_description.replace(&ours, " [iotp:0123456789ab.89abcdef]");
    world.behind_the_back(&product.product_id, |product| {
        product.product_description = theirs;
        product.register_limit = 1;
    });
    let calls = world.call_mark();
    world.ask_for_check(THERMOSTAT).await;
    let object = world.reason(THERMOSTAT, "NameConflict").await;
    assert!(object.is("Stalled"), "{}", object.brief());
    world.delete(Kind::Product, THERMOSTAT).await;
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    assert_eq!(world.only_product().register_limit, 1);
    let made = world.calls_since(calls);
    assert!(!made.contains_key(REGISTRATION) && !made.contains_key(DELETE), "{made:?}");
}
