//! What one tenant's flood costs another tenant, measured. Nothing here is asserted: figures depend on the machine, so
//! these runs are listed only where `FLOODS` is set (`make floods`), one after the other.

mod measure;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use iot_simulator::{Config, Simulator};
use iot_test_harness::Kind;
use iot_test_harness::manifest::{Contract, named};
use serde_json::{Value, json};

use crate::answers::Form;
use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::world::{CHECK_NOW, World};

pub(crate) use measure::print;
use measure::{Victim, measure};

attacks!(Own {
    no_flood,
    accounts_at_a_silent_vendor,
    creates_that_hang,
    large_annotations,
    short_intervals_of_a_shared_account,
    checks_asked_for,
    accounts_that_do_not_exist,
});

/// Requests that the attacker has in flight at once.
const AT_ONCE: usize = 8;
/// Accounts at an endpoint that accepts calls and is silent.
const SILENT: usize = 200;
/// Accounts whose creates hang, and their products together.
const HANGING: (usize, usize) = (8, 400);
/// Products with large annotations, and the bytes of each; the API server takes 256 KiB.
const LARGE: (usize, usize) = (300, 250_000);
/// Products with the shortest interval that the rules let through.
const HASTY: usize = 200;
/// Products whose check is asked for, and how often in all.
const FLAPPING: (usize, usize) = (20, 2_000);
/// Products that name an account each, which does not exist.
const LOST: usize = 3_000;

/// Whether these runs are asked for, in the place of the attacks.
pub(crate) fn asked() -> bool {
    std::env::var_os("FLOODS").is_some_and(|asked| asked == "1")
}

/// What the attacker's requests came to.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    last: Option<String>,
}

impl Tally {
    fn add<T>(&mut self, result: Result<T, kube::Error>) {
        match result {
            Ok(_) => self.accepted += 1,
            Err(error) => {
                self.refused += 1;
                self.last = Some(error.to_string().chars().take(160).collect());
            }
        }
    }

    fn said(&self, what: &str) -> String {
        let last = self.last.as_deref().map(|last| format!(", the last with \"{last}\"")).unwrap_or_default();
        format!("{} {what}, {} refused{last}", self.accepted, self.refused)
    }
}

/// Applies manifests with the attacker's rights.
async fn flood(world: &World, manifests: impl Iterator<Item = Value>) -> Tally {
    let apply = |manifest: Value| async move { world.mallory.try_apply(&manifest).await };
    iter(manifests)
        .map(apply)
        .buffer_unordered(AT_ONCE)
        .fold(Tally::default(), |mut tally, result| async move {
            tally.add(result);
            tally
        })
        .await
}

/// The contract's account under as many names.
fn accounts(contract: &Contract, count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|number| {
        let mut account = contract.account.clone();
        account["metadata"]["name"] = json!(format!("account-{number}"));
        account
    })
}

/// The contract's product under as many names, each changed.
fn products(
    contract: &Contract,
    count: usize,
    change: impl Fn(usize, &mut Value),
) -> impl Iterator<Item = Value> {
    (0..count).map(move |number| {
        let mut product = named(&contract.product, &format!("flood-{number}"));
        change(number, &mut product);
        product
    })
}

async fn no_flood(world: Arc<World>) {
    let (operator, victim) = Victim::new(&world).await;
    measure("none", &world, operator, victim, async |_| String::new()).await;
}

async fn accounts_at_a_silent_vendor(world: Arc<World>) {
    let double = Double::start(|_: &Ask| Answer::Held);
    let (operator, victim) = Victim::new(&world).await;
    let hostile = Form::Tencent.contract(&double);
    world.mallory.receive(&hostile.key).await;
    measure("200 accounts at a silent endpoint", &world, operator, victim, async |world| {
        let tally = flood(world, accounts(&hostile, SILENT)).await;
        format!("{}; {} calls wait now", tally.said("accounts"), double.held())
    })
    .await;
}

async fn creates_that_hang(world: Arc<World>) {
    let double = Double::start(|ask: &Ask| match ask.action.as_str() {
        "CreateProduct" => Answer::Held,
        _ => Form::Tencent.empty(ask),
    });
    let (operator, victim) = Victim::new(&world).await;
    let hostile = Form::Tencent.contract(&double);
    world.mallory.receive(&hostile.key).await;
    let (count, all) = HANGING;
    measure("400 products of 8 accounts whose creates hang", &world, operator, victim, async |world| {
        flood(world, accounts(&hostile, count)).await;
        let hanging = products(&hostile, all, |number, product| {
            product["spec"]["accountRef"]["name"] = json!(format!("account-{}", number % count));
        });
        let tally = flood(world, hanging).await;
        format!("{}; {} calls wait now", tally.said("products"), double.held())
    })
    .await;
}

async fn large_annotations(world: Arc<World>) {
    let (operator, victim) = Victim::new(&world).await;
    // Their account does not exist, so they are tried again and again.
    let contract = world.tencent();
    let (count, bytes) = LARGE;
    measure("300 products with 250 kB of annotations", &world, operator, victim, async |world| {
        let large = products(&contract, count, |_, product| {
            product["metadata"]["annotations"] = json!({"example.com/large": "x".repeat(bytes)});
        });
        flood(world, large).await.said("products")
    })
    .await;
}

async fn short_intervals_of_a_shared_account(world: Arc<World>) {
    let contract = world.tencent();
    let shared = world.share(&contract, None, json!({"selector": {}})).await;
    let reference = json!({"kind": "ClusterIotAccount", "name": shared});
    let (operator, victim) = Victim::with_account(&world, Some(&reference)).await;
    measure(
        "200 products with short intervals, one account for both",
        &world,
        operator,
        victim,
        async |world| {
            let hasty = |interval: &'static str, count| {
                let reference = reference.clone();
                products(&contract, count, move |_, product| {
                    product["spec"]["accountRef"] = reference.clone();
                    product["spec"]["resyncInterval"] = json!(interval);
                })
            };
            let shortest = flood(world, hasty("1ms", HASTY)).await;
            let short = flood(world, hasty("1s", HASTY)).await;
            format!("{}; {}", shortest.said("with 1ms"), short.said("with 1s"))
        },
    )
    .await;
}

async fn checks_asked_for(world: Arc<World>) {
    // A vendor account of the attacker's own, so that no quota at the vendor is shared.
    let own = Simulator::start_on_thread(Config::default()).expect("a simulator");
    let contract = Contract::tencent("nowhere", &own.url());
    let (operator, victim) = Victim::new(&world).await;
    let (count, times) = FLAPPING;
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    flood(&world, products(&contract, count, |_, _| ())).await;
    for number in 0..count {
        world.mallory.ready(&format!("flood-{number}")).await;
    }
    measure("2,000 checks asked for, of 20 products", &world, operator, victim, async |world| {
        let calls = own.admin().next_sequence();
        let ask = |number: usize| async move {
            let patch = json!({"metadata": {"annotations": {CHECK_NOW: format!("{number}")}}});
            world.mallory.try_edit(Kind::Product, &format!("flood-{}", number % count), &patch).await
        };
        let mut tally = Tally::default();
        let mut asked = iter(0..times).map(ask).buffer_unordered(AT_ONCE);
        while let Some(result) = asked.next().await {
            tally.add(result);
        }
        format!("{}; {} vendor calls", tally.said("patches"), own.admin().next_sequence() - calls)
    })
    .await;
}

async fn accounts_that_do_not_exist(world: Arc<World>) {
    let (operator, victim) = Victim::new(&world).await;
    let contract = world.tencent();
    measure("3,000 products of accounts that do not exist", &world, operator, victim, async |world| {
        let lost = products(&contract, LOST, |number, product| {
            product["spec"]["accountRef"]["name"] = json!(format!("lost-{number}"));
        });
        flood(world, lost).await.said("products")
    })
    .await;
}
