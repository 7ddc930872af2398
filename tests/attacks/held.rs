//! What holds: tried before, found safe, and tried again with every change.

use std::sync::Arc;

use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, Object, PATIENCE, until};
use serde_json::{Value, json};

use crate::answers::{FORMS, Form};
use crate::double::{Answer, Ask, Double};
use crate::memory;
use crate::session::attacks;
use crate::tenant::name;
use crate::world::{ACCOUNT, World};

attacks!(Shared {
    a_secret_that_is_not_ours_is_not_written_over,
    an_account_is_looked_for_in_the_own_namespace_alone,
    a_key_goes_to_its_own_accounts_endpoint_alone,
    odd_bodies_are_errors_and_no_more,
    odd_numbers_are_refused_by_the_schema,
    a_secret_that_no_cluster_can_hold_is_said,
    two_operators_in_one_namespace_make_one_product_each,
});

async fn a_secret_that_is_not_ours_is_not_written_over(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    let foreign = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign"}, "stringData": {"data": "precious"},
    });
    world.mallory.receive(&foreign).await;
    for (number, target) in ["foreign", name(&contract.key)].into_iter().enumerate() {
        let before = world.mallory.get(Kind::Secret, target).await.expect("the Secret");
        let mut product = named(&contract.product, &format!("writer-{number}"));
        product["spec"]["secret"] = json!({
            "name": target, "labels": {"example.com/team": "mine"},
            "annotations": {"example.com/reflect": "true"},
        });
        world.mallory.apply(&product).await;
        let object = world.mallory.reason(Kind::Product, name(&product), "SecretConflict").await;
        let after = world.mallory.get(Kind::Secret, target).await.expect("the Secret");
        assert_eq!(after.0["data"], before.0["data"], "{}", object.brief());
        assert_eq!(after.0["metadata"]["labels"], before.0["metadata"]["labels"]);
        world.mallory.delete(Kind::Product, name(&product)).await;
        world.mallory.gone(Kind::Product, name(&product)).await;
        assert!(world.mallory.get(Kind::Secret, target).await.is_some(), "{target} stays");
    }
    // Our own labels are not the template's to set.
    let mut product = named(&contract.product, "labels");
    product["spec"]["secret"] = json!({"labels": {"iot-products.io/owner-uid": "forged"}});
    if world.mallory.try_apply(&product).await.is_ok() {
        let object = world.mallory.ready("labels").await;
        let secret =
            world.mallory.get(Kind::Secret, object.text("/status/secretRef/name")).await.expect("it");
        assert_eq!(secret.text("/metadata/labels/iot-products.io~1owner-uid"), object.uid());
    }
}

async fn an_account_is_looked_for_in_the_own_namespace_alone(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    world.victim.apply(&contract.product).await;
    world.victim.ready(name(&contract.product)).await;
    let calls = world.call_mark();
    let own = name(&contract.account);
    let forms = [
        json!({"name": own}),
        json!({"name": format!("{}/{own}", world.victim.namespace())}),
        json!({"name": own, "namespace": world.victim.namespace()}),
        json!({"name": format!("../{}/{own}", world.victim.namespace())}),
    ];
    for (number, reference) in forms.into_iter().enumerate() {
        let mut product = named(&contract.product, &format!("reference-{number}"));
        product["spec"]["accountRef"] = reference;
        if world.mallory.try_apply(&product).await.is_ok() {
            world.mallory.reason(Kind::Product, name(&product), "AccountNotFound").await;
        }
        // The Secret's reference has no namespace either.
        let mut account = contract.account.clone();
        account["metadata"]["name"] = json!(format!("reference-{number}"));
        let key = name(&contract.key);
        account["spec"]["credentials"]["secretRef"] = match number {
            0 => json!({"name": key}),
            1 => json!({"name": key, "namespace": world.victim.namespace()}),
            _ => json!({"name": format!("{}/{key}", world.victim.namespace())}),
        };
        if world.mallory.try_apply(&account).await.is_ok() {
            let said = |object: &Object| object.ready() == "False";
            let object = world.mallory.until(Kind::Account, name(&account), "a word", said).await;
            assert_eq!(object.reason(), "CredentialsNotFound", "{}", object.brief());
        }
    }
    let made: Vec<String> = world.calls_since(calls).into_iter().map(|call| call.action).collect();
    assert!(made.is_empty(), "{made:?}");
}

/// Nothing of the one tenant's key reaches the other's endpoint, though the accounts have one name and one key id.
async fn a_key_goes_to_its_own_accounts_endpoint_alone(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let double = Double::start(|ask: &Ask| Form::Tencent.empty(ask));
    let contract = world.tencent();
    let hostile = Form::Tencent.contract(&double);
    let mut key = hostile.key.clone();
    key["stringData"] = json!({"secretId": "AKIDOFMALLORY", "secretKey": "of-mallory"});
    world.victim.receive(&contract.key).await;
    world.mallory.receive(&key).await;
    world.victim.apply(&contract.account).await;
    world.mallory.apply(&hostile.account).await;
    world.victim.apply(&contract.product).await;
    world.mallory.apply(&hostile.product).await;
    world.victim.ready(name(&contract.product)).await;
    double.until_asked("CreateProduct", 1).await;
    let stray: Vec<String> = double.seen().into_iter().filter(|call| call.contains("AKIDEXAMPLE")).collect();
    assert!(stray.is_empty(), "{stray:#?}");
    for call in double.seen() {
        assert!(!call.contains("SECRETKEYEXAMPLE") && !call.contains("of-mallory"), "{call}");
    }
}

/// Bodies that no client should read to their end, or take at their word.
fn bodies(form: Form) -> Vec<Answer> {
    let deep = "[".repeat(1_000_000);
    let wide = format!("{{{}\"z\":1}}", "\"a\":{},".repeat(200_000));
    // As `gzip` writes it: ten bytes of header, then what is no deflate stream.
    let squeezed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xff; 4096]].concat();
    let odd_id = |id: &str| match form {
        Form::Tencent => form.page(1, &[json!({"ProductId": id, "ProductName": "x"})]),
        Form::Huawei => form.page(1, &[json!({"id": id, "name": "x"})]),
    };
    let headers = (0..90)
        .fold(Answer::ok(form.page(0, &[])), |answer, _| answer.header("x-filler", &"f".repeat(4_000)));
    vec![
        Answer::ok(deep),
        Answer::ok(wide),
        Answer::ok(squeezed).header("content-encoding", "gzip"),
        Answer::ok(form.page(u64::MAX, &[])),
        Answer::ok(form.page(0, &[]).replace('0', "1e308")),
        Answer::ok(odd_id("../../../iotaccounts")),
        Answer::ok(odd_id("a/b?c#d%2e")),
        Answer::ok("\u{feff}{}"),
        Answer::ok(vec![0xff, 0xfe, 0x00]),
        Answer::ok(""),
        Answer::with(204, ""),
        Answer::with(100, ""),
        headers,
    ]
}

async fn odd_bodies_are_errors_and_no_more(world: Arc<World>) {
    let operator = world.operator(&[]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    memory::forget_peak(&operator);
    let before = memory::peak(&operator);
    let mut doubles = Vec::new();
    for form in FORMS {
        let hostile = form.contract(&Double::start(|_: &Ask| Answer::Held));
        world.mallory.receive(&hostile.key).await;
        for number in 0..bodies(form).len() {
            let double = Double::start(move |_: &Ask| bodies(form).swap_remove(number));
            let mut account = form.contract(&double).account;
            account["metadata"]["name"] = json!(format!("{form:?}-{number}").to_lowercase());
            world.mallory.apply(&account).await;
            doubles.push((name(&account).to_owned(), double));
        }
    }
    for (account, _) in &doubles {
        let said = |object: &Object| !object.reason().is_empty();
        world.mallory.until(Kind::Account, account, "a word", said).await;
    }
    let peak = memory::peak(&operator);
    assert!(peak <= before + 64, "{before} MiB before, {peak} MiB at most");
    world.victim.apply(&contract.product).await;
    world.victim.ready(name(&contract.product)).await;
}

async fn odd_numbers_are_refused_by_the_schema(world: Arc<World>) {
    let contract = world.tencent();
    for odd in ["1e30", "9223372036854775808", "-1", "0", "5000.5", "\"5000\"", "null", "[]"] {
        let mut product = contract.product.clone();
        product["spec"]["dynamicRegistration"]["limit"] = serde_json::from_str::<Value>(odd).expect("JSON");
        let applied = world.mallory.try_apply(&product).await;
        assert!(applied.is_err(), "limit {odd}: {:?}", applied.map(|object| object.0["spec"].clone()));
    }
}

async fn a_secret_that_no_cluster_can_hold_is_said(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let secret = "S\n".repeat(600_000);
    let double = Double::start(move |ask: &Ask| {
        let product = json!({"Response": {
            "RequestId": "r", "ProductId": "P000000001", "ProductName": "thermostat", "ProductSecret": secret,
            "ProductProperties": {"EncryptionType": "2", "ProductSecret": secret},
        }});
        match ask.action.as_str() {
            "CreateProduct" | "DescribeProduct" => Answer::ok(product.to_string()),
            _ => Form::Tencent.empty(ask),
        }
    });
    let contract = Form::Tencent.contract(&double);
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    world.mallory.apply(&contract.product).await;
    let said = |object: &Object| !["", "Creating", "Available"].contains(&object.reason());
    let object = world.mallory.until(Kind::Product, name(&contract.product), "a word", said).await;
    assert!(!object.message().contains("S\n"), "{}", object.brief());
}

/// Two releases in one cluster by mistake, each with an owner id of its own.
async fn two_operators_in_one_namespace_make_one_product_each(world: Arc<World>) {
    const PRODUCTS: usize = 10;
    let _first = world.operator(&[("owner-id", "first")]).await;
    let _second = world.operator(&[("owner-id", "second")]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    let names: Vec<String> = (0..PRODUCTS).map(|number| format!("product-{number}")).collect();
    for name in &names {
        world.victim.apply(&named(&contract.product, name)).await;
    }
    for name in &names {
        let recorded = |object: &Object| object.id().is_some();
        world.victim.until(Kind::Product, name, "an id", recorded).await;
    }
    let products = world.vendor().tencent().products(ACCOUNT).expect("the products");
    let mut made: Vec<String> = products.into_iter().map(|product| product.product_name).collect();
    made.sort();
    let mut wanted = names.clone();
    wanted.sort();
    assert_eq!(made, wanted);
    for name in &names {
        world.victim.delete(Kind::Product, name).await;
    }
    until("every product to be gone", PATIENCE, async || {
        let left = world.victim.list(Kind::Product).await;
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.iter().map(Object::brief).collect::<Vec<_>>().join("\n"))
        }
    })
    .await;
}
