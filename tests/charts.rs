//! What the charts render, held against the operator they are for. Snapshots and refusals themselves are
//! compared by `make charts`, the API server's opinion is asked by the tests of `cluster`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what they saw, and end where it is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser as _;
use iot_product_operator::cli::{Cli, Command};
use iot_product_operator::http::limit::Lane;
use iot_product_operator::metrics::{Metrics, ProductState};
use serde::Deserialize as _;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap());
    documents.filter(|document| !document.is_null()).collect()
}

/// Objects of every snapshot, by the name of its case.
fn snapshots() -> BTreeMap<String, Vec<Value>> {
    let files = std::fs::read_dir(root().join("tests/charts/snapshots")).unwrap();
    let paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let found: BTreeMap<String, Vec<Value>> =
        paths.iter().map(|path| (name(path), documents(&std::fs::read_to_string(path).unwrap()))).collect();
    assert!(found.len() >= 7, "{:?}", found.keys());
    found
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn container(object: &Value) -> &Value {
    object.pointer("/spec/template/spec/containers/0").unwrap_or_else(|| &object["spec"]["containers"][0])
}

fn arguments(container: &Value) -> Vec<&str> {
    container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect()
}

#[test]
fn the_operator_accepts_the_arguments_it_is_given() {
    for (case, objects) in snapshots() {
        let deployments = of_kind(&objects, "Deployment");
        assert_eq!(deployments.len(), 1, "{case}");
        let arguments = arguments(container(deployments[0]));
        let parsed = Cli::try_parse_from(std::iter::once("iot-operator").chain(arguments));
        let Command::Run(run) = parsed.unwrap_or_else(|error| panic!("{case}: {error}")).command else {
            panic!("{case} does not run the operator");
        };
        run.check().unwrap_or_else(|error| panic!("{case}: {error}"));
        let grace = deployments[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64();
        assert!(Duration::from_secs(grace.unwrap()) >= run.drain_timeout + Duration::from_secs(10), "{case}");
        assert_eq!(
            run.lease.leader_elect,
            deployments[0]["spec"]["strategy"]["type"] != "Recreate",
            "{case}"
        );
    }
}

#[test]
fn the_operator_accepts_what_helm_test_asks() {
    for (case, objects) in snapshots() {
        for pod in of_kind(&objects, "Pod") {
            let arguments = arguments(container(pod));
            let parsed = Cli::try_parse_from(std::iter::once("iot-operator").chain(arguments));
            let Command::Probe(probe) = parsed.unwrap_or_else(|error| panic!("{case}: {error}")).command
            else {
                panic!("{case} does not probe");
            };
            let service = of_kind(&objects, "Service")[0];
            let (name, port) = (&service["metadata"]["name"], &service["spec"]["ports"][0]["port"]);
            let expected = format!("{}.iot-operator:{port}", name.as_str().unwrap());
            assert_eq!((probe.address, probe.path.as_str()), (expected, "/metrics"), "{case}");
        }
    }
}

#[test]
fn health_is_asked_on_its_own_port_which_the_network_policy_admits_nobody_to() {
    for (case, objects) in snapshots() {
        let deployment = of_kind(&objects, "Deployment")[0];
        let container = container(deployment);
        let words = std::iter::once("iot-operator").chain(arguments(container));
        let Command::Run(run) = Cli::try_parse_from(words).unwrap().command else { panic!("{case}") };
        let port = |name: &str| {
            let ports = container["ports"].as_array().unwrap();
            ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].as_u64().unwrap()
        };
        assert_eq!(u64::from(run.health_addr.port()), port("health"), "{case}");
        assert_eq!(u64::from(run.metrics_addr.port()), port("metrics"), "{case}");
        assert_ne!(port("health"), port("metrics"), "{case}");
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["port"], "health", "{case}");
        }
        for policy in of_kind(&objects, "NetworkPolicy") {
            for rule in policy["spec"]["ingress"].as_array().unwrap() {
                let ports = rule["ports"].as_array().unwrap();
                assert!(!ports.is_empty() && ports.iter().all(|port| port["port"] == "metrics"), "{case}");
            }
        }
        for service in of_kind(&objects, "Service") {
            let ports = service["spec"]["ports"].as_array().unwrap();
            assert!(ports.iter().all(|port| port["targetPort"] == "metrics"), "{case}");
        }
    }
}

#[test]
fn kinds_of_others_are_rendered_only_when_asked_for() {
    for (case, objects) in snapshots() {
        let foreign: BTreeSet<&str> = objects
            .iter()
            .filter(|object| object["apiVersion"].as_str().unwrap().starts_with("monitoring.coreos.com/"))
            .map(|object| object["kind"].as_str().unwrap())
            .collect();
        let expected: &[&str] =
            if case == "monitoring" { &["PrometheusRule", "ServiceMonitor"] } else { &[] };
        assert_eq!(foreign, expected.iter().copied().collect(), "{case}");
    }
}

#[test]
fn no_rule_lists_or_watches_secrets_and_none_has_a_wildcard() {
    for (case, objects) in snapshots() {
        for object in objects.iter().filter(|object| object["rules"].is_array()) {
            for rule in object["rules"].as_array().unwrap() {
                let text = rule.to_string();
                assert!(!text.contains("\"*\""), "{case}: {text}");
                let secrets = rule["resources"].as_array().unwrap().contains(&"secrets".into());
                assert!(!secrets || !(text.contains("list") || text.contains("watch")), "{case}: {text}");
            }
        }
    }
}

#[test]
fn namespaced_rights_need_no_cluster_role() {
    for case in ["namespaced", "namespaced-owner-id"] {
        let objects = &snapshots()[case];
        assert!(of_kind(objects, "ClusterRole").is_empty() && !of_kind(objects, "Role").is_empty(), "{case}");
    }
}

/// A family shows only after something was counted.
fn counted() -> String {
    let metrics = Metrics::new();
    metrics.reconciled("IotProduct", Duration::from_secs(1));
    metrics.vendor_request("TencentCloud", "CreateProduct", "OK", Duration::from_secs(1));
    metrics.vendor_throttled("TencentCloud");
    metrics.limiter_wait(Lane::Edit, Duration::from_secs(1));
    let state = ProductState { vendor: "TencentCloud", ready: "True", reason: "Available" };
    metrics.products(&BTreeMap::from([(state, 1)]));
    metrics.drift_detected("name");
    metrics.time_to_ready(Duration::from_secs(1));
    metrics.secret_written();
    metrics.watch_event("IotProduct");
    metrics.watch_up("IotProduct", None, true);
    metrics.orphaned("TencentCloud");
    metrics.status_refused("IotProduct");
    metrics.leader(true);
    metrics.encode()
}

/// Words of `text` that look like names of our metrics.
fn metric_names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| word.starts_with("iot_operator_") || word.starts_with("process_");
    words.filter(ours).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let known = metric_names(&counted());
    for file in ["alerts.yaml", "dashboard.json"] {
        let used = metric_names(&read(&format!("charts/iot-operator/files/{file}")));
        assert!(used.len() >= 5, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} asks for {unknown:?}");
    }
}

#[test]
fn alerts_name_reasons_that_there_are() {
    let alerts = read("charts/iot-operator/files/alerts.yaml");
    let conditions = read("docs/architecture.md");
    let mut seen = 0;
    for part in alerts.split("reason").skip(1) {
        let Some(value) = part.trim_start_matches(['!', '=', '~']).strip_prefix('"') else { continue };
        for reason in value.split('"').next().unwrap().split('|') {
            assert!(conditions.contains(&format!("`{reason}`")), "{reason}");
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn the_dashboard_is_json_with_panels_that_do_not_overlap() {
    let dashboard: Value = serde_json::from_str(&read("charts/iot-operator/files/dashboard.json")).unwrap();
    let mut cells = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for cell in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert(cell), "{} overlaps", panel["title"]);
        }
    }
}
