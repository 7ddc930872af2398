//! The scripts of `docs/operations.md` that wait, run as they stand there.

use std::path::Path;
use std::process::{Command, Output};

use iot_simulator::{Fault, Rule};
use serde_json::json;

use crate::manifest::{TENCENT_ACCOUNT, THERMOSTAT};
use crate::object::Kind;
use crate::session::tests;
use crate::vendor::CREATE;
use crate::world::World;

tests!(Shared { ready, stalled_and_mended, neither, plain });

const DOCUMENT: &str = include_str!("../../docs/operations.md");

/// The script behind `<!-- script: name -->`.
fn script(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- script: {name} -->\n```bash\n")).expect("the script");
    rest.split_once("```\n").expect("its end").0
}

/// Runs `wait.sh` with the kubectl of the control plane.
fn wait(world: &World, object: &str, limit: &str) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wait.sh");
    std::fs::write(&path, script("wait.sh")).expect("the script written");
    let kubectl = world.plane().bin("kubectl");
    let programs = kubectl.parent().unwrap_or(Path::new("")).display().to_string();
    let search = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    Command::new("bash")
        .arg(&path)
        .args([object, limit, "--namespace", world.namespace().name(), "--kubeconfig"])
        .arg(world.plane().kubeconfig_path())
        .env("PATH", search)
        .output()
        .expect("the script runs")
}

fn ends(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

async fn ready(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    ends(&wait(&world, "iotproduct/thermostat", "60s"), 0);
    ends(&wait(&world, "iotaccount/tencent", "60s"), 0);
    world.one_ready_product(THERMOSTAT).await;
}

async fn stalled_and_mended(world: World) {
    let contract = world.contract();
    let _operator = world.operator().await;
    world.connect(&contract).await;
    world.admin().add_fault(Rule::on(CREATE, Fault::error("InvalidParameterValue")));
    world.apply(&contract.product).await;
    let said = ends(&wait(&world, "iotproduct/thermostat", "60s"), 1);
    assert!(said.starts_with("InvalidSpec: ") && said.contains("correct the manifest"), "{said}");
    world.admin().clear_faults();
    // What was said of the manifest before is no answer to the edited one.
    world.edit(Kind::Product, THERMOSTAT, json!({"spec": {"enabled": true}})).await;
    ends(&wait(&world, "iotproduct/thermostat", "60s"), 0);
    world.one_ready_product(THERMOSTAT).await;
}

async fn neither(world: World) {
    let mut contract = world.contract();
    contract.product["spec"]["suspend"] = json!(true);
    let _operator = world.operator().await;
    world.apply_all(&contract).await;
    world.reason(THERMOSTAT, "Suspended").await;
    ends(&wait(&world, "iotproduct/thermostat", "2s"), 2);
}

/// The lines that are written without a script.
async fn plain(world: World) {
    let contract = world.contract();
    let strict = world.operator_with(&[("allow-plain-http", "absent")]).await;
    world.apply_all(&contract).await;
    for object in [format!("iotproduct/{THERMOSTAT}"), format!("iotaccount/{TENCENT_ACCOUNT}")] {
        world.kubectl(&["wait", &object, "--for=condition=Stalled", "--timeout=60s"], "");
    }
    drop(strict);
    let _operator = world.operator().await;
    let product = format!("iotproduct/{THERMOSTAT}");
    world.kubectl(&["wait", &product, "--for=condition=Ready", "--timeout=60s"], "");
    world.kubectl(&["delete", &product, "--wait=false"], "");
    world.kubectl(&["wait", &product, "--for=delete", "--timeout=60s"], "");
    assert_eq!(world.products(), []);
}
