//! Secrets that a manifest names by name: whoever may create an account or a product need not be allowed to read them.

use iot_simulator::{Fault, Rule};
use serde_json::{Value, json};

use crate::huawei::{self, PLC};
use crate::manifest::{Contract, KEY, TENCENT_ACCOUNT};
use crate::object::{Kind, Object};
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::{PATIENCE, World};

tests!(Shared {
    a_value_is_sent_only_if_its_secret_says_so,
    a_password_is_sent_only_if_its_secret_says_so,
    secrets_of_another_kind_are_neither_used_nor_held,
});

const VALUE: &str = "Skey-of-a-LoRa-network-0123456789";

/// Carries out the command that a message shows.
fn opt_in(world: &World, message: &str) {
    let command = message.split('`').nth(1).unwrap_or_else(|| panic!("no command: {message}"));
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[0], "kubectl", "{message}");
    world.kubectl(&words[1..], "");
}

async fn a_value_is_sent_only_if_its_secret_says_so(world: World) {
    let mut contract = world.contract();
    contract.product["spec"] = json!({
        "vendor": "TencentCloud", "accountRef": {"name": TENCENT_ACCOUNT}, "name": "meter",
        "tencent": {"productType": "LoRa", "skeySecretRef": {"name": "database-root", "key": "password"}},
    });
    contract.product["metadata"]["name"] = json!("meter");
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": "database-root"},
            "stringData": {"password": format!("{VALUE}\n")},
        }))
        .await;
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let refused = world.reason("meter", "CredentialsNotFound").await;
    assert!(refused.message().contains("database-root"), "{}", refused.message());
    assert_eq!(world.calls(CREATE).len(), 0);
    // The file's newline is not the vendor's.
    let newline = Rule::on(CREATE, Fault::error("InvalidParameterValue")).body(&format!("{VALUE}\\n"));
    world.admin().add_fault(newline);
    opt_in(&world, refused.message());
    world.product_until("meter", "Ready", PATIENCE * 2, Object::is_available).await;
    assert_eq!(world.created(), 1);
    let marked = world.get(Kind::Secret, "database-root").await.expect("the Secret");
    assert_eq!(marked.0["metadata"]["finalizers"], Value::Null, "it is no account's key");
}

async fn a_password_is_sent_only_if_its_secret_says_so(world: World) {
    let mut contract = huawei::contract(&world);
    contract.account["spec"]["huawei"]["authentication"] = json!("Password");
    contract.account["spec"]["huawei"]["iamEndpoint"] = json!(world.endpoint());
    contract.key["stringData"] =
        json!({"domainName": "acme", "userName": "iot-operator", "password": "Pa55-word-of-iam"});
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    let refused = |account: &Object| account.reason() == "CredentialsNotFound";
    let account =
        world.object_until(Kind::Account, huawei::HUAWEI_ACCOUNT, "refused", PATIENCE, refused).await;
    assert_eq!(world.calls_since(0).len(), 0, "{:?}", world.calls_since(0));
    opt_in(&world, account.message());
    world.product_until(PLC, "Ready", PATIENCE * 2, Object::is_available).await;
}

/// The vendor's keys in a Secret of another type, and a Secret without them.
fn not_for_keys(contract: &Contract) -> [Value; 2] {
    let mut release = contract.key.clone();
    release["metadata"]["name"] = json!("sh.helm.release.v1.shop.v1");
    release["type"] = json!("helm.sh/release.v1");
    let mut other = contract.key.clone();
    other["metadata"]["name"] = json!("database-root");
    other["stringData"] = json!({"password": VALUE});
    [release, other]
}

async fn secrets_of_another_kind_are_neither_used_nor_held(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply(&contract.key).await;
    for secret in not_for_keys(&contract) {
        let name = secret["metadata"]["name"].as_str().expect("a name").to_owned();
        world.apply(&secret).await;
        let mut account = contract.account.clone();
        account["spec"]["credentials"]["secretRef"]["name"] = json!(name);
        world.apply(&account).await;
        let refused = |account: &Object| {
            account.is_current()
                && account.reason() == "CredentialsNotFound"
                && account.message().contains(&name)
        };
        world.object_until(Kind::Account, TENCENT_ACCOUNT, "refused", PATIENCE, refused).await;
        let secret = world.get(Kind::Secret, &name).await.expect("the Secret");
        assert_eq!(secret.0["metadata"]["finalizers"], Value::Null, "{name}");
        // So nothing keeps it from going.
        world.delete(Kind::Secret, &name).await;
        assert!(world.get(Kind::Secret, &name).await.is_none(), "{name}");
    }
    assert_eq!(world.calls_since(0).len(), 0, "{:?}", world.calls_since(0));
    world.apply(&contract.account).await;
    world.object_until(Kind::Account, TENCENT_ACCOUNT, "Ready", PATIENCE, Object::is_available).await;
    let key = world.get(Kind::Secret, KEY).await.expect("the key");
    assert_eq!(key.0["metadata"]["finalizers"], json!(["iot-products.io/in-use"]));
}
