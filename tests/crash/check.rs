//! What must hold when everything is over.

use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value;

use crate::fault::Fault;
use crate::gate::Planned;
use crate::operation::{Operation, RENAMED_SECRET};
use crate::vendor::Product;
use crate::world::World;

/// The condition Ready is True for the manifest as it is.
pub(crate) fn ready(object: Option<&Value>) -> bool {
    let Some(object) = object else { return false };
    let ready = condition(object, "Ready");
    ready.is_some_and(|ready| ready["status"] == "True")
        && object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// The condition Ready is there, whatever it says.
pub(crate) fn says_ready(object: &Value) -> bool {
    condition(object, "Ready").is_some()
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The recorded product.
pub(crate) fn product_id(world: &World) -> Option<String> {
    world.object()?["status"]["productId"].as_str().map(str::to_owned)
}

/// Products that somebody else made, and ours.
fn sides(world: &World) -> (Vec<Product>, Vec<Product>) {
    world.products().into_iter().partition(|product| product.name == "foreign")
}

/// The vendor has a product of ours.
pub(crate) fn has_one(world: &World) -> bool {
    !sides(world).1.is_empty()
}

/// What the world was when the operation began.
pub(crate) struct Before {
    foreign: Vec<Product>,
    ours: Option<Product>,
    secret: Option<Arc<Value>>,
    /// A request of a creation is carried out again, after it was answered and perhaps undone.
    repeated: bool,
}

impl Before {
    pub(crate) fn of(world: &World, operation: Operation, plan: &[Planned]) -> Self {
        let (foreign, ours) = sides(world);
        let ours = ours.into_iter().next();
        Self {
            foreign,
            ours: ours.filter(|_| !matches!(operation, Operation::Create | Operation::Lost)),
            secret: world.secret(&secret_name(world, false)),
            repeated: operation == Operation::DeleteCreating
                && plan.iter().any(|(_, fault)| *fault == Fault::Twice),
        }
    }
}

fn secret_name(world: &World, renamed: bool) -> String {
    if renamed { RENAMED_SECRET.to_owned() } else { format!("{}-credentials", world.name) }
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// What still differs from how it must end.
pub(crate) fn judge(world: &World, operation: Operation, before: &Before) -> Result<(), String> {
    let (foreign, ours) = sides(world);
    expect(foreign == before.foreign, || format!("a foreign product was touched: {foreign:?}"))?;
    match operation {
        Operation::Delete | Operation::DeleteCreating | Operation::NamespaceTeardown => {
            gone(world, operation, before, &ours)
        }
        Operation::Retain => retained(world, before, &ours),
        _ => kept(world, operation, before, &ours),
    }
}

fn gone(world: &World, operation: Operation, before: &Before, ours: &[Product]) -> Result<(), String> {
    expect(world.object().is_none(), || format!("the object remains: {}", brief(world.object().as_deref())))?;
    if before.repeated && !ours.is_empty() {
        // Nobody is left who could be asked whether it may go: it is counted.
        let unmanaged = before.foreign.len() + ours.len();
        let account = world.account().unwrap_or_default();
        let shown = account["status"]["products"]["unmanaged"] == unmanaged;
        return expect(shown, || format!("not counted in {}: {}", account["status"], names(ours)));
    }
    expect(ours.is_empty(), || format!("products remain: {}", names(ours)))?;
    let secret = world.secret(&secret_name(world, false));
    expect(secret.is_none() || before.repeated, || "the Secret remains".to_owned())?;
    if operation == Operation::NamespaceTeardown {
        let namespace = world.server.object("namespaces", "", crate::world::NAMESPACE);
        expect(namespace.is_none(), || "the namespace remains".to_owned())?;
    }
    Ok(())
}

fn retained(world: &World, before: &Before, ours: &[Product]) -> Result<(), String> {
    expect(world.object().is_none(), || format!("the object remains: {}", brief(world.object().as_deref())))?;
    expect(ours == before.ours.as_slice(), || format!("the product was touched: {ours:?}"))?;
    let secret = world.secret(&secret_name(world, false));
    let data = |secret: &Option<Arc<Value>>| secret.as_ref().map(|secret| secret["data"].clone());
    expect(data(&secret) == data(&before.secret), || "the Secret was touched".to_owned())
}

fn kept(world: &World, operation: Operation, before: &Before, ours: &[Product]) -> Result<(), String> {
    let [product] = ours else { return Err(format!("products: {}", names(ours))) };
    if let Some(before) = &before.ours {
        expect(before.id == product.id, || "another product stands in its place".to_owned())?;
    }
    let others = world.vendor.others(&world.simulator);
    expect(others == 0, || format!("{others} products in somebody else's account"))?;
    let object = world.object().ok_or("the object is gone")?;
    let (status, spec) = (&object["status"], &object["spec"]);
    let says = || format!("status: {}", brief(Some(&object)));
    expect(ready(Some(&object)), says)?;
    expect(status["productId"] == product.id.as_str(), || format!("another product is recorded: {status}"))?;
    expect(status["productName"] == product.name.as_str(), || format!("another name is recorded: {status}"))?;
    expect(spec["name"] == product.name.as_str(), || format!("the product is called {}", product.name))?;
    for absent in ["Stalled", "Reconciling", "Suspended"] {
        expect(condition(&object, absent).is_none(), || {
            format!("{absent} remains: {}", brief(Some(&object)))
        })?;
    }
    let finalizers = &object["metadata"]["finalizers"];
    expect(finalizers.as_array().is_some_and(|list| list.len() == 1), || {
        format!("finalizers: {finalizers}")
    })?;
    let text = spec["description"].as_str().unwrap_or_default();
    let described = product.description.starts_with(text) || operation == Operation::Adopt;
    expect(described, || format!("described as {:?}", product.description))?;
    if operation == Operation::Rotate {
        let handled = status["lastHandledRotation"] == crate::operation::ROTATION;
        let another = before.ours.as_ref().is_some_and(|before| before.secret != product.secret);
        expect(handled && another, || format!("the password was not changed: {}", brief(Some(&object))))?;
    }
    if operation == Operation::Drift {
        let as_before = before.ours.as_ref().is_some_and(|before| before.all == product.all);
        expect(as_before, || format!("the drift remains: {:?}", product.all))?;
    }
    secret(world, operation, product, status)
}

fn secret(world: &World, operation: Operation, product: &Product, status: &Value) -> Result<(), String> {
    let renamed = operation == Operation::SecretRename;
    let name = secret_name(world, renamed);
    expect(status["secretRef"]["name"] == name.as_str(), || format!("secretRef: {}", status["secretRef"]))?;
    let secret = world.secret(&name).ok_or("the Secret is missing")?;
    let value = |key: &str| {
        let text = secret["data"][key].as_str()?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
        String::from_utf8(bytes).ok()
    };
    expect(value("productId").as_deref() == Some(&product.id), || {
        "the Secret is of another product".to_owned()
    })?;
    if let Some((key, wanted)) = &product.secret {
        expect(value(key).as_deref() == Some(wanted), || format!("the Secret's {key} differs"))?;
    }
    expect(value("pendingPassword").is_none(), || "a password is still pending".to_owned())?;
    if renamed {
        expect(world.secret(&secret_name(world, false)).is_none(), || "the old Secret remains".to_owned())?;
    }
    Ok(())
}

fn names(products: &[Product]) -> String {
    let names: Vec<String> = products
        .iter()
        .map(|product| format!("{} {:?} {:?}", product.id, product.name, product.description))
        .collect();
    format!("{} [{}]", names.len(), names.join(", "))
}

/// What an object says of itself.
fn brief(object: Option<&Value>) -> String {
    let Some(object) = object else { return "none".to_owned() };
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let conditions: Vec<String> = conditions
        .map(|c| format!("{}={} {}: {}", c["type"], c["status"], c["reason"], c["message"]).replace('"', ""))
        .collect();
    format!(
        "generation {} observed {} id {} finalizers {} {}",
        object["metadata"]["generation"],
        object["status"]["observedGeneration"],
        object["status"]["productId"],
        object["metadata"]["finalizers"],
        conditions.join("; ")
    )
}
