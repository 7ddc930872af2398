//! From a manifest to a product, a Secret and a status, with not one call or write too many.

use std::collections::BTreeMap;

use serde_json::json;

use crate::manifest::{CREDENTIALS, Contract, KEY, TENCENT_ACCOUNT, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::{ACCOUNT, CREATE, LIST, REGISTRATION, mark};
use crate::world::{PATIENCE, World, in_short};

tests!(Shared {
    the_contract_becomes_a_product_and_a_secret,
    a_product_costs_two_vendor_calls_and_four_writes,
    a_product_without_registration_has_no_product_secret,
    the_longest_name_has_a_secret,
    every_field_reaches_the_vendor,
    an_answer_that_differs_from_the_request_is_not_believed,
});

async fn the_contract_becomes_a_product_and_a_secret(world: World) {
    let contract = Contract::tencent(world.namespace().name(), &world.endpoint());
    world.kubectl(&["apply", "--filename", "-"], &contract.yaml());
    let _operator = world.operator().await;
    let (object, product) = world.one_ready_product(THERMOSTAT).await;

    let mark = mark(world.namespace().name(), THERMOSTAT, object.uid());
    assert_eq!(product.product_name, THERMOSTAT);
    assert_eq!(product.product_description, format!("Room thermostats, second generation{mark}"));
    assert_eq!((product.encryption_type.as_str(), product.product_type), ("2", 0));
    assert_eq!((product.register_type, product.register_limit), (2, 5000));
    assert!(!product.product_secret.is_empty());

    let (secret, _) = world.secret(CREDENTIALS).await.unwrap();
    let managed_by = secret.metadata.labels.unwrap_or_default().remove("app.kubernetes.io/managed-by");
    assert_eq!(managed_by.as_deref(), Some("iot-product-operator"));
    let observed = &object.0["status"]["observed"];
    assert_eq!(observed["description"], "Room thermostats, second generation", "without the mark");
    assert_eq!(observed["dynamicRegistration"], json!({"mode": "AutoCreate", "limit": 5000}));

    let account =
        world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
    assert_eq!(account.reason(), "Available");
    assert_eq!(account.finalizers(), ["iot-products.io/account"]);
    let key = world.get(Kind::Secret, KEY).await.unwrap();
    assert_eq!(key.finalizers(), ["iot-products.io/in-use"], "held before the first product's ledger");
}

/// The name of its Secret is shorter than its own and the usual ending.
async fn the_longest_name_has_a_secret(world: World) {
    let (name, _operator) = ("n".repeat(253), world.operator().await);
    let mut contract = world.contract();
    contract.product["metadata"]["name"] = json!(name);
    world.apply_all(&contract).await;
    let (object, product) = world.one_ready_product(&name).await;
    let secret = object.text("/status/secretRef/name").to_owned();
    assert!(secret.len() == 253 && secret.ends_with("-credentials"), "{secret}");
    let (_, data) = world.secret(&secret).await.expect("the Secret");
    assert_eq!(data["productId"], product.product_id);
    world.delete(Kind::Product, &name).await;
    world.gone(Kind::Product, &name, PATIENCE).await;
    assert_eq!(world.products(), []);
    assert!(world.secret(&secret).await.is_none());
}

async fn a_product_costs_two_vendor_calls_and_four_writes(world: World) {
    const PRODUCTS: usize = 5;
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    let (calls, writes) = (world.call_mark(), world.audit_mark());
    let names: Vec<String> = (0..PRODUCTS).map(|number| format!("lamp-{number}")).collect();
    for name in &names {
        world.apply(&named(&contract.product, name)).await;
    }
    for name in &names {
        world.ready(name).await;
    }
    let mut made = world.calls_since(calls);
    let lists = made.remove(LIST).unwrap_or_default();
    assert_eq!(made, BTreeMap::from([(CREATE.to_owned(), PRODUCTS), (REGISTRATION.to_owned(), PRODUCTS)]));
    assert!(lists <= 2, "{lists} lists for {PRODUCTS} products that were created at once");

    let mut writes = world.writes_since(writes).await;
    // The account may be busy with its own status yet.
    writes.retain(|write| write.name.starts_with("lamp-"));
    assert!(writes.iter().all(|write| write.code.is_some_and(|code| code < 300)), "{writes:?}");
    let mut cheapest = usize::MAX;
    for name in &names {
        let secret = format!("{name}-credentials");
        let own: Vec<_> =
            writes.iter().filter(|write| write.name == *name || write.name == secret).cloned().collect();
        let short = in_short(&own);
        // An object that waits longer than two seconds, as on a busy machine, says so in one more write.
        assert!((4..=5).contains(&own.len()), "writes for {name}: {short:#?}");
        assert_eq!(short[0], format!("patch iotproducts {name}"), "finalizer and ledger come first");
        assert_eq!(short[own.len() - 1], format!("patch iotproducts/status {name}"), "status comes last");
        assert!(short.contains(&format!("create secrets {secret}")), "{short:#?}");
        cheapest = cheapest.min(own.len());
    }
    assert_eq!(cheapest, 4, "{:#?}", in_short(&writes));
}

async fn a_product_without_registration_has_no_product_secret(world: World) {
    let mut contract = world.contract();
    let spec = contract.product["spec"].as_object_mut().unwrap();
    spec.remove("dynamicRegistration");
    spec.insert("encryption".to_owned(), json!("Asymmetric"));
    let _operator = world.operator().await;
    world.connect(&contract).await;
    let calls = world.call_mark();
    world.apply(&contract.product).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(product.encryption_type, "1");
    assert_eq!(product.product_secret, "");
    let (_, data) = world.secret(CREDENTIALS).await.unwrap();
    assert!(!data.contains_key("productSecret"), "{:?}", data.keys());
    let mut made = world.calls_since(calls);
    made.remove(LIST);
    assert_eq!(made, BTreeMap::from([(CREATE.to_owned(), 1)]));
}

async fn every_field_reaches_the_vendor(world: World) {
    let mut contract = world.contract();
    let spec = &mut contract.product["spec"];
    spec["nodeType"] = json!("Gateway");
    spec["dataFormat"] = json!("Custom");
    spec["enabled"] = json!(false);
    spec["dynamicRegistration"] = json!({"mode": "PreRegistered"});
    let model = || ("model-1".to_owned(), "Model 1".to_owned());
    world.tencent().edit_account(ACCOUNT, |account| account.models.extend([model()])).unwrap();
    spec["tencent"] = json!({"modelId": "model-1"});
    spec["secret"] = json!({"name": "gate-key", "labels": {"team": "gates"}, "annotations": {"note": "n"}});
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let (object, product) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!((product.product_type, product.format.as_str()), (5, "custom"));
    assert_eq!((product.register_type, product.forbidden_status), (1, 1));
    assert_eq!(product.model_id, "model-1");
    assert_eq!(object.text("/status/secretRef/name"), "gate-key");
    let metadata = world.secret("gate-key").await.unwrap().0.metadata;
    assert_eq!(metadata.labels.unwrap_or_default().get("team").map(String::as_str), Some("gates"));
    assert_eq!(metadata.annotations.unwrap_or_default().get("note").map(String::as_str), Some("n"));
}

/// The vendor's own samples answer a create with another product's name and type.
async fn an_answer_that_differs_from_the_request_is_not_believed(world: World) {
    world.admin().edit_settings(|settings| settings.tencent.create_answer_differs = true);
    let mut contract = world.contract();
    contract.account["spec"]["resyncInterval"] = json!("1s");
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let (object, _) = world.one_ready_product(THERMOSTAT).await;
    assert_eq!(object.text("/status/productName"), THERMOSTAT);
    assert!(!object.is("Drifted"), "{}", object.brief());
}
