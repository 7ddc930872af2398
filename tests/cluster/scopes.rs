//! `--watch-namespaces` with one that cannot be listed: the others do not notice, and it is said what is missing.

use iot_simulator::tencent::Product;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use crate::manifest::{CREDENTIALS, THERMOSTAT, named};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::startup::{PRODUCTS, ROLE};
use crate::vendor::{ACCOUNT, DELETE};
use crate::world::{PATIENCE, World, until};

tests!(Shared { one_that_cannot_be_listed_stops_no_other });

const OLD: &str = "old-lamp";

async fn said(operator: &Operator, path: &str, text: &str) {
    until(&format!("{path} to say {text}"), PATIENCE, async || {
        let page = match path {
            "/metrics" => operator.page(path).await,
            _ => operator.health_page(path).await,
        };
        let page = page.map_err(|error| error.to_string())?;
        if page.contains(text) { Ok(()) } else { Err(page) }
    })
    .await;
}

async fn one_that_cannot_be_listed_stops_no_other(world: World) {
    let (here, there) = (world.namespace().name(), format!("{}-late", world.namespace().name()));
    let user = format!("narrow-{here}");
    let kubeconfig = world.plane().kubeconfig_as(&user, &[]).expect("a kubeconfig");
    let roles = format!("{ROLE}---{PRODUCTS}").replace("USER", &user);
    world.kubectl(&["apply", "--filename", "-"], &roles);
    let both = format!("{here},{there}");
    let flags = [("kubeconfig", kubeconfig.to_str().expect("a path")), ("watch-namespaces", &both)];
    let mut operator = world.start_operator(&flags);
    operator.ready().await;
    let missing =
        format!("IotProduct in namespace {there}: not ready: it may not be listed: create the namespace");
    said(&operator, "/readyz", &missing).await;
    let metric = format!("iot_operator_watch_up{{kind=\"IotProduct\",watched=\"{there}\"}} 0");
    said(&operator, "/metrics", &metric).await;
    let lines = world.evidence().lines_with(&["WARN", &there, "--watch-namespaces"]);
    assert!(!lines.is_empty(), "the log says which namespace and what to do");

    // A life in the one that can be listed.
    world.apply_all(&world.contract()).await;
    world.one_ready_product(THERMOSTAT).await;
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"enabled": false}})).await;
    world
        .product_until(THERMOSTAT, "the edit", PATIENCE, |object| {
            object.is_current() && object.is_available()
        })
        .await;
    takes_over_when_all_are_known(&world, &there, &roles).await;
    for name in [THERMOSTAT, OLD] {
        world.delete(Kind::Product, name).await;
        world.gone(Kind::Product, name, PATIENCE).await;
    }
    assert_eq!(world.products(), []);
    said(&operator, "/metrics", &metric.replace("} 0", "} 1")).await;
    let namespaces: Api<Namespace> = Api::all(world.client());
    namespaces.delete(&there, &DeleteParams::default()).await.unwrap();
}

/// Somebody in the other namespace may have what is to be taken over.
async fn takes_over_when_all_are_known(world: &World, there: &str, roles: &str) {
    let theirs = world.tencent().create_product(ACCOUNT, Product::named(OLD)).unwrap();
    let mut wants = named(&world.contract().product, OLD);
    wants["spec"]["adoptionPolicy"] = json!("MatchName");
    world.apply(&wants).await;
    let unknown = |object: &Object| object.ready() == "Unknown" && object.message().contains("cannot list");
    let object = world.product_until(OLD, "a wait", PATIENCE, unknown).await;
    assert!(!object.message().contains(there) && object.id().is_none(), "{}", object.brief());
    assert!(world.secret(&CREDENTIALS.replace(THERMOSTAT, OLD)).await.is_none());
    // What was created is deleted all the same.
    world.apply(&named(&world.contract().product, "short-lived")).await;
    world.product_until("short-lived", "Ready", PATIENCE, Object::is_available).await;
    world.delete(Kind::Product, "short-lived").await;
    world.gone(Kind::Product, "short-lived", PATIENCE).await;
    assert_eq!(world.calls(DELETE).len(), 1);

    let namespaces: Api<Namespace> = Api::all(world.client());
    let namespace: Value = json!({"metadata": {"name": there}});
    namespaces.create(&PostParams::default(), &serde_json::from_value(namespace).unwrap()).await.unwrap();
    world.kubectl(&["apply", "--namespace", there, "--filename", "-"], roles);
    let object = world.product_until(OLD, "taken over", PATIENCE * 2, |object| object.id().is_some()).await;
    assert_eq!(object.id(), Some(theirs.product_id.as_str()));
}
