//! The vendor's own SDK is the judge: it must get along with the simulator in every form of request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use iot_simulator::Config;

const REQUIREMENTS: &str = include_str!("requirements.txt");

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

/// A virtual environment with the SDK, made once per set of requirements. It is built under a name of its
/// own and renamed, so that test runs at the same time do not see a half-made one.
fn environment() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    let finished = cache().join(format!("venv-{:016x}", hasher.finish()));
    let python = finished.join("bin/python");
    if python.exists() {
        return python;
    }
    let building = cache().join(format!("building-{}", std::process::id()));
    std::fs::create_dir_all(cache()).unwrap();
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&building));
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirements.txt");
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

#[test]
fn the_vendors_sdk_gets_along_with_the_simulator() {
    let python = environment();
    let simulator = client::start(Config::default());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tencent_sdk.py");
    let mut command = Command::new(python);
    command.arg(script).arg(simulator.address().to_string());
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let output = run(&mut command);
    let passed = output.trim().strip_suffix(" checks passed").and_then(|count| count.parse::<u32>().ok());
    assert!(passed.is_some_and(|count| count >= 200), "{output}");
    assert!(simulator.admin().count("CreateProduct") > 20);
}
