//! What is shown. Every step checks what it shows; none waits longer than it must.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::cluster::text;
use crate::failure::Failure;
use crate::stage::{Stage, heading};
use crate::wait::{Look, until};

const PRODUCTS: [&str; 3] = ["thermostat", "street-lamp", "gateway"];
/// The products of the other vendors, and where the simulator has them.
const OTHERS: [(&str, &str); 3] = [
    ("old-meter", "tencent-legacy/accounts/legacy"),
    ("road-lamp", "alibaba/accounts/default"),
    ("plc-gateway", "huawei/accounts/default"),
];
/// How long a step may take.
const STEP: Duration = Duration::from_mins(1);
/// The annotation that asks for a check now.
const CHECK_NOW: &str = "reconcile.fluxcd.io/requestedAt";
/// What the output Secret of a product with a secret holds.
const KEYS: [&str; 5] = ["productId", "productName", "productSecret", "region", "vendor"];

/// Tells it from the first manifest to a deletion.
pub(crate) async fn tell(stage: &Stage) -> Result<(), Failure> {
    products_turn_ready(stage).await?;
    secret_has_its_keys(stage).await?;
    edit_arrives(stage).await?;
    damaged_secret_is_repaired(stage).await?;
    deletion_leaves_nothing(stage).await?;
    other_vendors(stage).await
}

async fn products_turn_ready(stage: &Stage) -> Result<(), Failure> {
    let kubectl = &stage.kubectl;
    heading("A Secret with the vendor's key, an account, three products: one file");
    let mark = stage.vendor.mark().await?;
    kubectl.show(&["apply", "-f", text(&stage.manifest)]).await?;
    println!();
    let mut ready = BTreeSet::new();
    let get = ["get", "iotproducts", "--namespace", "factory"];
    let watch: Vec<&str> = get.into_iter().chain(["--watch"]).collect();
    kubectl
        .follow(&watch, "three products with READY True", STEP, |line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if let [name, _, _, "True", ..] = columns[..] {
                ready.insert(name.to_owned());
            }
            ready.len() == PRODUCTS.len()
        })
        .await?;
    println!();
    kubectl.show(&[&get[..], &["-o", "wide"]].concat()).await?;
    let limit = format!("--timeout={}s", STEP.as_secs());
    kubectl
        .show(&["wait", "iotaccount/tencent", "--namespace", "factory", "--for=condition=Ready", &limit])
        .await?;

    let at_vendor = stage.vendor.products().await?;
    println!("\nAt the vendor:");
    for product in &at_vendor {
        println!("  {}  {}", product.id, product.name);
    }
    for name in PRODUCTS {
        let object = kubectl.json(&["get", "iotp", name, "-n", "factory"]).await?;
        let product = stage.vendor.product(name).await?;
        let recorded = object["status"]["productId"].as_str().unwrap_or_default();
        same("status.productId is the vendor's id", &product.id, recorded)?;
    }
    same("products at the vendor", &PRODUCTS.len().to_string(), &at_vendor.len().to_string())?;
    let calls = stage.vendor.calls_since(mark).await?;
    println!("  calls it took: {calls}");
    same("calls of CreateProduct", "3", &calls.of("CreateProduct").to_string())
}

async fn secret_has_its_keys(stage: &Stage) -> Result<(), Failure> {
    heading("What provisioning mounts: ProductId and ProductSecret in a Secret");
    stage.kubectl.show(&["describe", "secret", "thermostat-credentials", "--namespace", "factory"]).await?;
    let secret = output(stage).await?;
    let have: BTreeSet<&str> =
        secret["data"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let missing: Vec<_> = KEYS.iter().filter(|key| !have.contains(**key)).collect();
    if !missing.is_empty() {
        return Err(Failure::missed(format!("the keys {KEYS:?}"), format!("{have:?}")));
    }
    let at_vendor = stage.vendor.product("thermostat").await?;
    if value(&secret, "productSecret").as_deref() != Some(at_vendor.secret.as_str()) {
        return Err(Failure::missed("the vendor's ProductSecret under productSecret", "another value"));
    }
    println!("  productSecret is the vendor's.");
    Ok(())
}

async fn edit_arrives(stage: &Stage) -> Result<(), Failure> {
    heading("An edit: more devices may register themselves");
    let before = stage.vendor.product("thermostat").await?.register_limit;
    println!("The vendor's RegisterLimit: {before}");
    let mark = stage.vendor.mark().await?;
    let patch = r#"{"spec":{"dynamicRegistration":{"limit":8000}}}"#;
    stage
        .kubectl
        .show(&["patch", "iotp", "thermostat", "-n", "factory", "--type=merge", "-p", patch])
        .await?;
    until("RegisterLimit 8000 at the vendor and the edit in status", STEP, async || {
        let limit = stage.vendor.product("thermostat").await?.register_limit;
        let object = thermostat(stage).await?;
        let observed = &object["status"]["observed"]["dynamicRegistration"]["limit"];
        let current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let settled = limit == 8000 && observed == 8000 && current && is_ready(&object);
        Ok(if settled {
            Look::Seen(())
        } else {
            Look::NotYet(format!("RegisterLimit {limit}, status {}", object["status"]))
        })
    })
    .await?;
    let calls = stage.vendor.calls_since(mark).await?;
    println!("The vendor's RegisterLimit: 8000; calls it took: {calls}");
    // The list is the account's own, once in its interval.
    let others = calls.besides("DescribeProducts");
    if calls.of("UpdateProductDynamicRegister") == 1 && others == 1 {
        return Ok(());
    }
    Err(Failure::missed("one call of UpdateProductDynamicRegister and nothing else", calls.to_string()))
}

async fn damaged_secret_is_repaired(stage: &Stage) -> Result<(), Failure> {
    let kubectl = &stage.kubectl;
    heading("A Secret that somebody damaged");
    let patch = r#"{"stringData":{"productSecret":"damaged by hand"}}"#;
    let name = "thermostat-credentials";
    kubectl.show(&["patch", "secret", name, "-n", "factory", "--type=merge", "-p", patch]).await?;
    let damaged = output(stage).await?;
    same("the damage", "damaged by hand", &value(&damaged, "productSecret").unwrap_or_default())?;
    println!("It would be found within --secret-check-interval (1h). Or now:");
    let now = jiff::Timestamp::now().to_string();
    let annotation = format!("{CHECK_NOW}={now}");
    kubectl.show(&["annotate", "iotp", "thermostat", "-n", "factory", "--overwrite", &annotation]).await?;
    let at_vendor = stage.vendor.product("thermostat").await?.secret;
    until("the vendor's secret back and the check in status", STEP, async || {
        let repaired = value(&output(stage).await?, "productSecret").as_ref() == Some(&at_vendor);
        let object = thermostat(stage).await?;
        let handled = object["status"]["lastHandledReconcileAt"] == now.as_str();
        Ok(if repaired && handled {
            Look::Seen(())
        } else {
            Look::NotYet(format!("repaired: {repaired}, status {}", object["status"]))
        })
    })
    .await?;
    println!("It is the vendor's again, and status.lastHandledReconcileAt is {now}.");
    Ok(())
}

async fn deletion_leaves_nothing(stage: &Stage) -> Result<(), Failure> {
    let kubectl = &stage.kubectl;
    heading("A deletion");
    let id = stage.vendor.product("street-lamp").await?.id;
    let mark = stage.vendor.mark().await?;
    let limit = format!("--timeout={}s", STEP.as_secs());
    kubectl.show(&["delete", "iotp", "street-lamp", "-n", "factory", &limit]).await?;
    let calls = stage.vendor.calls_since(mark).await?;
    println!("Calls it took: {calls}");
    let left = stage.vendor.products().await?;
    if left.iter().any(|product| product.id == id || product.name == "street-lamp") {
        return Err(Failure::missed(format!("product {id} gone from the vendor"), "it is still there"));
    }
    if kubectl.exists(&["get", "secret", "street-lamp-credentials", "-n", "factory"]).await? {
        return Err(Failure::missed("Secret street-lamp-credentials gone", "it is still there"));
    }
    let names: Vec<&str> = left.iter().map(|product| product.name.as_str()).collect();
    same("products left at the vendor", &(PRODUCTS.len() - 1).to_string(), &left.len().to_string())?;
    println!("Product {id} and its Secret are gone. At the vendor: {}.", names.join(", "));
    println!();
    kubectl.show(&["get", "iotproducts,secrets", "--namespace", "factory"]).await?;
    Ok(())
}

async fn other_vendors(stage: &Stage) -> Result<(), Failure> {
    let kubectl = &stage.kubectl;
    heading("The other vendors: the same kinds, the same pipeline");
    for manifest in &stage.others {
        kubectl.show(&["apply", "-f", text(manifest)]).await?;
    }
    let names = OTHERS.map(|(name, _)| format!("iotp/{name}"));
    let limit = format!("--timeout={}s", STEP.as_secs());
    let wait = ["wait", "-n", "factory", "--for=condition=Ready", &limit];
    kubectl.show(&wait.into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>()).await?;
    println!();
    kubectl.show(&["get", "iotproducts", "--namespace", "factory", "--sort-by=.spec.vendor"]).await?;
    for (name, account) in OTHERS {
        let object = kubectl.json(&["get", "iotp", name, "-n", "factory"]).await?;
        let id = object["status"]["productId"].as_str().unwrap_or_default();
        let at_vendor = stage.vendor.raw_products(account).await?;
        if id.is_empty() || !at_vendor.iter().any(|product| product.to_string().contains(id)) {
            return Err(Failure::missed(
                format!("product {id} of {name} at {account}"),
                format!("{at_vendor:?}"),
            ));
        }
        same(&format!("products at {account}"), "1", &at_vendor.len().to_string())?;
    }
    println!("Huawei shows no password again, so this Secret is its one copy:");
    kubectl.show(&["describe", "secret", "plc-gateway-credentials", "--namespace", "factory"]).await?;
    Ok(())
}

async fn thermostat(stage: &Stage) -> Result<Value, Failure> {
    stage.kubectl.json(&["get", "iotp", "thermostat", "-n", "factory"]).await
}

async fn output(stage: &Stage) -> Result<Value, Failure> {
    stage.kubectl.json(&["get", "secret", "thermostat-credentials", "-n", "factory"]).await
}

/// A value of a Secret in the clear.
fn value(secret: &Value, key: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret["data"][key].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

fn same(what: &str, expected: &str, seen: &str) -> Result<(), Failure> {
    if expected == seen {
        return Ok(());
    }
    Err(Failure::missed(format!("{what}: {expected}"), seen))
}
