//! `iot-operator release --all`: everything is let go without a vendor call, and a later install finds it again.

use std::process::{Command, Output};

use serde_json::json;

use crate::claims::cluster_account;
use crate::manifest::{Contract, KEY, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::session::{Plane, Test};
use crate::side::SIDES;
use crate::vendor::{CREATE, DELETE};
use crate::world::{PATIENCE, World, until};

const PRODUCT: &str = "iot-products.io/product";
const IN_USE: &str = "iot-products.io/in-use";

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    let mut test = |name: &str, plane, body: fn(World) -> _| {
        tests.push(Test::new(module_path!(), name, plane, body));
    };
    test("an_operator_at_work_is_not_disturbed", Plane::Shared, |world| Box::pin(at_work(world)));
    test("uninstalled_and_installed_again", Plane::Shared, |world| Box::pin(installed_again(world)));
    test("a_deletion_under_way_says_what_remains", Plane::Shared, |world| Box::pin(deletion(world)));
    test("a_whole_cluster_in_pages", Plane::Own, |world| Box::pin(whole_cluster(world)));
    tests
}

/// Runs it with the operator's rights, and gives what it said on either stream.
fn release(world: &World, arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_iot-operator"))
        .arg("release")
        .arg("--kubeconfig")
        .arg(world.kubeconfig())
        .args(arguments)
        .output()
        .expect("it runs");
    let said =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    (output, said)
}

fn flags(world: &World) -> Vec<(&'static str, &str)> {
    vec![
        ("leader-elect", "true"),
        ("lease-namespace", world.namespace().name()),
        ("vendor-timeout", "3s"),
        ("lease-duration", "8s"),
        ("lease-renew-interval", "1s"),
        ("lease-renew-deadline", "5s"),
    ]
}

/// The arguments that name this world's operator.
fn here(world: &World) -> Vec<String> {
    let namespace = world.namespace().name();
    vec![
        "--all".to_owned(),
        format!("--watch-namespaces={namespace}"),
        format!("--lease-namespace={namespace}"),
    ]
}

fn released(world: &World) -> String {
    let arguments = here(world);
    let (output, said) = release(world, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{said}");
    said
}

async fn at_work(world: World) {
    let contract = world.contract();
    let (output, said) = release(&world, &["--force"]);
    assert_eq!(output.status.code(), Some(2), "--all is to be written: {said}");
    assert!(said.contains("--all"), "{said}");
    let arguments = here(&world);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (output, said) = release(&world, &arguments);
    assert!(!output.status.success() && said.contains("--lease-namespace"), "nobody knows: {said}");
    let operator = world.operator_with(&flags(&world)).await;
    world.apply_all(&contract).await;
    world.one_ready_product(THERMOSTAT).await;
    let (output, said) = release(&world, &arguments);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("stop the operator") && said.contains("--force"), "{said}");
    assert_eq!(world.get(Kind::Product, THERMOSTAT).await.unwrap().finalizers(), [PRODUCT]);
    // A holder that is dead is waited for, by its own time.
    let mut operator = operator;
    operator.crash();
    let said = released(&world);
    assert!(said.contains("1 IotProducts") && said.contains("1 credentials Secrets"), "{said}");
    assert!(world.get(Kind::Product, THERMOSTAT).await.unwrap().finalizers().is_empty());
}

/// All four vendors: deleting what is left does not hang, and the manifests find everything again.
async fn installed_again(world: World) {
    let contracts = SIDES.map(|side| side.contract(&world));
    let all = contracts.each_ref().map(Contract::yaml).concat();
    world.kubectl(&["apply", "--filename", "-"], &all);
    let mut operator = world.operator_with(&flags(&world)).await;
    let mut before = Vec::new();
    for (side, contract) in SIDES.into_iter().zip(&contracts) {
        before.push(side.agreed(&world, contract.product["metadata"]["name"].as_str().unwrap()).await);
    }
    operator.terminate();
    operator.end(PATIENCE).await;
    let calls = world.call_mark();
    let said = released(&world);
    for (_, shown) in &before {
        assert!(said.contains(&format!("product {} remains", shown.id)), "{said}");
    }
    assert!(said.contains("4 IotProducts, 4 accounts, 3 credentials Secrets"), "{said}");
    assert!(released(&world).contains("nothing to let go"));
    for kind in ["iotp", "iota"] {
        world.kubectl(&["delete", kind, "--all", "--timeout=30s"], "");
    }
    world.kubectl(&["delete", "secret", "tencent-key", "alibaba-key", "huawei-key", "--timeout=30s"], "");
    for (object, _) in &before {
        let secret = object.text("/status/secretRef/name");
        assert!(world.secret(secret).await.is_some(), "{secret} stays");
    }
    assert_eq!(world.calls_since(calls).len(), 0, "no vendor call");

    world.kubectl(&["apply", "--filename", "-"], &all);
    let _operator = world.operator_with(&flags(&world)).await;
    for ((side, contract), (object, shown)) in SIDES.into_iter().zip(&contracts).zip(&before) {
        let name = contract.product["metadata"]["name"].as_str().unwrap();
        let again = world.product_until(name, "Ready", PATIENCE * 2, Object::is_available).await;
        assert_eq!(again.id(), object.id());
        let products = side.products(&world);
        assert_eq!(products.len(), 1);
        assert_eq!((&products[0].id, &products[0].secret), (&shown.id, &shown.secret));
    }
    let made = world.calls_since(calls);
    assert!(!made.contains_key(CREATE) && !made.contains_key(DELETE), "{made:?}");
}

/// An object whose deletion is held goes, and what remains at the vendor is named.
async fn deletion(world: World) {
    let contract = world.contract();
    let operator = world.operator().await;
    world.apply_all(&contract).await;
    let (_, product) = world.one_ready_product(THERMOSTAT).await;
    world.tencent().set_devices("default", &product.product_id, 1).unwrap();
    world.delete(Kind::Product, THERMOSTAT).await;
    world.reason(THERMOSTAT, "DeletionBlocked").await;
    world.delete(Kind::Secret, KEY).await;
    drop(operator);
    let namespace = format!("--watch-namespaces={}", world.namespace().name());
    let (output, said) = release(&world, &["--all", "--force", &namespace]);
    assert!(output.status.success(), "{said}");
    let line = said.lines().find(|line| line.contains(THERMOSTAT)).unwrap_or_default();
    assert!(line.contains(&product.product_id) && line.contains("not carried out"), "{said}");
    world.gone(Kind::Product, THERMOSTAT, PATIENCE).await;
    world.gone(Kind::Secret, KEY, PATIENCE).await;
    assert_eq!(world.products().len(), 1);
}

/// More than a page of products, in more than one namespace, and an account of the whole cluster.
async fn whole_cluster(world: World) {
    const MANY: usize = 205;
    world.grant(None).await;
    let other = world.elsewhere("other").await;
    let contract = world.contract();
    let mut account = cluster_account(&contract, json!({"selector": {}}));
    account["metadata"]["finalizers"] = json!(["iot-products.io/account"]);
    let mut key = contract.key.clone();
    key["metadata"]["finalizers"] = json!([IN_USE]);
    world.apply(&key).await;
    world.apply(&account).await;
    let product = |number: usize| {
        let mut product = named(&contract.product, &format!("many-{number}"));
        product["metadata"]["finalizers"] = json!([PRODUCT, "example.com/theirs"]);
        product
    };
    for number in 0..MANY {
        world.apply(&product(number)).await;
    }
    other.apply(&product(0)).await;
    let (output, said) = release(&world, &["--all", "--force"]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{} IotProducts, 1 accounts, 1 credentials Secrets", MANY + 1)), "{said}");
    let left = |object: &Object| object.finalizers() == ["example.com/theirs"];
    assert!(world.list(Kind::Product).await.iter().all(left), "others' finalizers stay");
    assert!(left(&other.get(Kind::Product, "many-0").await.unwrap()));
    assert!(world.get(Kind::Secret, KEY).await.unwrap().finalizers().is_empty());
    let name = account["metadata"]["name"].as_str().unwrap();
    until("an account that is let go", PATIENCE, async || {
        let finalizers = world.get(Kind::ClusterAccount, name).await.unwrap().brief();
        if finalizers.contains("finalizers []") { Ok(()) } else { Err(finalizers) }
    })
    .await;
}
