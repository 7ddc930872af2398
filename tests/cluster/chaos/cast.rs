//! Who takes part: operators and who restarts them, products and who wants them, vendors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use iot_test_harness::Program;

use crate::leader;
use crate::manifest::Contract;
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::side::{SIDES, Shown, Side};
use crate::world::{PATIENCE, World};

/// A product that somebody wants, or wanted.
pub(super) struct Item {
    pub(super) side: Side,
    pub(super) name: String,
    /// The manifest is in Git, so to speak.
    pub(super) wanted: bool,
}

/// What ends a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Thaw(usize),
    Start(Program),
    Resume(Program),
    VendorIsWell,
}

/// Everybody.
pub(super) struct Cast<'a> {
    pub(super) world: &'a World,
    pub(super) contracts: BTreeMap<&'static str, Contract>,
    pub(super) items: Vec<Item>,
    pub(super) operators: Vec<Operator>,
    /// What is still to be ended, and when.
    pub(super) pending: Vec<(Instant, End)>,
    /// What was done, and how often.
    pub(super) done: BTreeMap<String, usize>,
    /// Products that are nobody's here, by vendor.
    pub(super) foreign: Vec<(Side, Shown)>,
    pub(super) keys: u32,
    restarts: usize,
}

impl<'a> Cast<'a> {
    /// Accounts, products and two operators, all well.
    pub(super) async fn new(world: &'a World, products: usize) -> Self {
        world.admin().edit_settings(|settings| settings.quota = iot_simulator::Quota::off());
        let foreign = SIDES.map(|side| (side, side.foreign(world))).to_vec();
        let mut contracts = BTreeMap::new();
        for side in SIDES {
            let mut contract = side.contract(world);
            contract.account["spec"]["resyncInterval"] = serde_json::json!("2s");
            contract.account["spec"]["fullReadInterval"] = serde_json::json!("20s");
            world.apply(&contract.key).await;
            world.apply(&contract.account).await;
            contracts.insert(side.name(), contract);
        }
        let operators = vec![start(world), start(world)];
        let mut items = Vec::new();
        for number in 0..products {
            let side = SIDES[number % SIDES.len()];
            let name = format!("{}-{number}", side.name().to_lowercase());
            world.apply(&side.another(&contracts[side.name()], &name)).await;
            items.push(Item { side, name, wanted: true });
        }
        for item in &items {
            world.product_until(&item.name, "Ready", PATIENCE * 3, Object::is_available).await;
        }
        let (pending, done) = (Vec::new(), BTreeMap::new());
        Self { world, contracts, items, operators, pending, done, foreign, keys: 0, restarts: 0 }
    }

    /// Ends what is due, and starts operators that ended, as a kubelet does.
    pub(super) async fn tend(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.pending).into_iter().partition(|(at, _)| *at <= now);
        self.pending = later;
        let due: Vec<(Instant, End)> = due;
        for (_, end) in due {
            self.end(end);
        }
        for operator in &mut self.operators {
            if operator.ended().is_some() {
                *operator = start(self.world);
                self.restarts += 1;
            }
        }
        tokio::task::yield_now().await;
    }

    /// Ends every trouble.
    pub(super) async fn end_all(&mut self) {
        for (_, end) in std::mem::take(&mut self.pending) {
            self.end(end);
        }
        self.end(End::VendorIsWell);
        for number in 0..self.items.len() {
            self.write(number).await;
        }
    }

    /// Applies what is wanted and deletes what is not, until the API server takes it.
    async fn write(&self, number: usize) {
        let item = &self.items[number];
        crate::world::until("the API server to take it", PATIENCE, async || {
            let wrote = if item.wanted { self.apply(number).await } else { self.delete(number).await };
            wrote.map_err(|error| error.to_string())
        })
        .await;
    }

    fn end(&mut self, end: End) {
        let plane = self.world.plane();
        match end {
            // One that was killed since has another in its place soon.
            End::Thaw(operator) if self.operators[operator].ended().is_some() => {}
            End::Thaw(operator) => self.operators[operator].thaw(),
            End::Start(program) => plane.start_again(program).expect("it starts"),
            End::Resume(program) => plane.resume(program).expect("it goes on"),
            End::VendorIsWell => {
                self.world.admin().clear_faults();
                self.world.admin().release_all();
                self.world.admin().edit_settings(|settings| {
                    settings.quota = iot_simulator::Quota::off();
                    settings.list_lag_ms = 0;
                    settings.latency_ms = 0;
                });
            }
        }
    }

    pub(super) fn later(&mut self, after: Duration, end: End) {
        self.pending.push((Instant::now() + after, end));
    }

    /// Whether the API server is away or about to be back.
    pub(super) fn is_control_plane_away(&self) -> bool {
        self.pending.iter().any(|(_, end)| matches!(end, End::Start(_) | End::Resume(_)))
    }

    pub(super) async fn apply(&self, number: usize) -> kube::Result<()> {
        let item = &self.items[number];
        let manifest = item.side.another(&self.contracts[item.side.name()], &item.name);
        let params = kube::api::PatchParams::apply("test").force();
        let api = self.world.api(Kind::Product);
        api.patch(&item.name, &params, &kube::api::Patch::Apply(&manifest)).await.map(drop)
    }

    pub(super) async fn delete(&self, number: usize) -> kube::Result<()> {
        let params = kube::api::DeleteParams::default();
        match self.world.api(Kind::Product).delete(&self.items[number].name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What was done.
    pub(super) fn account(&self) -> String {
        let deeds: Vec<String> = self.done.iter().map(|(deed, times)| format!("{deed} {times}")).collect();
        format!("{}; operators restarted {}", deeds.join(", "), self.restarts)
    }
}

fn start(world: &World) -> Operator {
    let mut flags = leader::flags(world);
    flags.push(("secret-check-interval", "20s"));
    world.start_operator(&flags)
}
