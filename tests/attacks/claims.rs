//! A tenant records ids that are another's at the vendor, or will be, through a vendor of the tenant's own making.
//! What that vendor says counts in that vendor's place alone.

use std::sync::Arc;

use iot_test_harness::manifest::{Contract, named};
use iot_test_harness::{Kind, Object};
use serde_json::{Value, json};

use crate::answers::Form;
use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::tenant::{Tenant, name};
use crate::world::{ACCOUNT, World};

attacks!(Shared {
    ids_that_come_next_stay_their_owners,
    a_retained_product_comes_back_to_its_owner,
    a_rival_in_the_same_place_learns_no_name,
});

/// A vendor that shows a product under any id.
fn shows_any(form: Form) -> Double {
    Double::start(move |ask: &Ask| match ask.action.as_str() {
        // Without a serial, by which one product of an id is told from the next.
        "ShowProduct" => Answer::ok(
            json!({
                "id": ask.last().parse::<i64>().unwrap_or_default(), "name": "plc-gateway_01",
                "app_id": "a1503e51-46f7-4d23-8617-7cb2d28dde98", "manufacturer_id": "acme01",
                "manufacturer_name": "Acme", "model": "PLC.100 v2", "product_type": 1, "protocol_type": 0,
                "device_type": "Default", "description": "",
            })
            .to_string(),
        ),
        "DescribeProduct" => {
            let asked: Value = serde_json::from_str(&ask.body).unwrap_or_default();
            let product = json!({
                "RequestId": "r", "ProductId": asked["ProductId"], "ProductName": "thermostat",
                "ProductProperties": {"EncryptionType": "2", "ProductSecret": "not-a-secret"},
            });
            Answer::ok(json!({"Response": product}).to_string())
        }
        _ => form.empty(ask),
    })
}

/// Key, account and a product that claims an id, in the attacker's namespace.
async fn claim(world: &World, contract: &Contract, spec: &Value, names: &[String], ids: &[String]) {
    let mut account = contract.account.clone();
    account["spec"]["adoption"] = json!("Any");
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&account).await;
    for (name, id) in names.iter().zip(ids) {
        let mut product = contract.product.clone();
        product["metadata"]["name"] = json!(name);
        product["spec"]["productId"] = json!(id);
        for (key, value) in spec.as_object().expect("a part of a spec") {
            product["spec"][key] = value.clone();
        }
        world.mallory.apply(&product).await;
        // Whatever became of it, the operator has looked at it.
        world.mallory.check_now(name).await;
    }
}

/// No tenant is told where the other lives.
async fn nothing_of_the_other(world: &World) {
    for (tenant, other) in [(&world.mallory, &world.victim), (&world.victim, &world.mallory)] {
        let named: Vec<String> =
            tenant.told().await.into_iter().filter(|text| text.contains(other.namespace())).collect();
        assert!(named.is_empty(), "{} is told of {}: {named:#?}", tenant.namespace(), other.namespace());
    }
}

/// The attacker has the key's Secret and no other.
async fn no_secret(mallory: &Tenant, key: &Value) {
    let secrets = mallory.secrets().await;
    assert!(secrets.iter().all(|secret| secret == name(key)), "the attacker has {secrets:?}");
}

async fn ids_that_come_next_stay_their_owners(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.huawei();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    world.victim.apply(&contract.product).await;
    let first = world.victim.ready(name(&contract.product)).await;
    let last: i64 = first.id().expect("an id").parse().expect("a number");

    let double = shows_any(Form::Huawei);
    let hostile = Form::Huawei.contract(&double);
    let ids: Vec<String> = (1..=5).map(|more| (last + more).to_string()).collect();
    let names: Vec<String> = (1..=5).map(|number| format!("next-{number}")).collect();
    claim(&world, &hostile, &json!({"managementPolicy": "ObserveOnly"}), &names, &ids).await;

    let mut product = named(&contract.product, "later");
    product["spec"]["huawei"]["model"] = json!("PLC.200");
    world.victim.apply(&product).await;
    let later = world.victim.ready("later").await;
    let id = later.id().expect("an id").to_owned();
    assert!(ids.contains(&id), "{id} is one that the attacker waits for: {ids:?}");
    // Everybody looks once more.
    for name in &names {
        world.mallory.check_now(name).await;
    }
    let edit = json!({"spec": {"description": "edited"}});
    world.victim.edit(Kind::Product, "later", edit).await;
    let checked = world.victim.check_now("later").await;
    assert!(checked.is_available(), "{}", checked.brief());
    let shown = world.vendor().huawei().product(ACCOUNT, &id).expect("the product");
    assert!(shown.description.starts_with("edited"), "{}", shown.description);
    no_secret(&world.mallory, &hostile.key).await;

    world.victim.delete(Kind::Product, "later").await;
    world.victim.gone(Kind::Product, "later").await;
    assert!(world.vendor().huawei().product(ACCOUNT, &id).is_err(), "the product is deleted");
    assert!(world.victim.secret("later-credentials").await.is_none());
    no_secret(&world.mallory, &hostile.key).await;
    nothing_of_the_other(&world).await;
}

async fn a_retained_product_comes_back_to_its_owner(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    let mut product = contract.product.clone();
    product["spec"]["deletionPolicy"] = json!("Retain");
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    world.victim.apply(&product).await;
    let object = world.victim.ready(name(&product)).await;
    let id = object.id().expect("an id").to_owned();
    world.victim.delete(Kind::Product, name(&product)).await;
    world.victim.gone(Kind::Product, name(&product)).await;

    let double = shows_any(Form::Tencent);
    let hostile = Form::Tencent.contract(&double);
    let ids = [id.clone(), id.clone()];
    let watching = json!({"managementPolicy": "ObserveOnly"});
    claim(&world, &hostile, &watching, &["watching".to_owned()], &ids[..1]).await;
    claim(&world, &hostile, &json!({}), &["managing".to_owned()], &ids[1..]).await;

    product["spec"]["productId"] = json!(id);
    world.victim.apply(&product).await;
    let object = world.victim.ready(name(&product)).await;
    assert_eq!(object.id(), Some(id.as_str()));
    for name in ["watching", "managing"] {
        world.mallory.check_now(name).await;
    }
    assert!(world.victim.check_now(name(&product)).await.is_available());
    nothing_of_the_other(&world).await;
}

/// Here the claim is a true conflict, because the attacker has a key of the same vendor account.
async fn a_rival_in_the_same_place_learns_no_name(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    world.victim.apply(&contract.product).await;
    let object = world.victim.ready(name(&contract.product)).await;
    let id = object.id().expect("an id").to_owned();
    for (number, spec) in [json!({}), json!({"managementPolicy": "ObserveOnly"})].iter().enumerate() {
        claim(&world, &contract, spec, &[format!("rival-{number}")], std::slice::from_ref(&id)).await;
    }
    let refused = world.mallory.reason(Kind::Product, "rival-0", "NameConflict").await;
    assert_eq!(refused.id(), None, "{}", refused.brief());
    no_secret(&world.mallory, &contract.key).await;
    let checked = world.victim.check_now(name(&contract.product)).await;
    assert!(Object::is_available(&checked), "{}", checked.brief());
    nothing_of_the_other(&world).await;
}
