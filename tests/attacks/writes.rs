//! What a vendor says is no load on the API server: it is bounded before it is written, and what the API server
//! refuses for good is not written again and again.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, Mark, PATIENCE, until};
use serde_json::{Value, json};

use crate::answers::{FORMS, Form};
use crate::double::{Answer, Ask, Double};
use crate::session::{Plane, Test};
use crate::world::World;

/// Products whose vendor answers with too much.
const PRODUCTS: usize = 10;
/// So often a write may be refused for one object while others are looked at.
const REFUSALS: usize = 8;
/// More than any object of the API server can hold.
const TOO_LONG: usize = 3_000_000;

/// What is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Id,
    Secret,
    Name,
}

const PARTS: [Part; 3] = [Part::Id, Part::Secret, Part::Name];

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for form in FORMS {
        let name = format!("too_long_a_text_at_{form:?}").to_lowercase();
        let body = move |world| Box::pin(too_long(world, form)) as _;
        tests.push(Test::new(module_path!(), &name, Plane::Own, body));
    }
    let body = |world| Box::pin(a_text_that_changes(world)) as _;
    tests.push(Test::new(module_path!(), "an_error_with_the_time_in_it_is_one_error", Plane::Shared, body));
    tests
}

/// A product as the double shows it.
fn shown(form: Form, part: Part, id: &str, name: &str) -> Value {
    let long = |is: Part, else_: &str| if part == is { "L".repeat(TOO_LONG) } else { else_.to_owned() };
    let (name, secret) = (long(Part::Name, name), long(Part::Secret, "a-secret"));
    match form {
        Form::Tencent => json!({
            "RequestId": "r", "ProductId": long(Part::Id, id), "ProductName": name,
            "ProductProperties": {"ProductDescription": "", "EncryptionType": "2", "ProductSecret": secret},
        }),
        // Huawei shows no secret; its devices' user name goes into the Secret as it is.
        Form::Huawei => json!({
            "id": long(Part::Id, id), "product_serial": long(Part::Secret, "s"), "name": name,
            "authentication": {"user_name": secret, "password": "******"},
            "app_id": "a1503e51-46f7-4d23-8617-7cb2d28dde98", "description": "",
        }),
    }
}

fn answer(form: Form, part: Part, ask: &Ask) -> Answer {
    let wrap = |product: Value| match form {
        Form::Tencent => json!({"Response": product}).to_string(),
        Form::Huawei => product.to_string(),
    };
    if ask.action == "CreateProduct" {
        let id = match form {
            Form::Tencent => format!("P{:09}", ask.nth),
            Form::Huawei => (700_000 + ask.nth).to_string(),
        };
        return Answer::ok(wrap(shown(form, part, &id, "created")));
    }
    if ask.action == form.read() {
        let body: Value = serde_json::from_str(&ask.body).unwrap_or_default();
        let id = body["ProductId"].as_str().unwrap_or(ask.last());
        return Answer::ok(wrap(shown(form, part, id, "created")));
    }
    form.empty(ask)
}

async fn too_long(world: Arc<World>, form: Form) {
    let _operator = world.operator_of_cluster(&[]).await;
    let contract = world.tencent();
    world.victim.receive(&contract.key).await;
    world.victim.apply(&contract.account).await;
    let mark = world.audit_mark();
    let mut doubles = Vec::new();
    for part in PARTS {
        let double = Double::start(move |ask: &Ask| answer(form, part, ask));
        create(&world, form, part, &double).await;
        // Not of all: a vendor whose answers make no sense is not asked for ever.
        double.until_asked("CreateProduct", 3).await;
        doubles.push(double);
    }
    // Every product says something in the end, and no write is repeated in vain until then.
    until("a word about every product", PATIENCE, async || {
        not_repeated(&world, mark);
        let all = world.mallory.list(Kind::Product).await;
        let silent = all.iter().filter(|product| product.reason().is_empty()).count();
        if silent == 0 { Ok(()) } else { Err(format!("{silent} of {} say nothing", all.len())) }
    })
    .await;
    for number in 0..3 {
        let product = named(&contract.product, &format!("victim-{number}"));
        world.victim.apply(&product).await;
        world.victim.ready(&format!("victim-{number}")).await;
    }
    not_repeated(&world, mark);
}

/// No write that the API server refuses for good was tried more than a few times.
fn not_repeated(world: &World, mark: Mark) {
    let mut refused = BTreeMap::new();
    for write in world.writes_since(mark) {
        if write.code.is_some_and(|code| code >= 400 && ![404, 409].contains(&code)) {
            let what = format!("{} {}/{} {}", write.verb, write.resource, write.subresource, write.name);
            *refused.entry(what).or_insert(0_usize) += 1;
        }
    }
    refused.retain(|_, times| *times > REFUSALS);
    assert!(refused.is_empty(), "refused again and again: {refused:#?}");
}

/// An account at the double, and its products.
async fn create(world: &World, form: Form, part: Part, double: &Double) {
    let hostile = form.contract(double);
    let own = format!("{part:?}").to_lowercase();
    let mut account = hostile.account.clone();
    account["metadata"]["name"] = json!(own);
    world.mallory.receive(&hostile.key).await;
    world.mallory.apply(&account).await;
    let apply = |number: usize| {
        let mut product = named(&hostile.product, &format!("{own}-{number}"));
        product["spec"]["accountRef"]["name"] = json!(own);
        if form == Form::Huawei {
            product["spec"]["huawei"]["model"] = json!(format!("M{number}"));
        }
        async move { world.mallory.apply(&product).await }
    };
    iter(0..PRODUCTS).map(apply).buffer_unordered(4).collect::<Vec<_>>().await;
}

/// Two accounts whose lists fail, one always with the same words.
async fn a_text_that_changes(world: Arc<World>) {
    const TIMES: usize = 4;
    const PRODUCTS_EACH: usize = 10;
    let words = |changing: bool| {
        Double::start(move |ask: &Ask| {
            let nth = if changing { ask.nth } else { 0 };
            let message = format!("internal error at 2026-01-01T00:00:{nth:02}Z, request {nth:08}-77aa{nth}");
            Form::Tencent.error("InternalError", &message)
        })
    };
    let (same, changing) = (words(false), words(true));
    let _operator = world.operator(&[]).await;
    let mark = world.audit_mark();
    for (tenant, double) in [(&world.victim, &same), (&world.mallory, &changing)] {
        let contract = Form::Tencent.contract(double);
        tenant.receive(&contract.key).await;
        tenant.apply(&contract.account).await;
        for number in 0..PRODUCTS_EACH {
            tenant.apply(&named(&contract.product, &format!("product-{number}"))).await;
        }
    }
    same.until_asked(Form::Tencent.list(), TIMES).await;
    changing.until_asked(Form::Tencent.list(), TIMES).await;
    let writes = world.writes_since(mark);
    let of = |namespace: &str| {
        let statuses =
            writes.iter().filter(|write| write.namespace == namespace && write.subresource == "status");
        statuses.count()
    };
    let (same, changing) = (of(world.victim.namespace()), of(world.mallory.namespace()));
    // One more for a message that is the first of its kind.
    assert!(changing <= same + 2, "{same} writes of statuses with one text, {changing} with changing ones");
}
