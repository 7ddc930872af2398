//! How a control plane begins and ends: nothing of it may stay.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use iot_test_harness::{ControlPlane, EXISTING_CLUSTER, Error, Options};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use crate::processes::{alive, of_control_plane, wait_until, with};
use crate::{SHARED, block_on, start};

const HOLD: &str = "hold-control-plane";
const USE_EXISTING: &str = "use-existing-cluster";

/// The part that a second copy of this executable plays in some tests.
pub(crate) fn act_if_asked() {
    match std::env::args().nth(1).as_deref() {
        Some(HOLD) => hold(),
        Some(USE_EXISTING) => use_existing(),
        _ => {}
    }
}

/// Starts a control plane, prints where, and waits to be killed.
fn hold() {
    match ControlPlane::start(&Options::default()) {
        Ok(ours) => {
            println!("{}", ours.directory().unwrap().display());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            println!("{error}");
            std::process::exit(1)
        }
    }
}

fn use_existing() {
    let theirs = ControlPlane::start(&Options::default()).unwrap();
    assert!(!theirs.is_ours());
    assert!(matches!(theirs.audit(), Err(Error::NotOurs { .. })));
    assert!(matches!(theirs.stop(iot_test_harness::Program::Etcd), Err(Error::NotOurs { .. })));
    block_on(async {
        let namespace = theirs.namespace("existing").await.unwrap();
        let gil = theirs.client_as("gil", &["system:masters"]).await.unwrap();
        let api: Api<Namespace> = Api::all(gil);
        api.delete(namespace.name(), &kube::api::DeleteParams::default()).await.unwrap();
    });
    drop(theirs);
    std::process::exit(0)
}

/// A copy of this executable in the part `role`.
fn copy(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(role).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn first_line(copy: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(copy.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

pub(crate) fn dropped() {
    let ours = start();
    let directory = ours.directory().unwrap().to_owned();
    let pids = of_control_plane(&directory);
    drop(ours);
    assert!(!pids.iter().any(|pid| alive(*pid)), "{pids:?}");
    assert!(!directory.exists());
}

pub(crate) fn parent_killed() {
    let mut parent = copy(HOLD).spawn().unwrap();
    let directory = PathBuf::from(first_line(&mut parent));
    let pids = of_control_plane(&directory);
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the end of the control plane", || !pids.iter().any(|pid| alive(*pid)));
    assert!(!directory.exists());
}

pub(crate) fn parent_killed_early() {
    let temporary = tempfile::tempdir().unwrap();
    let begun = |path: &Path| fs::read_dir(path).unwrap().next().is_some();
    let mut parent = copy(HOLD).env("TMPDIR", temporary.path()).spawn().unwrap();
    let name = temporary.path().to_str().unwrap();
    // etcd runs and the API server is not ready for a while yet.
    wait_until("the first program", || !with(name).is_empty());
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("the end of the programs", || with(name).is_empty());
    wait_until("the end of their files", || !begun(temporary.path()));
}

pub(crate) fn broken_program() {
    let assets = tempfile::tempdir().unwrap();
    for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] {
        let path = assets.path().join(program);
        fs::write(&path, "#!/bin/sh\necho \"this $(basename \"$0\") is broken\"; exit 3\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = copy(HOLD).env("KUBEBUILDER_ASSETS", assets.path()).output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("etcd ended (exit status: 3)"), "{said}");
    assert!(said.contains("this etcd is broken"), "{said}");
}

pub(crate) fn existing_cluster() {
    let audit = SHARED.audit().unwrap();
    let mark = audit.mark().unwrap();
    let output = copy(USE_EXISTING).env(EXISTING_CLUSTER, SHARED.kubeconfig_path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let writes = block_on(audit.writes_by("gil", mark)).unwrap();
    let seen: Vec<_> = writes.iter().map(|w| (w.verb.as_str(), w.resource.as_str(), w.code)).collect();
    assert_eq!(seen, [("delete", "namespaces", Some(200))]);
}
