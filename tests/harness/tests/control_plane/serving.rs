//! A control plane that runs: what it serves, counts and survives.

use std::process::Command;
use std::time::Duration;

use iot_test_harness::{AuditEntry, Error, Program, install_crds};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait;
use kube::{Api, Client};
use serde_json::json;

use crate::{SHARED, block_on, start};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
}

async fn create(client: &Client, namespace: &str, name: &str) -> kube::Result<ConfigMap> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &config_map(name)).await
}

/// Lets a group do everything with config maps and the like in the namespace.
async fn grant_edit(client: &Client, namespace: &str, group: &str) {
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": {"name": format!("edit-{group}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }))
    .unwrap();
    let api: Api<RoleBinding> = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), &binding).await.unwrap();
}

fn status(outcome: kube::Result<ConfigMap>) -> u16 {
    match outcome {
        Ok(_) => 201,
        Err(kube::Error::Api(status)) => status.code,
        Err(other) => panic!("no answer of the API server: {other:?}"),
    }
}

pub(crate) fn namespace_ends() {
    block_on(async {
        let namespace = SHARED.namespace("ends").await.unwrap();
        let client = SHARED.admin_client().await.unwrap();
        create(&client, namespace.name(), "inside").await.unwrap();
        namespace.delete().await.unwrap();
        let hal = SHARED.client_as("hal", &["system:masters"]).await.unwrap();
        let (audit, mark) = (SHARED.audit().unwrap(), SHARED.audit().unwrap().mark().unwrap());
        assert_eq!(status(create(&hal, namespace.name(), "too-late").await), 403);
        let late = &audit.answered_to("hal", mark).unwrap()[..];
        assert!(matches!(late, [AuditEntry { code: Some(403), forbidden: false, .. }]), "{late:?}");
        namespace.gone().await.unwrap();
        let api: Api<Namespace> = Api::all(client.clone());
        assert!(api.get_opt(namespace.name()).await.unwrap().is_none());
        let inside: Api<ConfigMap> = Api::namespaced(client, namespace.name());
        assert!(inside.get_opt("inside").await.unwrap().is_none());
    });
}

pub(crate) fn garbage_is_collected() {
    block_on(async {
        let namespace = SHARED.namespace("garbage").await.unwrap();
        let client = SHARED.admin_client().await.unwrap();
        let owner = create(&client, namespace.name(), "owner").await.unwrap();
        let api: Api<ConfigMap> = Api::namespaced(client, namespace.name());
        let mut dependent = config_map("dependent");
        dependent.metadata.owner_references = Some(vec![
            serde_json::from_value(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid,
            }))
            .unwrap(),
        ]);
        let dependent = api.create(&PostParams::default(), &dependent).await.unwrap();
        api.delete("owner", &DeleteParams::background()).await.unwrap();
        let uid = dependent.metadata.uid.unwrap();
        let collected = wait::await_condition(api, "dependent", kube::runtime::conditions::is_deleted(&uid));
        tokio::time::timeout(Duration::from_mins(1), collected).await.expect("it is collected").unwrap();
    });
}

pub(crate) fn users() {
    block_on(async {
        let admin = SHARED.admin_client().await.unwrap();
        let namespace = SHARED.namespace("users").await.unwrap();
        let audit = SHARED.audit().unwrap();
        let mark = audit.mark().unwrap();
        let ada = SHARED.client_as("ada", &["readers", "writers"]).await.unwrap();
        let bob = SHARED.client_as("bob", &["readers"]).await.unwrap();

        assert_eq!(status(create(&ada, namespace.name(), "early").await), 403);
        grant_edit(&admin, namespace.name(), "writers").await;
        // The authorizer learns of the binding from its watch.
        let written = async {
            while status(create(&ada, namespace.name(), "late").await) != 201 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), written).await.expect("the binding takes effect");
        assert_eq!(status(create(&bob, namespace.name(), "other").await), 403);

        let writes = audit.writes_by("ada", mark).await.unwrap();
        let first = writes.first().unwrap();
        let last = writes.last().unwrap();
        assert_eq!(first.code, Some(403));
        assert_eq!((last.name.as_str(), last.code), ("late", Some(201)));
        assert!(first.forbidden && !last.forbidden, "{writes:?}");
        assert!(last.reason.contains("of ClusterRole \"edit\" to Group \"writers\""), "{}", last.reason);
        assert_eq!(audit.answered_to("ada", mark).unwrap(), writes);
        for AuditEntry { user, verb, group, resource, subresource, namespace: within, .. } in &writes {
            assert_eq!((user.as_str(), verb.as_str()), ("ada", "create"));
            assert_eq!((group.as_str(), resource.as_str(), subresource.as_str()), ("", "configmaps", ""));
            assert_eq!(within, namespace.name());
        }
        let writes = audit.writes_by("bob", mark).await.unwrap();
        assert_eq!(writes.iter().map(|w| w.code).collect::<Vec<_>>(), [Some(403)]);

        let crowd = SHARED.kubeconfig_as("cy", &["one", "two", "three"]);
        assert!(matches!(crowd, Err(Error::TooManyGroups { most: 2, .. })));
    });
}

pub(crate) fn marks() {
    block_on(async {
        let namespace = SHARED.namespace("marks").await.unwrap();
        let dan = SHARED.client_as("dan", &["system:masters"]).await.unwrap();
        let audit = SHARED.audit().unwrap();
        create(&dan, namespace.name(), "before").await.unwrap();
        let mark = audit.mark().unwrap();
        assert_eq!(audit.requests_by("dan", mark).await.unwrap(), []);

        let api: Api<ConfigMap> = Api::namespaced(dan.clone(), namespace.name());
        api.get("before").await.unwrap();
        create(&dan, namespace.name(), "after").await.unwrap();
        let all = audit.requests_by("dan", mark).await.unwrap();
        let verbs: Vec<_> = all.iter().map(|e| (e.verb.as_str(), e.name.as_str(), e.is_write())).collect();
        assert_eq!(verbs, [("get", "before", false), ("create", "after", true)]);
        assert_eq!(audit.writes_by("dan", mark).await.unwrap(), all[1..]);
    });
}

pub(crate) fn definitions() {
    const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: probes.harness.test}
spec:
  group: harness.test
  names: {kind: Probe, plural: probes, singular: probe}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object}}}}
";
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let client = SHARED.admin_client().await.unwrap();
        let nothing = install_crds(client.clone(), folder.path()).await;
        assert!(matches!(nothing, Err(Error::Manifest { .. })), "{nothing:?}");

        std::fs::write(folder.path().join("probe.yaml"), DEFINITION).unwrap();
        for _ in 0..2 {
            assert_eq!(install_crds(client.clone(), folder.path()).await.unwrap(), ["probes.harness.test"]);
        }
        let list = http::Request::get("/apis/harness.test/v1/probes").body(Vec::new()).unwrap();
        client.request_text(list).await.unwrap();

        std::fs::write(folder.path().join("other.yaml"), "kind: Namespace\nmetadata: {name: x}\n").unwrap();
        let other = install_crds(client, folder.path()).await;
        assert!(matches!(other, Err(Error::Manifest { .. })), "{other:?}");
    });
}

/// `CONTROLPLANE` names a minor version.
pub(crate) fn version() {
    let wanted = std::env::var("CONTROLPLANE").unwrap_or_default();
    let served = block_on(async { SHARED.admin_client().await.unwrap().apiserver_version().await.unwrap() });
    println!("Kubernetes {}", served.git_version);
    assert!(served.git_version.starts_with(&format!("v{wanted}")), "{wanted:?}: {}", served.git_version);
    assert!(served.minor.parse::<u32>().is_ok_and(|minor| minor >= 33), "{}", served.minor);
}

pub(crate) fn kubectl() {
    let output = Command::new(SHARED.bin("kubectl"))
        .arg("--kubeconfig")
        .arg(SHARED.kubeconfig_path())
        .args(["get", "namespace", "kube-system", "-o", "name"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "namespace/kube-system\n");
}

pub(crate) fn faults() {
    let ours = start();
    block_on(async {
        let client = ours.client_as("eve", &["system:masters"]).await.unwrap();
        let mark = ours.audit().unwrap().mark().unwrap();
        create(&client, "default", "first").await.unwrap();

        ours.stop(Program::Apiserver).unwrap();
        assert!(create(&client, "default", "second").await.is_err());
        assert!(ours.stop(Program::Apiserver).is_err(), "it does not run");
        ours.start_again(Program::Apiserver).unwrap();
        create(&client, "default", "third").await.unwrap();

        ours.stop(Program::Etcd).unwrap();
        let cut_off = tokio::time::timeout(Duration::from_secs(1), create(&client, "default", "fourth"));
        assert!(!matches!(cut_off.await, Ok(Ok(_))), "nothing can be stored without etcd");
        ours.start_again(Program::Etcd).unwrap();
        assert!(ours.start_again(Program::Etcd).is_err(), "it runs");
        create(&client, "default", "fifth").await.unwrap();

        let api: Api<ConfigMap> = Api::namespaced(client, "default");
        let writes = ours.audit().unwrap().writes_by("eve", mark).await.unwrap();
        for stored in ["first", "third", "fifth"] {
            api.get(stored).await.unwrap();
            assert!(writes.iter().any(|w| w.name == stored && w.code == Some(201)), "{stored}: {writes:?}");
        }
        assert!(!writes.iter().any(|w| w.name == "second"), "nothing arrives at a stopped server");
    });
}

pub(crate) fn pause() {
    let ours = start();
    block_on(async {
        let client = ours.client_as("fay", &["system:masters"]).await.unwrap();
        create(&client, "default", "before").await.unwrap();
        ours.pause(Program::Apiserver).unwrap();
        let api: Api<ConfigMap> = Api::namespaced(client, "default");
        let mut answer = Box::pin(api.get("before"));
        let early = tokio::time::timeout(Duration::from_millis(500), &mut answer).await;
        assert!(early.is_err(), "a paused server answered: {early:?}");
        ours.resume(Program::Apiserver).unwrap();
        answer.await.unwrap();
    });
}
