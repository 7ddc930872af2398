//! Whether the check of advisories (`tools/advisories`) finds what it is for. `make deny` runs it on the tree.

#![allow(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// One advisory as it is, and when somebody looked.
const SNAPSHOT: &str = r#"{
  "taken": "2021-07-08", "crates": ["tokio"],
  "advisories": [{"id": "RUSTSEC-2021-0072", "crate": "tokio", "date": "2021-07-07", "kind": "vulnerability",
    "patched": [">= 1.5.1, < 1.6.0", ">= 1.6.3, < 1.7.0", ">= 1.7.2, < 1.8.0", ">= 1.8.1"], "unaffected": ["< 0.3.0"]}]
}"#;

/// Checks a lock with this crate; `extra` are further arguments.
fn check((name, version): (&str, &str), extra: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let (lock, snapshot) = (folder.path().join("Cargo.lock"), folder.path().join("snapshot.json"));
    let package = format!("name = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+somewhere\"\n");
    std::fs::write(&lock, format!("[[package]]\n{package}")).unwrap();
    std::fs::write(&snapshot, SNAPSHOT).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/advisories/advisories.py");
    let mut command = Command::new("python3");
    command.arg(script).arg("--lock").arg(lock).arg("--snapshot").arg(snapshot).arg("check").args(extra);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_version_is_affected_unless_a_range_holds_it() {
    for bad in ["0.3.1", "1.5.0", "1.6.2", "1.7.1", "1.8.0", "1.8.1-alpha.1"] {
        let output = check(("tokio", bad), &[]);
        assert!(!output.status.success(), "{bad}");
        let text = said(&output);
        assert!(text.contains(&format!("tokio {bad} has RUSTSEC-2021-0072")), "{text}");
        assert!(text.contains("cargo update --package tokio"), "{text}");
    }
    for good in ["0.2.99", "1.5.1", "1.6.3", "1.7.2", "1.8.1", "1.48.0+meta"] {
        let output = check(("tokio", good), &[]);
        assert!(output.status.success(), "{good}: {}", said(&output));
    }
}

#[test]
fn a_crate_that_nobody_looked_up_is_no_good_one() {
    let output = check(("serde", "1.0.0"), &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("serde is not in the snapshot"), "{}", said(&output));
}

#[test]
fn an_old_snapshot_is_refused_only_where_an_age_is_asked_for() {
    let good = ("tokio", "1.48.0");
    assert!(check(good, &[]).status.success());
    let output = check(good, &["--max-age", "1"]);
    assert!(!output.status.success() && said(&output).contains("days old"), "{}", said(&output));
}
