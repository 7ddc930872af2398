//! Secrets that a tenant may name and not read. What was put there for something else is neither sent nor held.

use std::sync::Arc;

use iot_test_harness::{Kind, Object, PATIENCE, until};
use serde_json::{Value, json};

use crate::answers::Form;
use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::tenant::name;
use crate::world::World;

attacks!(Shared {
    a_secret_that_is_not_meant_for_it_is_not_sent,
    a_password_that_is_not_meant_for_it_is_not_sent,
    a_secret_without_a_vendors_key_is_not_held,
});

/// What the tenant wants to know.
const WANTED: &str = "hunter2-of-the-database";

/// A Secret that somebody uses for something else, and the same with a word that it may be sent.
fn database(name: &str, keys: &Value) -> [Value; 3] {
    let plain = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys});
    let (mut labelled, mut typed) = (plain.clone(), plain.clone());
    labelled["metadata"]["name"] = json!(format!("{name}-labelled"));
    labelled["metadata"]["labels"] = json!({"iot-products.io/credentials": "true"});
    typed["metadata"]["name"] = json!(format!("{name}-typed"));
    typed["type"] = json!("iot-products.io/credentials");
    [plain, labelled, typed]
}

async fn a_secret_that_is_not_meant_for_it_is_not_sent(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let double = Double::start(|ask: &Ask| Form::Tencent.empty(ask));
    let contract = Form::Tencent.contract(&double);
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    let [plain, labelled, typed] = database("database-root", &json!({"password": WANTED}));
    for secret in [&plain, &labelled, &typed] {
        world.mallory.receive(secret).await;
    }
    let product = |secret: &Value| {
        let mut product = contract.product.clone();
        product["metadata"]["name"] = secret["metadata"]["name"].clone();
        let spec = product["spec"].as_object_mut().expect("a spec");
        spec.remove("encryption");
        spec.remove("dynamicRegistration");
        spec.insert(
            "tencent".to_owned(),
            json!({
                "productType": "LoRa", "appEui": "0123456789abcdef",
                "skeySecretRef": {"name": secret["metadata"]["name"], "key": "password"},
            }),
        );
        product
    };
    world.mallory.apply(&product(&plain)).await;
    let said = |object: &Object| {
        object.ready() == "False" && object.message().contains("iot-products.io/credentials")
    };
    world.mallory.until(Kind::Product, name(&plain), "a word about what is missing", said).await;
    assert!(sent(&double).is_empty(), "{:#?}", sent(&double));
    // What is meant for it is sent.
    for (number, secret) in [&labelled, &typed].into_iter().enumerate() {
        world.mallory.apply(&product(secret)).await;
        until("the create", PATIENCE, async || {
            if sent(&double).len() > number { Ok(()) } else { Err(format!("{:?}", double.seen().last())) }
        })
        .await;
    }
}

/// Calls with the wanted value.
fn sent(double: &Double) -> Vec<String> {
    double.seen().into_iter().filter(|call| call.contains(WANTED)).collect()
}

async fn a_password_that_is_not_meant_for_it_is_not_sent(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let double = Double::start(|ask: &Ask| match ask.action.as_str() {
        "Login" => Answer::with(201, "{\"token\": {\"expires_at\": \"2099-01-01T00:00:00.000000Z\"}}")
            .header("x-subject-token", "a-token"),
        _ => Form::Huawei.empty(ask),
    });
    let mut contract = Form::Huawei.contract(&double);
    let keys = json!({"domainName": "domain", "userName": "user", "password": WANTED});
    let [plain, labelled, typed] = database("database-root", &keys);
    contract.account["spec"]["huawei"]["authentication"] = json!("Password");
    contract.account["spec"]["huawei"]["iamEndpoint"] = json!(double.url());
    for (number, secret) in [&plain, &labelled, &typed].into_iter().enumerate() {
        world.mallory.receive(secret).await;
        let mut account = contract.account.clone();
        account["metadata"]["name"] = secret["metadata"]["name"].clone();
        account["spec"]["credentials"]["secretRef"]["name"] = secret["metadata"]["name"].clone();
        world.mallory.apply(&account).await;
        if number == 0 {
            let said = |object: &Object| !object.reason().is_empty();
            let object = world.mallory.until(Kind::Account, name(&account), "a word", said).await;
            assert!(object.message().contains("iot-products.io/credentials"), "{}", object.brief());
            assert!(sent(&double).is_empty(), "{:#?}", sent(&double));
        } else {
            until("the login", PATIENCE, async || {
                if sent(&double).len() >= number { Ok(()) } else { Err("no login".to_owned()) }
            })
            .await;
        }
    }
}

async fn a_secret_without_a_vendors_key_is_not_held(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    let helm = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"name": "sh.helm.release.v1.app.v1"}, "stringData": {"release": "H4sI"},
    });
    let opaque = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"},
        "stringData": {"token": "eyJhbGciOi", "ca.crt": "-----BEGIN"},
    });
    for secret in [&helm, &opaque] {
        world.mallory.receive(secret).await;
        let mut account = contract.account.clone();
        account["metadata"]["name"] = secret["metadata"]["name"].clone();
        account["spec"]["credentials"]["secretRef"]["name"] = secret["metadata"]["name"].clone();
        world.mallory.apply(&account).await;
        let said = |object: &Object| object.ready() == "False";
        world.mallory.until(Kind::Account, name(&account), "a word", said).await;
        let kept = world.mallory.get(Kind::Secret, name(secret)).await.expect("the Secret");
        assert!(kept.finalizers().is_empty(), "{}: {:?}", name(secret), kept.finalizers());
        world.mallory.lose(Kind::Secret, name(secret)).await;
        world.mallory.gone(Kind::Secret, name(secret)).await;
    }
}
