//! A manifest whose create was refused, and which then names an existing product, imports that product. It has made
//! nothing, and may do to the product what an import may and no more.

use std::sync::Arc;

use iot_simulator::{Fault, Rule};
use iot_test_harness::manifest::{Contract, named};
use iot_test_harness::{Kind, Object};
use serde_json::{Value, json};

use crate::session::attacks;
use crate::tenant::name;
use crate::world::{ACCOUNT, World};

attacks!(Shared {
    an_import_after_a_refused_create_makes_no_password,
    an_import_after_a_refused_create_that_only_reports_changes_nothing,
    the_status_says_where_a_product_comes_from,
});

/// A create that the vendor refuses, the other ways to a ledger with an attempt, and none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    Refused,
    Forged,
    Watched,
    RefusedAndWatched,
}

const BEFORE: [Before; 5] =
    [Before::Nothing, Before::Refused, Before::Forged, Before::Watched, Before::RefusedAndWatched];

/// What happens before the import of `id`.
async fn prepare(world: &World, product: &Value, before: Before, id: &str) {
    let (tenant, name) = (&world.mallory, name(product));
    let watch = json!({"managementPolicy": "ObserveOnly", "productId": id, "suspend": false});
    let refused = matches!(before, Before::Refused | Before::RefusedAndWatched);
    if refused {
        world.vendor().set_faults(vec![Rule::on("CreateProduct", Fault::error(refusal(product)))]);
        tenant.apply(product).await;
        tenant.reason(Kind::Product, name, "InvalidSpec").await;
        world.vendor().clear_faults();
    } else {
        let mut waiting = product.clone();
        waiting["spec"]["suspend"] = json!(true);
        let object = tenant.apply(&waiting).await;
        tenant.reason(Kind::Product, name, "Suspended").await;
        if before == Before::Forged {
            let ledger = json!({
                "uid": object.uid(), "connection": "0", "name": product["spec"]["name"], "attempt": 7,
                "deadline": "2026-01-01T00:00:00Z", "state": "closed",
            });
            let annotations = json!({"iot-products.io/creation": ledger.to_string()});
            tenant.edit(Kind::Product, name, json!({"metadata": {"annotations": annotations}})).await;
        }
    }
    if matches!(before, Before::Watched | Before::RefusedAndWatched) {
        let asked = tenant.edit_and_ask(name, &watch).await;
        checked(world, name, &asked).await;
    }
}

fn refusal(product: &Value) -> &'static str {
    if product["spec"]["vendor"] == "HuaweiCloud" { "ROMA.00110001" } else { "InvalidParameterValue" }
}

async fn checked(world: &World, name: &str, asked: &str) -> Object {
    let done =
        |object: &Object| object.is_current() && object.text("/status/lastHandledReconcileAt") == asked;
    world.mallory.until(Kind::Product, name, "the check that was asked for", done).await
}

async fn connect(world: &World, contract: &Contract) {
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
}

async fn an_import_after_a_refused_create_makes_no_password(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.huawei();
    connect(&world, &contract).await;
    for (number, before) in BEFORE.into_iter().enumerate() {
        let mut product = named(&contract.product, &format!("import-{number}"));
        product["spec"]["huawei"]["model"] = json!(format!("M{number}"));
        let mut existing = iot_simulator::huawei::Product::named(&format!("import-{number}"));
        existing.product_type = 1;
        existing.model = format!("M{number}");
        let existing = world.vendor().huawei().create_product(ACCOUNT, existing).expect("a product");
        let id = existing.id.to_string();
        // Under another name the create is no conflict.
        let mut first = product.clone();
        first["spec"]["name"] = json!(format!("other-{number}"));
        prepare(&world, &first, before, &id).await;
        let import = json!({
            "managementPolicy": "Full", "productId": id, "suspend": false, "name": product["spec"]["name"],
        });
        for spec in [&import, &json!({"description": "edited"})] {
            let asked = world.mallory.edit_and_ask(name(&product), spec).await;
            checked(&world, name(&product), &asked).await;
        }
        let now = world.vendor().huawei().product(ACCOUNT, &id).expect("the product");
        assert_eq!(now.password_changes, existing.password_changes, "{before:?}: a password was sent");
        assert_eq!(now.password, existing.password, "{before:?}");
    }
}

async fn an_import_after_a_refused_create_that_only_reports_changes_nothing(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    connect(&world, &contract).await;
    let mut changed = Vec::new();
    for (number, before) in BEFORE.into_iter().enumerate() {
        let mut product = named(&contract.product, &format!("import-{number}"));
        product["spec"]["driftPolicy"] = json!("Report");
        let mut existing = iot_simulator::tencent::Product::named(&format!("import-{number}"));
        "2".clone_into(&mut existing.encryption_type);
        let existing = world.vendor().tencent().create_product(ACCOUNT, existing).expect("a product");
        // Under another name the create is no conflict.
        let mut first = product.clone();
        first["spec"]["name"] = json!(format!("other-{number}"));
        prepare(&world, &first, before, &existing.product_id).await;
        let id = &existing.product_id;
        let import = json!({
            "managementPolicy": "Full", "productId": id, "suspend": false, "name": product["spec"]["name"],
        });
        let asked = world.mallory.edit_and_ask(name(&product), &import).await;
        let object = checked(&world, name(&product), &asked).await;
        world.mallory.check_now(name(&product)).await;
        let now = world.vendor().tencent().product(ACCOUNT, id).expect("the product");
        if now != existing {
            changed.push(format!("{before:?}: {now:?}, {}", object.brief()));
        }
    }
    assert!(changed.is_empty(), "{changed:#?}");
}

async fn the_status_says_where_a_product_comes_from(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let contract = world.tencent();
    connect(&world, &contract).await;
    let existing = |name: &str| {
        let mut product = iot_simulator::tencent::Product::named(name);
        "2".clone_into(&mut product.encryption_type);
        world.vendor().tencent().create_product(ACCOUNT, product).expect("a product").product_id
    };
    let stories: [(&str, Value); 3] = [
        ("Created", json!({})),
        ("Adopted", json!({"productId": existing("adopted")})),
        ("Watched", json!({"productId": existing("watched"), "managementPolicy": "ObserveOnly"})),
    ];
    for (origin, spec) in stories {
        let mut product = named(&contract.product, &origin.to_lowercase());
        product["spec"].as_object_mut().expect("a spec").remove("description");
        for (key, value) in spec.as_object().expect("a part of a spec") {
            product["spec"][key] = value.clone();
        }
        world.mallory.apply(&product).await;
        let recorded = |object: &Object| object.id().is_some();
        let object = world.mallory.until(Kind::Product, name(&product), "an id", recorded).await;
        assert_eq!(object.text("/status/origin"), origin, "{}", object.brief());
    }
    // What was watched and is managed then, within what the account allows, is adopted.
    world.mallory.edit_and_ask("watched", &json!({"managementPolicy": "Full"})).await;
    let adopted = |object: &Object| object.text("/status/origin") == "Adopted" && object.is_available();
    world.mallory.until(Kind::Product, "watched", "adopted", adopted).await;
}
