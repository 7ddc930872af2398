//! What the charts and overlays render, before the API server that will judge it: every manifest as a
//! server-side dry run with strict fields, pods in a namespace of the restricted Pod Security Standard, and
//! the rights as the authorizer sees them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::session::tests;
use crate::world::{PATIENCE, World, until};

tests!(Shared {
    every_case_of_the_chart_is_accepted,
    the_definitions_of_their_chart_are_accepted,
    overlays_are_accepted,
    pods_keep_to_the_restricted_standard,
    rights_in_the_cluster_are_what_they_are_meant_to_be,
    rights_in_a_namespace_end_at_its_border,
});

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a program and returns what it prints.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> String {
    let ran = Command::new(program).args(arguments).current_dir(root()).stdin(Stdio::null()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{} {arguments:?}: {text}", program.display());
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// Helm out of the cache, built first where it is missing.
pub(crate) fn helm() -> PathBuf {
    let printed = output(&root().join("tools/helm/build.sh"), &[]);
    PathBuf::from(printed.trim())
}

fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    objects.filter(|object| !object.is_null()).collect()
}

/// Objects of the operator's chart as a release of the world's namespace, and with its name.
fn render(world: &World, case: &str, further: &[&str]) -> Vec<Value> {
    let namespace = world.namespace().name();
    let values = format!("tests/charts/cases/{case}.yaml");
    let chart = ["template", namespace, "charts/iot-operator", "--namespace", namespace, "--values", &values];
    objects(&output(&helm(), &[&chart, further].concat()))
}

fn cases() -> Vec<String> {
    let files = std::fs::read_dir(root().join("tests/charts/cases")).expect("the cases");
    let mut cases: Vec<String> = files
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    cases.sort();
    assert!(cases.len() >= 7, "{cases:?}");
    cases
}

/// Kinds whose definitions are not installed; that they are rendered only when asked for is tested elsewhere.
fn foreign(object: &Value) -> bool {
    object["apiVersion"].as_str().is_some_and(|version| version.starts_with("monitoring.coreos.com/"))
}

/// Applies an object; a field the API server does not know is an error.
async fn apply(world: &World, object: &Value, dry_run: bool) -> Result<(), String> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = GroupVersionKind::gvk(group, version, &text("/kind"));
    let what = format!("{} {}", kind.kind, text("/metadata/name"));
    let (resource, capabilities) =
        discovery::pinned_kind(&world.client(), &kind).await.map_err(|error| format!("{what}: {error}"))?;
    let namespace = text("/metadata/namespace");
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(world.client(), &resource),
        Scope::Namespaced if namespace.is_empty() => return Err(format!("{what} names no namespace")),
        Scope::Namespaced => Api::namespaced_with(world.client(), &namespace, &resource),
    };
    let params = PatchParams {
        dry_run,
        force: true,
        field_manager: Some("charts".into()),
        field_validation: Some(ValidationDirective::Strict),
    };
    let applied = api.patch(&text("/metadata/name"), &params, &Patch::Apply(object)).await;
    applied.map(drop).map_err(|error| format!("{what}: {error}"))
}

async fn all_accepted(world: &World, source: &str, objects: &[Value]) {
    let mut refused = Vec::new();
    for object in objects.iter().filter(|object| !foreign(object)) {
        if let Err(error) = apply(world, object, true).await {
            refused.push(error);
        }
    }
    assert!(refused.is_empty(), "{source}:\n{}", refused.join("\n"));
}

async fn every_case_of_the_chart_is_accepted(world: World) {
    for case in cases() {
        let watched = format!("watchNamespaces={{{}}}", world.namespace().name());
        let further: &[&str] = if case.starts_with("namespaced") { &["--set", &watched] } else { &[] };
        let objects = render(&world, &case, further);
        assert!(objects.len() >= 4, "{case} has {} objects", objects.len());
        all_accepted(&world, &case, &objects).await;
    }
}

async fn the_definitions_of_their_chart_are_accepted(world: World) {
    let objects = objects(&output(&helm(), &["template", "x", "charts/iot-operator-crds"]));
    assert_eq!(objects.len(), 3);
    all_accepted(&world, "charts/iot-operator-crds", &objects).await;
}

async fn overlays_are_accepted(world: World) {
    let kubectl = world.plane().bin("kubectl");
    for (overlay, count) in [("base", 17), ("overlays/production", 17), ("overlays/simulator", 19)] {
        let objects = objects(&output(&kubectl, &["kustomize", &format!("deploy/kustomize/{overlay}")]));
        assert_eq!(objects.len(), count, "{overlay}");
        // What is dry in a namespace needs the namespace for real.
        for namespace in objects.iter().filter(|object| object["kind"] == "Namespace") {
            apply(&world, namespace, false).await.expect("the namespace");
        }
        all_accepted(&world, overlay, &objects).await;
    }
}

async fn pods_keep_to_the_restricted_standard(world: World) {
    let name = world.namespace().name();
    let restricted = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<Namespace> = Api::all(world.client());
    let labelled = namespaces.patch(name, &PatchParams::default(), &Patch::Merge(&restricted)).await;
    labelled.expect("a namespace of the restricted standard");
    let pods: Api<Pod> = Api::namespaced(world.client(), name);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let mut loose = Value::Null;
    for case in cases() {
        for object in render(&world, &case, &["--set", "serviceAccount.name=default"]) {
            let mut pod = match object["kind"].as_str() {
                Some("Deployment") => object["spec"]["template"].clone(),
                Some("Pod") => object,
                _ => continue,
            };
            pod["metadata"] = json!({"name": "tried"});
            // Neither priority classes nor the account's admission are what is tried here.
            if let Some(spec) = pod["spec"].as_object_mut() {
                spec.remove("priorityClassName");
                spec.remove("serviceAccountName");
                spec.insert("automountServiceAccountToken".into(), false.into());
            }
            let created = pods.create(&dry, &serde_json::from_value(pod.clone()).expect("a pod")).await;
            created.unwrap_or_else(|error| panic!("{case}: {error}"));
            loose = pod;
        }
    }
    // The same without its security context, to see that somebody looks.
    loose["spec"]["containers"][0]["securityContext"] = Value::Null;
    let created = pods.create(&dry, &serde_json::from_value(loose).expect("a pod")).await;
    let error = created.expect_err("a pod that may raise its privileges is refused").to_string();
    assert!(error.contains("violates PodSecurity"), "{error}");
}

/// Applies rights and account of a case, and waits until the authorizer knows them.
async fn grant(world: &World, case: &str, further: &[&str]) {
    for object in render(world, case, further) {
        let kind = object["kind"].as_str().unwrap_or_default();
        if kind.contains("Role") || kind == "ServiceAccount" {
            apply(world, &object, false).await.expect("applied");
        }
    }
    until("the authorizer to know the rights", PATIENCE, async || {
        let known =
            allowed(world, "patch", "iot-products.io/iotproducts", world.namespace().name(), "").await;
        let lease = format!("{}-iot-operator", world.namespace().name());
        let leases = "coordination.k8s.io/leases";
        let led = allowed(world, "update", leases, world.namespace().name(), &lease).await;
        if known && led { Ok(()) } else { Err(format!("products {known}, lease {led}")) }
    })
    .await;
}

/// Whether the chart's service account may do something; `resource` is `group/plural`, or `plural/sub` there.
async fn allowed(world: &World, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let mut parts = resource.split('/');
    let (group, plural, sub) = (parts.next(), parts.next(), parts.next());
    let own = world.namespace().name();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let attributes = ResourceAttributes {
        verb: Some(verb.into()),
        group: Some(group.unwrap_or_default().into()),
        resource: text(plural),
        subresource: text(sub),
        namespace: text(Some(namespace)),
        name: text(Some(name)),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(format!("system:serviceaccount:{own}:{own}-iot-operator")),
            groups: Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(world.client());
    let answer = reviews.create(&PostParams::default(), &review).await.expect("a review");
    answer.status.expect("a verdict").allowed
}

async fn expect(world: &World, verdict: bool, asked: &[(&str, &str, &str, &str)]) {
    for (verb, resource, namespace, name) in asked {
        let found = allowed(world, verb, resource, namespace, name).await;
        assert_eq!(found, verdict, "{verb} {resource} in {namespace:?}, name {name:?}");
    }
}

async fn rights_in_the_cluster_are_what_they_are_meant_to_be(world: World) {
    grant(&world, "default", &[]).await;
    let own = world.namespace().name();
    let needed = [
        ("watch", "iot-products.io/iotproducts", "", ""),
        ("patch", "iot-products.io/iotproducts/status", "default", ""),
        ("list", "iot-products.io/clusteriotaccounts", "", ""),
        ("patch", "iot-products.io/clusteriotaccounts/status", "", ""),
        ("get", "/secrets", "default", "any"),
        ("create", "/secrets", "default", ""),
        ("get", "/namespaces", "kube-system", "kube-system"),
        ("create", "events.k8s.io/events", "default", ""),
        ("create", "coordination.k8s.io/leases", own, ""),
    ];
    expect(&world, true, &needed).await;
    let denied = [
        ("list", "/secrets", "", ""),
        ("list", "/secrets", "default", ""),
        ("watch", "/secrets", own, ""),
        ("update", "/secrets", own, "any"),
        ("create", "iot-products.io/iotproducts", own, ""),
        ("delete", "iot-products.io/iotproducts", own, "any"),
        ("list", "/namespaces", "", ""),
        ("get", "/pods", own, "any"),
        ("get", "/configmaps", own, "any"),
        ("update", "coordination.k8s.io/leases", own, "another"),
        ("create", "coordination.k8s.io/leases", "default", ""),
    ];
    expect(&world, false, &denied).await;
}

async fn rights_in_a_namespace_end_at_its_border(world: World) {
    let own = world.namespace().name();
    let watched = format!("watchNamespaces={{{own}}}");
    grant(&world, "namespaced", &["--set", &watched]).await;
    let needed = [
        ("watch", "iot-products.io/iotproducts", own, ""),
        ("list", "iot-products.io/iotaccounts", own, ""),
        ("get", "/secrets", own, "any"),
        ("get", "/namespaces", own, own),
        ("create", "events.k8s.io/events", own, ""),
    ];
    expect(&world, true, &needed).await;
    let denied = [
        ("list", "/secrets", own, ""),
        ("get", "/secrets", "default", "any"),
        ("watch", "iot-products.io/iotproducts", "", ""),
        ("list", "iot-products.io/iotproducts", "default", ""),
        ("list", "iot-products.io/clusteriotaccounts", "", ""),
        ("get", "/namespaces", "default", "default"),
        // The owner id is given.
        ("get", "/namespaces", "kube-system", "kube-system"),
    ];
    expect(&world, false, &denied).await;
    grant(&world, "namespaced-owner-id", &["--set", &watched]).await;
    until("the authorizer to let the owner id be read", PATIENCE, async || {
        let found = allowed(&world, "get", "/namespaces", "kube-system", "kube-system").await;
        if found { Ok(()) } else { Err("denied".to_owned()) }
    })
    .await;
    expect(&world, false, &[("get", "/secrets", "kube-system", "any")]).await;
}
