//! The vendors' Python SDKs, each in a virtual environment of its own.
#![allow(missing_docs, unreachable_pub, reason = "shared by several test binaries")]

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} could not be started: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

fn cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache"))).unwrap();
    base.join("iot-product-operator")
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// A virtual environment with the SDK, made once per set of requirements. It is built under a name of its
/// own and renamed, so that test runs at the same time do not see a half-made one.
fn environment(requirements: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    std::fs::read_to_string(requirements).unwrap().hash(&mut hasher);
    let name = format!("{:016x}", hasher.finish());
    let finished = cache().join(format!("venv-{name}"));
    let python = finished.join("bin/python");
    if python.exists() {
        return python;
    }
    let building = cache().join(format!("building-{name}-{}", std::process::id()));
    std::fs::create_dir_all(cache()).unwrap();
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&building));
    run(Command::new(building.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(requirements));
    if std::fs::rename(&building, &finished).is_err() {
        // Another run was faster.
        std::fs::remove_dir_all(&building).unwrap();
    }
    assert!(python.exists(), "{} was not made", python.display());
    python
}

/// Runs a script of this directory with an SDK, and returns how many checks it says have passed.
pub fn checks(requirements: &str, script: &str, argument: &str) -> u32 {
    let mut command = Command::new(environment(&tests().join(requirements)));
    command.arg(tests().join(script)).arg(argument);
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let output = run(&mut command);
    let passed = output.trim().strip_suffix(" checks passed").and_then(|count| count.parse().ok());
    passed.unwrap_or_else(|| panic!("{output}"))
}
