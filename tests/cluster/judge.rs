//! What others make of an object's conditions: the verdict of Flux's kstatus library, by the program in
//! `tools/kstatus`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::object::Object;

/// The program, built first where it is missing.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/kstatus/build.sh");
        let output = Command::new(&script).stderr(Stdio::inherit()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        assert!(output.status.success(), "{} gives {}", script.display(), output.status);
        PathBuf::from(String::from_utf8(output.stdout).expect("a path").trim())
    })
}

/// `InProgress`, `Current`, `Failed` or `Terminating`.
pub(crate) fn verdict(object: &Object) -> String {
    let mut judge = Command::new(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kstatus starts");
    judge.stdin.take().expect("a pipe").write_all(object.0.to_string().as_bytes()).expect("kstatus reads");
    let output = judge.wait_with_output().expect("kstatus ends");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kstatus: {complaint}");
    let verdict: Value = serde_json::from_slice(&output.stdout).expect("one verdict");
    verdict["status"].as_str().expect("a status").to_owned()
}
