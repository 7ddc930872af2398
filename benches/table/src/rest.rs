//! Many products at rest: memory, what a sweep over them costs, and a restart among them.

use std::time::{Duration, Instant};

use iot_simulator::Call;

use crate::contender::{Binaries, Contender, Operator};
use crate::create::seconds;
use crate::edit::{CHANGE, MODES};
use crate::report::Figures;
use crate::stage::{Stage, Vendor};
use crate::stats::to_f64;

/// Accounts that the products are spread over.
const ACCOUNTS: usize = 5;
/// The vendor's quota while nothing is created.
const QUOTA: u32 = 20;
/// How often ours lists each account where a sweep is measured.
const RESYNC: Duration = Duration::from_secs(30);
/// The same of the reference, which reads each product by itself.
const SLOW_RESYNC: Duration = Duration::from_mins(2);
/// How long nothing may happen before what goes on is over.
const QUIET: Duration = Duration::from_secs(15);
/// How long the edit that was made while no process ran is waited for.
const LONGEST_RESTART: Duration = Duration::from_mins(3);
/// How long nothing may happen before memory counts as the one at rest: by then idle connections are closed, and ours
/// has let the vendor's lists go.
pub(crate) const AT_REST: Duration = Duration::from_secs(100);

/// Products that are Ready, then at rest, swept, and met by a new process.
pub(crate) async fn at_rest(contender: Contender, binaries: &Binaries, count: usize) -> Figures {
    let stage =
        Stage::set(Vendor { quota: None, latency: Duration::ZERO, accounts: ACCOUNTS, namespaces: ACCOUNTS })
            .await;
    let mut operator = stage.operator(contender, binaries, Duration::ZERO);
    operator.ready().await;
    stage.apply_products("rest", count).await;
    stage.until_ready(count).await;
    let mut figures = Figures::new();
    tokio::time::sleep(QUIET).await;
    let memory = operator.memory();
    figures.put("RSS MiB after creating", memory.resident);
    operator.end();

    stage.limit(QUOTA * u32::try_from(ACCOUNTS).expect("a few"));
    let mut operator = restart(&stage, contender, binaries, count, &mut figures).await;
    tokio::time::sleep(if contender == Contender::Ours { AT_REST } else { QUIET }).await;
    let memory = operator.memory();
    figures.put("RSS MiB", memory.resident);
    figures.put("anonymous MiB", memory.anonymous);
    let idle = cpu_over(&operator, RESYNC).await;
    if contender == Contender::Reference {
        operator.end();
        operator = stage.operator(contender, binaries, SLOW_RESYNC);
        operator.ready().await;
        tokio::time::sleep(QUIET).await;
    }
    sweep(&stage, contender, &operator, idle, count, &mut figures).await;
    let memory = operator.memory();
    figures.put("RSS MiB after sweeps", memory.resident);
    figures
}

/// Starts a process that finds everything as it was, but for one edit.
async fn restart(
    stage: &Stage,
    contender: Contender,
    binaries: &Binaries,
    count: usize,
    figures: &mut Figures,
) -> Operator {
    let edited = count / 2;
    stage.edit("rest", edited, MODES[0]).await;
    let mark = stage.call_mark();
    let begun = jiff::Timestamp::now().as_millisecond();
    let operator = stage.operator(contender, binaries, Duration::ZERO);
    let limit = Instant::now() + LONGEST_RESTART;
    let name = format!("rest-{edited}");
    let served = loop {
        let calls = stage.calls_since(mark);
        let of_it = |call: &&Call| call.action == CHANGE && call.product_name.as_deref() == Some(&name);
        if let Some(call) = calls.iter().find(of_it) {
            break Some(call.time_ms);
        }
        if Instant::now() > limit {
            break None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    let calls = stage.calls_since(mark);
    figures.put("restart: edit served s", served.map_or(f64::INFINITY, |at| seconds(at - begun)));
    figures.put("restart: calls", to_f64(calls.len()));
    figures.put("restart: most calls in a second", to_f64(burst(&calls)));
    operator
}

async fn sweep(
    stage: &Stage,
    contender: Contender,
    operator: &Operator,
    idle: Duration,
    count: usize,
    figures: &mut Figures,
) {
    let period = match contender {
        Contender::Ours => RESYNC,
        Contender::Reference => SLOW_RESYNC,
    };
    if contender == Contender::Ours {
        stage.resync(&format!("{}s", period.as_secs())).await;
        // The change of the accounts itself asks for a list of each.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let sweeps = if contender == Contender::Ours { 2 } else { 1 };
    let mark = stage.call_mark();
    let cpu = cpu_over(operator, period * sweeps).await;
    let calls = stage.calls_since(mark);
    let idle = idle.mul_f64(period.as_secs_f64() * f64::from(sweeps) / RESYNC.as_secs_f64());
    let swept = f64::from(sweeps) * to_f64(count);
    figures.put("sweep: calls", to_f64(calls.len()) / f64::from(sweeps));
    figures.put("sweep: CPU ms per product", cpu.saturating_sub(idle).as_secs_f64() * 1e3 / swept);
}

async fn cpu_over(operator: &Operator, time: Duration) -> Duration {
    let before = operator.cpu();
    tokio::time::sleep(time).await;
    operator.cpu().saturating_sub(before)
}

/// The most calls that arrived within a second.
fn burst(calls: &[Call]) -> usize {
    let times: Vec<i64> = calls.iter().map(|call| call.time_ms).collect();
    let within = |first: usize| times[first..].iter().take_while(|&&time| time < times[first] + 1000).count();
    (0..times.len()).map(within).max().unwrap_or_default()
}
