//! How much memory and CPU an operator takes, as the kernel counts it.

use std::fs;
use std::time::Duration;

use iot_test_harness::Operator;

fn status(operator: &Operator, field: &str) -> u64 {
    let path = format!("/proc/{}/status", operator.id());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line =
        text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("{field} in {text}"));
    let kib: u64 =
        line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().expect("a number of kB");
    kib / 1024
}

/// The most that it took since it began, or since [`forget_peak`], in MiB.
pub(crate) fn peak(operator: &Operator) -> u64 {
    status(operator, "VmHWM")
}

/// Begins the measurement of the peak anew, where the kernel lets this user do so. Where it does not, the peak is that
/// since the start, which [`peak`] gives before and after.
pub(crate) fn forget_peak(operator: &Operator) {
    let _ = fs::write(format!("/proc/{}/clear_refs", operator.id()), "5");
}

/// CPU time since its start, of user and kernel (`proc_pid_stat(5)`, fields 14 and 15), in steps of 10 ms.
pub(crate) fn cpu(operator: &Operator) -> Duration {
    let path = format!("/proc/{}/stat", operator.id());
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let (_, after_name) = text.rsplit_once(')').expect("a name in parentheses");
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(ticks * 10)
}
