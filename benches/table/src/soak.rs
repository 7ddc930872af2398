//! Half an hour of what a large installation does all day: sweeps every minute, and an edit every second.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::contender::{Binaries, Contender, Operator};
use crate::edit;
use crate::report::Figures;
use crate::stage::{Stage, Vendor};
use crate::stats::{percentile, to_f64};

const ACCOUNTS: usize = 5;
const NAMESPACES: usize = 20;
/// Of an account, while nothing is created.
const QUOTA: u32 = 20;
const MINUTE: Duration = Duration::from_mins(1);
/// By then everything is as it will be: lists come and go, and connections of the storm are closed.
const WARM: Duration = Duration::from_mins(3);

pub(crate) async fn soak(binaries: &Binaries, count: usize, minutes: u32) -> Figures {
    let vendor = Vendor { quota: None, latency: Duration::ZERO, accounts: ACCOUNTS, namespaces: NAMESPACES };
    let stage = Stage::set(vendor).await;
    let mut operator = stage.operator(Contender::Ours, binaries, Duration::ZERO);
    operator.ready().await;
    stage.apply_products("soaked", count).await;
    stage.until_ready(count).await;
    stage.limit(QUOTA);
    stage.resync("60s").await;
    tokio::time::sleep(WARM).await;

    let (calls, writes, cpu) = (stage.call_mark(), stage.audit_mark(), operator.cpu());
    let time = MINUTE * minutes;
    let edits = usize::try_from(time.as_secs()).expect("a short time");
    let edited = edit::latencies(&stage, "soaked", count, 0..edits, Duration::from_secs(1));
    let (latencies, resident) = tokio::join!(edited, memory(&operator, time));
    let calls = stage.calls_since(calls);
    let names: HashSet<String> = (0..edits).map(|number| format!("soaked-{}", number % count)).collect();
    let mut others = stage.writes_since(writes).await;
    // With dynamic registration the vendor makes a secret, which goes into the product's Secret.
    let of = |name: &str| name.strip_suffix("-credentials").unwrap_or(name).to_owned();
    others.retain(|write| !names.contains(&of(&write.name)));
    eprintln!("RSS by the minute: {resident:.1?}");
    for write in others.iter().take(10) {
        eprintln!("written without an edit: {write:?}");
    }
    let of_each = |name: &str| calls.iter().filter(|call| call.action == name).count();
    let (least, most) =
        resident.iter().fold((f64::MAX, 0.0_f64), |(least, most), &now| (least.min(now), most.max(now)));
    let mut figures = Figures::new();
    figures.put("edit p50 ms", percentile(&latencies, 0.5));
    figures.put("edit p99 ms", percentile(&latencies, 0.99));
    figures.put("edits", to_f64(edits));
    figures.put("edits carried out", to_f64(of_each(edit::CHANGE)));
    figures.put("lists a minute", to_f64(of_each("DescribeProducts")) / f64::from(minutes));
    figures.put("calls", to_f64(calls.len()));
    figures.put("other writes", to_f64(others.len()));
    figures.put("least RSS MiB", least);
    figures.put("most RSS MiB", most);
    figures.put("RSS most over least", most / least);
    figures
        .put("CPU ms a second", operator.cpu().saturating_sub(cpu).as_secs_f64() * 1e3 / time.as_secs_f64());
    figures
}

/// Resident memory by the minute.
async fn memory(operator: &Operator, time: Duration) -> Vec<f64> {
    let end = Instant::now() + time;
    let mut resident = vec![operator.memory().resident];
    while Instant::now() + MINUTE <= end {
        tokio::time::sleep(MINUTE).await;
        resident.push(operator.memory().resident);
    }
    resident
}
