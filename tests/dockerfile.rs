//! Whether the Dockerfile gives its build all that cargo needs. No image is built: that takes a container daemon.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is wrong")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Paths at the root that a daemon is not sent. Only such lines are understood, and others are an error.
fn ignored() -> Vec<PathBuf> {
    let text = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| root().join(line.strip_prefix('/').unwrap_or_else(|| panic!("{line}")))).collect()
}

/// Carries out the first stage's COPY instructions of a Dockerfile into a folder.
fn copy(dockerfile: &str, to: &Path) {
    let ignored = ignored();
    let stage = dockerfile.split("\nFROM ").nth(1).unwrap();
    let mut instructions = 0;
    for line in stage.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        assert!(!line.contains("--") && !line.ends_with('\\'), "{line}");
        let words: Vec<&str> = line.split_whitespace().collect();
        let (target, sources) = words.split_last().unwrap();
        for source in sources {
            let from = root().join(source);
            // A file goes into the target, the content of a folder becomes the target's.
            let place = if from.is_dir() { to.join(target) } else { to.join(target).join(source) };
            copy_tree(&from, &place, &ignored);
        }
        instructions += 1;
    }
    assert!(instructions >= 3, "{instructions}");
}

fn copy_tree(from: &Path, to: &Path, ignored: &[PathBuf]) {
    if ignored.iter().any(|path| path == from) {
        return;
    }
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy_tree(&from.join(&name), &to.join(&name), ignored);
        }
    } else {
        fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}

/// What cargo finds in a folder, without network.
fn metadata(folder: &Path) -> Result<Value, String> {
    let ran = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version=1"])
        .arg("--filter-platform=x86_64-unknown-linux-gnu")
        .current_dir(folder)
        .output()
        .unwrap();
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&ran.stdout).unwrap())
}

fn dockerfile() -> String {
    fs::read_to_string(root().join("Dockerfile")).unwrap()
}

#[test]
fn every_member_and_every_program_is_copied() {
    let folder = TempDir::new().unwrap();
    copy(&dockerfile(), folder.path());
    let found = metadata(folder.path()).unwrap();
    let home = folder.path().canonicalize().unwrap();
    let mut programs = Vec::new();
    for package in found["packages"].as_array().unwrap() {
        for target in package["targets"].as_array().unwrap() {
            let path = Path::new(target["src_path"].as_str().unwrap());
            if path.starts_with(&home) {
                assert!(path.exists(), "{} is not copied", path.display());
            }
            if path.starts_with(&home) && target["kind"][0] == "bin" {
                programs.push(target["name"].as_str().unwrap().to_owned());
            }
        }
    }
    for program in ["iot-operator", "iot-simulator"] {
        assert!(programs.iter().any(|found| found == program), "{programs:?}");
    }
}

#[test]
fn a_member_that_is_not_copied_is_noticed() {
    let folder = TempDir::new().unwrap();
    copy(&dockerfile().replace("COPY benches benches\n", ""), folder.path());
    let error = metadata(folder.path()).unwrap_err();
    assert!(error.contains("benches/table"), "{error}");
}

/// A tag may move to another image; a version and a distribution in it at least say which one was meant.
#[test]
fn the_base_image_is_that_of_the_toolchain() {
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let base = dockerfile().lines().find_map(|line| line.strip_prefix("FROM rust:").map(str::to_owned));
    let base = base.unwrap();
    assert!(base.starts_with(&format!("{}-", channel.trim_matches('"'))), "{base} and {channel}");
}
