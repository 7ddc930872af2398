//! Every reason of the condition Ready: reached, held against the rules of the conditions, judged by
//! kstatus, and left again.

mod account;
mod product;

use std::cell::Cell;
use std::pin::Pin;

use iot_product_operator::api::Reason;
use serde_json::{Value, json};

use crate::judge::verdict;
use crate::manifest::{Contract, TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::{Plane, Test};
use crate::world::{CHECK_NOW, PATIENCE, World};

/// One state and the way into and out of it.
pub(crate) struct State {
    name: &'static str,
    kind: Kind,
    reason: Reason,
    /// Status of Ready.
    ready: &'static str,
    /// Condition Stalled.
    stalled: bool,
    /// What kstatus says.
    verdict: &'static str,
    play: for<'a> fn(&'a Scene) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

/// Makes `const STATES` of lines `function: reason, status of Ready, stalls or passes, verdict`.
macro_rules! states {
    ($kind:ident { $($name:ident: $reason:ident $ready:ident $lasts:ident $verdict:ident),+ $(,)? }) => {
        pub(super) const STATES: &[$crate::states::State] = &[$($crate::states::State {
            name: stringify!($name),
            kind: $crate::object::Kind::$kind,
            reason: iot_product_operator::api::Reason::$reason,
            ready: stringify!($ready),
            stalled: $crate::states::$lasts,
            verdict: stringify!($verdict),
            play: |scene| Box::pin($name(scene)),
        }),+];
    };
}
use states;

#[expect(non_upper_case_globals, reason = "words of the tables of states")]
const stalls: bool = true;
#[expect(non_upper_case_globals, reason = "words of the tables of states")]
const passes: bool = false;

fn all() -> impl Iterator<Item = &'static State> {
    product::STATES.iter().chain(account::STATES)
}

/// A reason that no state has is a reason that nobody has seen.
pub(crate) fn every_reason_is_reached() {
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| !all().any(|state| state.reason == **reason))
        .map(|reason| reason.as_str())
        .collect();
    assert_eq!(missing, [""; 0], "reasons that tests/cluster/states does not reach");
}

pub(crate) fn tests() -> Vec<Test> {
    let test = |state: &'static State| {
        let kind = if state.kind == Kind::Account { "account_" } else { "" };
        let name = format!("{kind}{}", state.name);
        Test::new(module_path!(), &name, Plane::Shared, move |world| Box::pin(play(world, state)))
    };
    all().map(test).collect()
}

async fn play(world: World, state: &'static State) {
    let object = if state.kind == Kind::Account { TENCENT_ACCOUNT } else { THERMOSTAT };
    let scene = Scene { world, state, object: Cell::new(object), seen: Cell::new(false) };
    (state.play)(&scene).await;
    assert!(scene.seen.get(), "the state was not reached");
    scene.left().await;
}

/// A state being tried.
pub(crate) struct Scene {
    world: World,
    state: &'static State,
    object: Cell<&'static str>,
    seen: Cell<bool>,
}

impl Scene {
    /// An operator with these flags and an account that is good.
    async fn begin(&self, flags: &[(&'static str, &str)]) -> (Contract, Operator) {
        let contract = self.world.contract();
        let operator = self.world.operator_with(flags).await;
        self.world.connect(&contract).await;
        (contract, operator)
    }

    /// The same with a product that is Ready; the account is listed every second.
    async fn created(&self, change: impl FnOnce(&mut Contract)) -> (Contract, Operator) {
        let mut contract = self.world.contract();
        contract.account["spec"]["resyncInterval"] = json!("1s");
        change(&mut contract);
        // Longer than what is held back takes to be noticed.
        let operator = self.world.operator_with(&[("vendor-timeout", "20s")]).await;
        self.world.connect(&contract).await;
        self.world.apply(&contract.product).await;
        self.world.ready(THERMOSTAT).await;
        (contract, operator)
    }

    /// Waits for the state, and holds it against the rules.
    async fn reached(&self) -> Object {
        let object = self.wait(PATIENCE, &format!("{}", self.state.reason), |_| true).await;
        judge(&object, self.state.reason, self.state.ready, self.state.stalled, self.state.verdict);
        self.seen.set(true);
        object
    }

    async fn wait(&self, limit: std::time::Duration, what: &str, is: impl Fn(&Object) -> bool) -> Object {
        let reason = self.state.reason.as_str();
        self.world
            .object_until(self.state.kind, self.object.get(), what, limit, |object| {
                object.is_current() && object.reason() == reason && is(object)
            })
            .await
    }

    /// Asks for a check of the object now.
    async fn ask(&self) {
        let asked = jiff::Timestamp::now().to_string();
        let annotations = json!({"metadata": {"annotations": {CHECK_NOW: asked}}});
        self.world.edit(self.state.kind, self.object.get(), annotations).await;
    }

    async fn edit(&self, spec: Value) {
        self.world.edit(self.state.kind, self.object.get(), json!({"spec": spec})).await;
    }

    /// The state is over: the object is as it should be, or gone if it is to be deleted.
    async fn left(&self) {
        let (world, name) = (&self.world, self.object.get());
        let deleting = world.get(self.state.kind, name).await.is_none_or(|object| object.deleting());
        if deleting {
            return world.gone(self.state.kind, name, PATIENCE).await;
        }
        let object = world.object_until(self.state.kind, name, "Ready", PATIENCE, Object::is_available).await;
        judge(&object, Reason::Available, "True", false, "Current");
    }
}

/// The rules of the conditions.
fn judge(object: &Object, reason: Reason, ready: &str, stalled: bool, expected: &str) {
    let seen = object.brief();
    assert_eq!((object.reason(), object.ready()), (reason.as_str(), ready), "{seen}");
    assert!(!object.message().is_empty(), "{seen}");
    assert_eq!(object.is("Stalled"), stalled, "Stalled: {seen}");
    let works = !stalled && ready != "True" && reason != Reason::Suspended;
    assert_eq!(object.is("Reconciling"), works, "Reconciling: {seen}");
    let generation = &object.0["metadata"]["generation"];
    for condition in object.0["status"]["conditions"].as_array().expect("conditions") {
        assert_eq!(&condition["observedGeneration"], generation, "{seen}");
        if condition["type"] != "Ready" {
            assert_eq!(condition["status"], "True", "present only while True: {seen}");
        }
        if ["Stalled", "Reconciling"].contains(&condition["type"].as_str().unwrap_or_default()) {
            assert_eq!(condition["reason"], reason.as_str(), "{seen}");
        }
    }
    assert_eq!(verdict(object), expected, "kstatus: {seen}");
}
