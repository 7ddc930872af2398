//! The process as the kernel sees it, under the names that Prometheus's own libraries use.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks per second in `/proc`: a constant of Linux's interface to programs.
const TICKS: f64 = 100.0;

/// Reads `/proc/self` on every scrape; shows nothing where there is none.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// To be created at the start of the process.
    pub(super) fn starting_now() -> Self {
        Self { started: crate::clock::now().as_duration().as_secs_f64() }
    }
}

fn status(field: &str) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User and system time in seconds.
fn cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The command may hold blanks and brackets; the fields after its last bracket are numbers.
    let (_, fields) = text.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11);
    let user: u32 = ticks.next()?.parse().ok()?;
    let system: u32 = ticks.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS)
}

fn open_files() -> Option<i64> {
    // The directory that is being read is one of them.
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok().map(|count| count - 1)
}

fn show(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: Option<impl EncodeMetric>,
) -> std::fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let kind = value.metric_type();
    value.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        let e = &mut encoder;
        let gauge = |value: Option<i64>| value.map(ConstGauge::new);
        let resident = status("VmRSS").map(|kib| kib.saturating_mul(1024));
        show(e, "process_resident_memory_bytes", "Memory in use.", gauge(resident))?;
        show(e, "process_cpu_seconds", "User and system time.", cpu().map(ConstCounter::new))?;
        show(e, "process_open_fds", "Open files.", gauge(open_files()))?;
        show(e, "process_threads", "Threads.", gauge(status("Threads")))?;
        let started = Some(ConstGauge::new(self.started));
        show(e, "process_start_time_seconds", "Unix time of the start.", started)
    }
}
