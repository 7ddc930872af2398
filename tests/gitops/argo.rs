//! Argo CD without pods: its programs, what they want from the cluster, and how they are asked.

use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};

use crate::document;
use crate::http;
use crate::lab::{Kind, Lab, text};
use crate::report::see;

const NAMESPACE: &str = "argocd";
const REDIS: &str = "127.0.0.1:6379";
const SERVER: &str = "127.0.0.1:8090";
const ACTIONS: &str = "/api/v1/applications/factory/resource/actions";

/// A running Argo CD.
pub(crate) struct Argo<'a> {
    lab: &'a Lab,
}

/// What an application's state was, one after the other.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Vec<String>>>);

impl History {
    /// States since a mark, each as `Synced/Healthy`.
    pub(crate) fn since(&self, mark: usize) -> Vec<String> {
        self.0.lock().expect("the history")[mark..].to_vec()
    }

    pub(crate) fn mark(&self) -> usize {
        self.0.lock().expect("the history").len()
    }

    fn add(&self, application: &Value) {
        let state = state(application);
        let mut all = self.0.lock().expect("the history");
        if all.last() != Some(&state) {
            all.push(state);
        }
    }
}

/// An application's state, such as `Synced/Healthy`.
pub(crate) fn state(application: &Value) -> String {
    format!("{}/{}", text(application, "/status/sync/status"), text(application, "/status/health/status"))
}

impl<'a> Argo<'a> {
    /// Brings the definitions, settings and rights of Argo CD's own manifests into the cluster, this
    /// project's scripts into its settings, and starts it.
    pub(crate) async fn start(lab: &'a Lab) -> Self {
        install(lab);
        let argocd = lab.tools.argocd.join("argocd");
        lab.run("redis", &lab.tools.argocd.join("redis"), &[REDIS.to_owned()], &[]);
        let start = |name: &str, account: &str, arguments: &str| {
            let mut env = environment(lab);
            env.push(("KUBECONFIG", lab.kubeconfig_of(NAMESPACE, account).display().to_string()));
            env.push(("ARGOCD_BINARY_NAME", name.to_owned()));
            let arguments = format!("{arguments} --loglevel warn --logformat text");
            let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            lab.run(name, &argocd, &arguments, &env);
        };
        start(
            "argocd-repo-server",
            "argocd-repo-server",
            "--address 127.0.0.1 --port 8081 --metrics-address 127.0.0.1 --metrics-port 8084 --disable-tls \
             --client-ca-path= --redis 127.0.0.1:6379",
        );
        start(
            "argocd-application-controller",
            "argocd-application-controller",
            "--namespace argocd --redis 127.0.0.1:6379 --repo-server 127.0.0.1:8081 --repo-server-plaintext \
             --metrics-port 8082 --persist-resource-health --self-heal-backoff-cap-seconds 10 \
             --status-processors 4 --operation-processors 2 --kubectl-parallelism-limit 4",
        );
        lab.healthy("argocd-repo-server", "127.0.0.1:8084", "/healthz").await;
        lab.healthy("argocd-application-controller", "127.0.0.1:8082", "/healthz").await;
        start(
            "argocd-server",
            "argocd-server",
            "--namespace argocd --address 127.0.0.1 --port 8090 --metrics-address 127.0.0.1 \
             --metrics-port 8083 --insecure --disable-auth --redis 127.0.0.1:6379 \
             --repo-server 127.0.0.1:8081 --repo-server-plaintext",
        );
        lab.healthy("argocd-server", SERVER, "/healthz").await;
        Self { lab }
    }

    /// Applies an Application as an admin does.
    pub(crate) fn apply(&self, application: &Value) {
        self.lab.kubectl(&["apply", "-f", "-"], &application.to_string());
    }

    pub(crate) async fn application(&self, name: &str) -> Value {
        self.lab.get(Kind::Application, NAMESPACE, name).await.unwrap_or_default()
    }

    /// Has it look at Git now, as a webhook would; `hard` compares everything anew.
    pub(crate) async fn refresh(&self, name: &str, how: &str) {
        let patch = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": how}}});
        self.lab.patch(Kind::Application, NAMESPACE, name, patch).await;
    }

    /// Waits until a refresh is done.
    pub(crate) async fn refreshed(&self, name: &str) {
        self.refresh(name, "hard").await;
        let done = |application: &Value| {
            application.pointer("/metadata/annotations/argocd.argoproj.io~1refresh").is_none()
        };
        self.lab.object("everything is compared anew", (Kind::Application, NAMESPACE, name), done).await;
    }

    /// Waits until an application is in a state.
    pub(crate) async fn is(&self, what: &str, name: &str, expected: &str) -> Value {
        let is = |application: &Value| state(application) == expected;
        let what = format!("{what}: {name} is {expected}");
        self.lab.object(&what, (Kind::Application, NAMESPACE, name), is).await
    }

    /// Waits until an application has a state and its operation is over.
    pub(crate) async fn settled(&self, what: &str, name: &str) {
        let settled = |application: &Value| {
            state(application) == "Synced/Healthy"
                && text(application, "/status/operationState/phase") == "Succeeded"
        };
        let what = format!("{what}: {name} is Synced/Healthy, its sync is over");
        self.lab.object(&what, (Kind::Application, NAMESPACE, name), settled).await;
    }

    /// Waits until an object of the products' application has a health for a reason with this text; gives all
    /// that is said about it.
    pub(crate) async fn health(&self, (kind, object): (&str, &str), expected: &str, why: &str) -> String {
        see(&format!("{kind} {object} is {expected}: {why}"), async || {
            let application = self.application("factory").await;
            let resources = application.pointer("/status/resources").and_then(Value::as_array);
            let one =
                resources.into_iter().flatten().find(|one| one["kind"] == kind && one["name"] == object);
            let one = one.ok_or_else(|| format!("not in {}", application["status"]["resources"]))?;
            let said = format!("{} {}", text(one, "/health/status"), text(one, "/health/message"));
            if text(one, "/health/status") == expected && said.contains(why) { Ok(said) } else { Err(said) }
        })
        .await
    }

    /// Follows the states of an application from now on.
    pub(crate) fn follow(&self, name: &str) -> History {
        let history = History::default();
        let api = self.lab.api(Kind::Application, NAMESPACE);
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let into = history.clone();
        tokio::spawn(async move {
            let objects = watcher(api, config).default_backoff().applied_objects().boxed();
            let _ = objects
                .try_for_each(async |object| {
                    into.add(&serde_json::to_value(object).expect("JSON"));
                    Ok(())
                })
                .await;
        });
        history
    }

    /// Names of the actions that may be run on an object of the products' application, as argocd-server lists
    /// them.
    pub(crate) async fn actions(&self, (kind, object): (&str, &str)) -> Vec<String> {
        let namespace = namespace_of(kind);
        let of = format!("namespace={namespace}&kind={kind}&resourceName={object}");
        let path = format!("{ACTIONS}?group=iot-products.io&version=v1alpha1&{of}");
        let answer = http::get(SERVER, &path).await.expect("an answer").body;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let all = answer["actions"].as_array().unwrap_or_else(|| panic!("actions, not {answer}"));
        let enabled = all.iter().filter(|action| action["disabled"] != true);
        let mut names: Vec<String> = enabled.map(|action| text(action, "/name").to_owned()).collect();
        names.sort();
        names
    }

    /// Runs an action on an object through argocd-server.
    pub(crate) async fn act(&self, (kind, object): (&str, &str), action: &str) {
        let body = json!({"name": "factory", "namespace": namespace_of(kind), "resourceName": object,
            "group": "iot-products.io", "version": "v1alpha1", "kind": kind, "action": action});
        let path = format!("{ACTIONS}/v2");
        let answer = http::post(SERVER, &path, &body.to_string()).await.expect("an answer");
        assert_eq!(answer.status, 200, "{action} of {kind} {object}: {}", answer.body);
    }
}

fn namespace_of(kind: &str) -> &'static str {
    if kind == "ClusterIotAccount" { "" } else { "factory" }
}

fn install(lab: &Lab) {
    let manifests = lab.tools.argocd.join("manifests");
    let path = |name: &str| manifests.join(name).display().to_string();
    lab.kubectl(&["create", "namespace", NAMESPACE], "");
    for name in ["application", "appproject", "applicationset"] {
        lab.kubectl(&["apply", "--server-side", "-f", &path(&format!("crds/{name}-crd.yaml"))], "");
    }
    for name in ["base/config", "base/application-controller-roles"] {
        lab.kubectl(&["apply", "-n", NAMESPACE, "-k", &path(name)], "");
    }
    for name in ["server/argocd-server-sa", "server/argocd-server-role", "server/argocd-server-rolebinding"] {
        lab.kubectl(&["apply", "-n", NAMESPACE, "-f", &path(&format!("base/{name}.yaml"))], "");
    }
    lab.kubectl(&["apply", "-n", NAMESPACE, "-f", &path("base/repo-server/argocd-repo-server-sa.yaml")], "");
    for name in ["cluster-rbac/application-controller", "cluster-rbac/server"] {
        lab.kubectl(&["apply", "-k", &path(name)], "");
    }
    let set = |file: &str| {
        let settings = ["patch", "-n", NAMESPACE, "configmap", "argocd-cm", "--type=merge"];
        lab.kubectl(&[&settings[..], &["--patch-file", file]].concat(), "");
    };
    set(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/argocd/argocd-cm.yaml"));
    let applications = lab.folder("settings").join("applications.json");
    let settings = document::settings("Argo CD", "resource.customizations.health.argoproj.io_Application");
    std::fs::write(&applications, settings.to_string()).expect("a file");
    set(&applications.display().to_string());
    lab.kubectl(&["wait", "--for=condition=Established", "crd/applications.argoproj.io"], "");
}

fn environment(lab: &Lab) -> Vec<(&'static str, String)> {
    let folder = |name: &str| lab.folder(name).display().to_string();
    let parent = |path: &Path| path.parent().expect("a folder").display().to_string();
    vec![
        ("PATH", format!("{}:{}:/usr/bin:/bin", lab.tools.argocd.display(), parent(&lab.tools.helm))),
        ("HOME", folder("home")),
        ("TMPDIR", folder("tmp")),
        // https://kubernetes.default.svc is then what KUBECONFIG says.
        ("ARGOCD_FAKE_IN_CLUSTER", "true".to_owned()),
        ("ARGOCD_TLS_DATA_PATH", folder("tls")),
        ("ARGOCD_SSH_DATA_PATH", folder("ssh")),
        ("ARGOCD_GNUPGHOME", folder("gpg")),
        ("ARGOCD_PLUGINSOCKFILEPATH", folder("plugins")),
        ("ARGOCD_GPG_ENABLED", "false".to_owned()),
        ("ARGOCD_RECONCILIATION_TIMEOUT", "10s".to_owned()),
        ("ARGOCD_RECONCILIATION_JITTER", "0s".to_owned()),
        ("ARGOCD_CONTROLLER_REPLICAS", "1".to_owned()),
        ("ARGOCD_CONTROLLER_SHARD", "0".to_owned()),
    ]
}
