//! The commands of docs/install.md, run as they stand there. Pods do not run here.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::charts::{helm, output, root};
use crate::session::tests;
use crate::world::World;

tests!(Bare { releases_are_installed_upgraded_and_leave_the_definitions });

/// Runs helm or kubectl against the world's API server.
fn run(world: &World, command: &str) -> String {
    let mut words = command.split(' ');
    let program = match words.next() {
        Some("helm") => helm(),
        Some(name) => world.plane().bin(name),
        None => panic!("an empty command"),
    };
    let kubeconfig = world.plane().kubeconfig_path().display().to_string();
    let arguments: Vec<&str> = words.chain(["--kubeconfig", &kubeconfig]).collect();
    output(&program, &arguments)
}

const INSTALL_CRDS: &str = "helm upgrade --install iot-operator-crds charts/iot-operator-crds --namespace iot-operator --create-namespace";
const INSTALL: &str = "helm upgrade --install iot-operator charts/iot-operator --namespace iot-operator";
const UNINSTALL: &str = "helm uninstall iot-operator --namespace iot-operator";
const UNINSTALL_CRDS: &str = "helm uninstall iot-operator-crds --namespace iot-operator";
const TAKE_OVER: &str = "helm upgrade --install iot-operator-crds charts/iot-operator-crds --namespace iot-operator --create-namespace --take-ownership --force-conflicts";
const APPLY_CRDS: &str = "kubectl apply --server-side --force-conflicts --filename crds";
const APPLY_BASE: &str = "kubectl apply --server-side --force-conflicts --kustomize deploy/kustomize/base";
const APPLY_SIMULATOR: &str = "kubectl apply --server-side --kustomize deploy/kustomize/overlays/simulator";
const APPLY_SAMPLE: &str = r"sed 's|^  region: .*|&\n  endpoint: http://iot-simulator.iot-operator:8080|' deploy/samples/tencent.yaml | kubectl apply -f -";
/// Commands of docs/install.md that are run here.
const DOCUMENTED: [&str; 9] = [
    INSTALL_CRDS,
    INSTALL,
    UNINSTALL,
    UNINSTALL_CRDS,
    TAKE_OVER,
    APPLY_CRDS,
    APPLY_BASE,
    APPLY_SIMULATOR,
    APPLY_SAMPLE,
];
/// What stands behind a command that is not, as docs/install.md explains.
const MARKS: [&str; 5] = ["# e2e", "# gitops", "# charts", "# registry", "# cluster"];

/// The commands of docs/install.md, each in one line.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/install.md")).expect("docs/install.md");
    let text = text.replace("\\\n", " ");
    text.lines().filter_map(|line| line.strip_prefix("$ ")).map(|line| line.trim_end().to_owned()).collect()
}

/// Every command is run here or says who runs it, if anybody can.
pub(crate) fn every_command_is_run_or_marked() {
    let commands = commands();
    for command in &commands {
        let marked = MARKS.iter().any(|mark| command.ends_with(mark));
        assert_ne!(DOCUMENTED.contains(&command.as_str()), marked, "docs/install.md: {command}");
    }
    for command in DOCUMENTED {
        assert!(commands.iter().any(|found| found == command), "docs/install.md does not have: {command}");
    }
}

/// Runs a command of docs/install.md in a shell, as a reader does.
fn documented(world: &World, command: &str) {
    let helm = helm();
    let kubectl = world.plane().bin("kubectl");
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = |program: &Path| program.parent().expect("a folder").display().to_string();
    let ran = Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .env("PATH", format!("{}:{}:{path}", folder(&helm), folder(&kubectl)))
        .env("KUBECONFIG", world.plane().kubeconfig_path())
        .current_dir(root())
        .stdin(Stdio::null())
        .output();
    let ran = ran.expect("bash runs");
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
}

const PRODUCTS: &str = "kubectl get iotproducts --all-namespaces --output name";

async fn releases_are_installed_upgraded_and_leave_the_definitions(world: World) {
    let crd = "kubectl get crd iotproducts.iot-products.io --output jsonpath={.metadata.labels.team}";
    documented(&world, INSTALL_CRDS);
    run(&world, "kubectl wait --for condition=Established crd/iotproducts.iot-products.io");
    assert_eq!(run(&world, &format!("{INSTALL_CRDS} --set labels.team=iot")).matches("deployed").count(), 1);
    assert_eq!(run(&world, crd), "iot");
    documented(&world, INSTALL);
    let replicas =
        "kubectl get deployment iot-operator --namespace iot-operator --output jsonpath={.spec.replicas}";
    assert_eq!(run(&world, replicas), "2");
    run(&world, &format!("{INSTALL} --set replicas=3"));
    assert_eq!(run(&world, replicas), "3");

    documented(&world, APPLY_SAMPLE);
    let endpoint = "kubectl get iotaccounts --all-namespaces --output jsonpath={.items[*].spec.endpoint}";
    assert_eq!(run(&world, endpoint), "http://iot-simulator.iot-operator:8080");
    let products = run(&world, PRODUCTS);
    assert!(!products.is_empty());
    documented(&world, UNINSTALL);
    documented(&world, UNINSTALL_CRDS);
    assert_eq!(run(&world, PRODUCTS), products);
    let left = "kubectl get deployment,role,rolebinding,clusterrole,clusterrolebinding,service,networkpolicy,poddisruptionbudget,validatingadmissionpolicy,validatingadmissionpolicybinding --all-namespaces --selector app.kubernetes.io/instance=iot-operator --output name";
    assert_eq!(run(&world, left), "");

    // Back again, and over definitions that kubectl had applied.
    run(&world, INSTALL_CRDS);
    assert_eq!(run(&world, PRODUCTS), products);
    run(&world, UNINSTALL_CRDS);
    documented(&world, APPLY_CRDS);
    documented(&world, TAKE_OVER);
    assert_eq!(run(&world, PRODUCTS), products);
    documented(&world, APPLY_BASE);
    documented(&world, APPLY_SIMULATOR);
}
