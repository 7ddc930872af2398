//! What is printed, one line for each thing that was seen.

use std::time::{Duration, Instant};

use crate::lab::Lab;

/// How long anything may take to be seen. Far more than it needs, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Begins a part.
pub(crate) fn part(title: &str) {
    println!("--- {title}");
}

/// Says what was seen at once.
pub(crate) fn seen(what: &str) {
    println!("ok   {what}");
}

/// Looks until there is something and says what it was and how long it took; fails with what was seen last.
pub(crate) async fn see<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => {
                println!("ok   {what:<86} {:>6.1} s", begun.elapsed().as_secs_f32());
                return found;
            }
            Err(last) if begun.elapsed() >= PATIENCE => {
                println!("FAIL {what}: not seen in {} s; last seen: {last}", PATIENCE.as_secs());
                panic!("{what} was not seen");
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Waits a while in which nothing may happen.
pub(crate) async fn quiet(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Resident memory of every program that runs.
pub(crate) fn memory(lab: &Lab) {
    part("memory of what runs");
    for (name, process) in lab.running() {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("gone");
        println!("     {name:<28} {}", resident.trim());
    }
}
