//! Looking at processes and folders from outside.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Processes that have `text` on their command line.
pub(crate) fn with(text: &str) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| command_line(*pid).contains(text) && alive(*pid)).collect()
}

pub(crate) fn parent(pid: u32) -> u32 {
    stat(pid).and_then(|fields| fields.get(1)?.parse().ok()).expect("a parent")
}

/// Whether a process runs; one that only waits to be collected by its parent does not.
pub(crate) fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

/// The fields after the program's name, which may hold anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// The three programs of the control plane in `directory`, and their supervisor.
pub(crate) fn of_control_plane(directory: &Path) -> Vec<u32> {
    let mut pids = with(directory.to_str().unwrap());
    assert_eq!(pids.len(), 3, "etcd, kube-apiserver and kube-controller-manager in {}", directory.display());
    let supervisor = parent(pids[0]);
    assert!(command_line(supervisor).contains("supervise-control-plane"));
    pids.push(supervisor);
    pids
}

/// Waits for something that another process does.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_mins(1), "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
