//! Whether the check of advisories (`tools/advisories`) finds what it is for. `make deny` runs it on the tree.

#![allow(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Checks a lock with these crates; `extra` are further arguments.
fn check(crates: &[(&str, &str)], extra: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let lock = folder.path().join("Cargo.lock");
    let packages = crates.iter().map(|(name, version)| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+somewhere\"\n")
    });
    std::fs::write(&lock, packages.collect::<String>()).unwrap();
    run(&[&["--lock", lock.to_str().unwrap(), "check"], extra].concat())
}

fn run(arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/advisories/advisories.py");
    Command::new("python3").arg(script).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// RUSTSEC-2021-0072: patched in 1.5.1, 1.6.3, 1.7.2 and from 1.8.1, unaffected before 0.3.0.
#[test]
fn a_version_is_affected_unless_a_range_holds_it() {
    for bad in ["0.3.1", "1.5.0", "1.6.2", "1.7.1", "1.8.0", "1.8.1-alpha.1"] {
        let output = check(&[("tokio", bad)], &[]);
        assert!(!output.status.success(), "{bad}");
        let text = said(&output);
        assert!(text.contains(&format!("tokio {bad} has RUSTSEC-2021-0072")), "{text}");
        assert!(text.contains("cargo update --package tokio"), "{text}");
    }
    for good in ["0.2.99", "1.5.1", "1.6.3", "1.7.2", "1.8.1", "1.48.0"] {
        let text = said(&check(&[("tokio", good)], &[]));
        assert!(!text.contains("RUSTSEC-2021-0072"), "{good}: {text}");
    }
}

#[test]
fn a_crate_that_nobody_looked_up_is_no_good_one() {
    let output = check(&[("no-such-crate-at-all", "1.0.0")], &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("no-such-crate-at-all is not in the snapshot"), "{}", said(&output));
}

#[test]
fn an_old_snapshot_is_refused_only_where_an_age_is_asked_for() {
    let good = [("tokio", "1.48.0")];
    assert!(check(&good, &[]).status.success());
    let output = check(&good, &["--max-age", "-30"]);
    assert!(!output.status.success() && said(&output).contains("days old"), "{}", said(&output));
}
