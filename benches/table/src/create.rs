//! Creations: 1,000 at once, with a quota of the vendor and without.

use std::time::{Duration, Instant};

use iot_simulator::{Call, OK};

use crate::contender::{Binaries, Contender};
use crate::edit;
use crate::report::Figures;
use crate::stage::{Stage, Vendor};
use crate::stats::{percentile, to_f64};

/// The vendor answers after this time.
pub(crate) const LATENCY: Duration = Duration::from_millis(20);
/// Products that are edited.
const EDITED: usize = 50;

/// With 20 calls per second, as Tencent documents, and edits before and meanwhile.
pub(crate) async fn with_quota(contender: Contender, binaries: &Binaries, count: usize) -> Figures {
    let stage = Stage::set(Vendor { quota: Some(20), latency: LATENCY, accounts: 1, namespaces: 1 }).await;
    let mut operator = stage.operator(contender, binaries, Duration::ZERO);
    operator.ready().await;
    stage.apply_products("edited", EDITED).await;
    stage.until_ready(EDITED).await;

    let idle = edit::latencies(&stage, "edited", EDITED, 0..EDITED, Duration::from_millis(120)).await;
    let (calls, writes, cpu) = (stage.call_mark(), stage.audit_mark(), operator.cpu());
    stage.apply_products("storm", count).await;
    // As long as the storm lasts: one creation takes a twentieth of a second.
    let edits = count / 20 * 2 / 3;
    let stormy =
        edit::latencies(&stage, "edited", EDITED, EDITED..EDITED + edits, Duration::from_secs(1)).await;
    stage.until_ready(EDITED + count).await;
    let cpu = operator.cpu().saturating_sub(cpu);

    let calls = stage.calls_since(calls);
    let of_storm = |call: &&Call| call.product_name.as_deref().is_none_or(|name| !name.starts_with("edited"));
    let throttled = calls.iter().filter(|call| call.code.as_deref() != Some(OK)).count();
    let mut writes = stage.writes_since(writes).await;
    writes.retain(|write| write.name.starts_with("storm"));
    let mut figures = Figures::new();
    figures.put("rate", rate(&calls));
    figures.put("throttled", to_f64(throttled));
    figures.put("calls per create", to_f64(calls.iter().filter(of_storm).count()) / to_f64(count));
    figures.put("writes per create", to_f64(writes.len()) / to_f64(count));
    figures.put("CPU ms per create", cpu.as_secs_f64() * 1e3 / to_f64(count));
    figures.put("edit p50 ms", percentile(&idle, 0.5));
    figures.put("edit p99 ms", percentile(&idle, 0.99));
    figures.put("edit in storm p50 ms", percentile(&stormy, 0.5));
    figures.put("edit in storm p99 ms", percentile(&stormy, 0.99));
    figures
}

/// Without a bound: the objects lie there when the operator starts. Memory is looked at after a rest, if there is one.
pub(crate) async fn without_quota(
    contender: Contender,
    binaries: &Binaries,
    count: usize,
    rest: Option<Duration>,
) -> Figures {
    let stage = Stage::set(Vendor { quota: None, latency: LATENCY, accounts: 1, namespaces: 1 }).await;
    stage.apply_products("storm", count).await;
    let writes = stage.audit_mark();
    let mut operator = stage.operator(contender, binaries, Duration::ZERO);
    stage.until_ready(count).await;
    let ready_at = jiff::Timestamp::now().as_millisecond();
    operator.ready().await;
    let first = stage.calls_since(0).iter().map(|call| call.time_ms).min().expect("a call");
    let cpu = operator.cpu();
    let mut figures = Figures::new();
    figures.put("rate", to_f64(count) / seconds(ready_at - first));
    figures.put("CPU ms per create", cpu.as_secs_f64() * 1e3 / to_f64(count));
    let writes = stage.writes_since(writes).await.into_iter().filter(|write| write.name.starts_with("storm"));
    figures.put("writes per create", to_f64(writes.count()) / to_f64(count));
    if let Some(rest) = rest {
        tokio::time::sleep(rest).await;
        let memory = operator.memory();
        figures.put("RSS MiB", memory.resident);
        figures.put("anonymous MiB", memory.anonymous);
    }
    figures
}

/// From the start of the process to its first vendor call, with one product.
pub(crate) async fn first_call(contender: Contender, binaries: &Binaries) -> Figures {
    let stage = Stage::set(Vendor { quota: Some(20), latency: LATENCY, accounts: 1, namespaces: 1 }).await;
    stage.apply_products("first", 1).await;
    let begun = jiff::Timestamp::now().as_millisecond();
    let operator = stage.operator(contender, binaries, Duration::ZERO);
    stage.until_ready(1).await;
    let first = stage.calls_since(0).iter().map(|call| call.time_ms).min().expect("a call");
    let taken = operator.started.elapsed();
    let mut figures = Figures::new();
    figures.put("first call ms", seconds(first - begun) * 1e3);
    figures.put("first Ready ms", taken.as_secs_f64() * 1e3);
    figures.put("CPU ms until then", operator.cpu().as_secs_f64() * 1e3);
    figures
}

/// A client that makes the same four writes and one call per product, 64 at a time, and decides nothing.
pub(crate) async fn bare(count: usize) -> Figures {
    let stage = Stage::set(Vendor { quota: None, latency: LATENCY, accounts: 1, namespaces: 1 }).await;
    stage.apply_products("storm", count).await;
    let begun = Instant::now();
    crate::bare::create_all(&stage, count).await;
    let mut figures = Figures::new();
    figures.put("rate", to_f64(count) / begun.elapsed().as_secs_f64());
    figures
}

/// Products created per second, between the first creation and the last.
fn rate(calls: &[Call]) -> f64 {
    let created = calls.iter().filter(|call| call.action == "CreateProduct" && call.applied);
    let times: Vec<i64> = created.map(|call| call.time_ms).collect();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return 0.0 };
    to_f64(times.len().saturating_sub(1)) / seconds(last - first)
}

#[expect(clippy::cast_precision_loss, reason = "a bench takes far less than 2^52 ms")]
pub(crate) fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1e3
}
