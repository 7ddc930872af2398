//! One measurement: the victim's edits during a flood, and the operator's memory and CPU.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use iot_test_harness::manifest::named;
use iot_test_harness::{Kind, Operator, PATIENCE};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::memory;
use crate::tenant::name;
use crate::world::World;

/// Edits of the victim during a flood.
const EDITS: usize = 100;
/// One edit in this time at most: a person or a pipeline, not a flood of the victim's own.
const EDIT_EVERY: Duration = Duration::from_millis(200);
/// How often the simulator's log is read; its own clock says when a call arrived.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// An edit that takes longer is said at once, for whoever looks into the logs of that time.
const SLOW: Duration = Duration::from_secs(1);
/// The call that carries an edit to the vendor.
const EDITED: &str = "UpdateProductDynamicRegister";
/// Time-outs as users have them.
const FLAGS: [(&str, &str); 1] = [("vendor-timeout", "absent")];

static ROWS: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// What one flood cost.
struct Row {
    flood: &'static str,
    edits: Edits,
    /// Most resident memory during the flood, and of a process that starts among its objects, in MiB.
    peaks: [u64; 2],
    cpu: Duration,
    lasted: Duration,
    /// From the start of a process among the flood's objects to the victim's next edit at the vendor.
    restart: Duration,
    note: String,
}

/// Times from the API server's answer to the vendor call, shortest first.
struct Edits {
    times: Vec<Duration>,
    /// Edits whose call did not come in [`PATIENCE`].
    missed: usize,
}

impl Edits {
    /// The time that so many per cent of the edits did not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.times.len() * percent).div_ceil(100).max(1);
        self.times.get(rank - 1).copied().unwrap_or_default()
    }
}

/// The victim's product, which is Ready before the flood.
pub(super) struct Victim {
    product: String,
    id: String,
    limit: u32,
}

impl Victim {
    /// Starts an operator of the cluster, and creates the victim's product in an account of its own.
    pub(super) async fn new(world: &World) -> (Operator, Self) {
        Self::with_account(world, None).await
    }

    /// The same in another account.
    pub(super) async fn with_account(world: &World, account: Option<&Value>) -> (Operator, Self) {
        let operator = world.operator_of_cluster(&FLAGS).await;
        let contract = world.tencent();
        let mut product = named(&contract.product, "victim");
        if let Some(account) = account {
            product["spec"]["accountRef"] = account.clone();
        } else {
            world.victim.receive(&contract.key).await;
            world.victim.apply(&contract.account).await;
        }
        world.victim.apply(&product).await;
        let object = world.victim.ready(name(&product)).await;
        let id = object.id().expect("an id").to_owned();
        (operator, Self { product: name(&product).to_owned(), id, limit: 5_000 })
    }

    /// Edits the product and gives the time until the vendor is called; `None` where it is not.
    async fn edit(&mut self, world: &World) -> Option<Duration> {
        self.limit += 1;
        let mark = world.call_mark();
        let patch = json!({"spec": {"dynamicRegistration": {"limit": self.limit}}});
        world.victim.edit(Kind::Product, &self.product, patch).await;
        let answered = jiff::Timestamp::now().as_millisecond();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let calls = world.calls_since(mark);
            let edit = calls.iter().find(|call| {
                call.action == EDITED && call.product_id.as_ref() == Some(&self.id) && call.applied
            });
            if let Some(call) = edit {
                // A call may be there before this process has read the API server's answer.
                let took = u64::try_from(call.time_ms - answered).unwrap_or_default();
                return Some(Duration::from_millis(took));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        None
    }

    /// Edits one after the other, each after the one before is in the status.
    async fn edits(&mut self, world: &World) -> Edits {
        let mut edits = Edits { times: Vec::new(), missed: 0 };
        let mut ticks = tokio::time::interval(EDIT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..EDITS {
            ticks.tick().await;
            match self.edit(world).await {
                Some(took) => {
                    if took > SLOW {
                        eprintln!("an edit took {took:?}, until {}", jiff::Timestamp::now());
                    }
                    edits.times.push(took);
                }
                None => edits.missed += 1,
            }
            // More would take an hour and say no more.
            if edits.missed == 3 {
                break;
            }
            world.victim.ready(&self.product).await;
        }
        edits.times.sort();
        edits
    }
}

/// Lets a flood come while the victim edits, and then starts a process among what the flood has left.
pub(super) async fn measure(
    flood: &'static str,
    world: &Arc<World>,
    operator: Operator,
    mut victim: Victim,
    storm: impl AsyncFnOnce(&World) -> String,
) {
    let begun = Instant::now();
    let (edits, note) = futures::join!(victim.edits(world), storm(world));
    let lasted = begun.elapsed();
    let (live, cpu) = (memory::peak(&operator), memory::cpu(&operator));
    drop(operator);
    let begun = Instant::now();
    let operator = world.operator_of_cluster(&FLAGS).await;
    // The edit may wait for the account's first list, which is part of it.
    let served = victim.edit(world).await;
    let restart = served.map_or(PATIENCE, |_| begun.elapsed());
    let peaks = [live, memory::peak(&operator)];
    let row = Row { flood, edits, peaks, cpu, lasted, restart, note };
    eprintln!("{}", line(&row));
    ROWS.lock().unwrap_or_else(PoisonError::into_inner).push(row);
}

fn line(row: &Row) -> String {
    let Row { flood, edits, peaks: [live, again], .. } = row;
    let ms = |time: Duration| time.as_millis();
    let [p50, p99, max] = [50, 99, 100].map(|percent| ms(edits.percentile(percent)));
    let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
    let missed = if edits.missed == 0 { String::new() } else { format!(", {} never", edits.missed) };
    format!(
        "| {flood} | {}{missed} | {p50} | {p99} | {max} | {live} | {} | {} | {again} | {} |",
        edits.times.len(),
        seconds(row.cpu),
        seconds(row.lasted),
        seconds(row.restart),
    )
}

/// The table of all that was measured, with what it was measured on.
pub(crate) fn print() {
    let rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
    if rows.is_empty() {
        return;
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let mut table = format!("\n{cores} cores, load {} at the end\n\n", load.join(" "));
    table.push_str("| flood | edits | p50, ms | p99, ms | most, ms | peak, MiB | CPU, s | of s | peak after a restart, MiB | served after, s |\n");
    table.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for row in rows.iter() {
        let _ = writeln!(table, "{}", line(row));
    }
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        let _ = writeln!(table, "\n{}: {}", row.flood, row.note);
    }
    eprintln!("{table}");
}
