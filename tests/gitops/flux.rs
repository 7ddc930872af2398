//! Flux's kustomize-controller, and what stands in for source-controller: it packs a folder, serves it, and
//! says so in the status of a `GitRepository`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::git::Repository;
use crate::lab::{Kind, Lab, condition, text};

/// Where Flux's objects are.
pub(crate) const NAMESPACE: &str = "flux-system";
const SOURCE: &str = "factory";
const ARTIFACTS: &str = "127.0.0.1:8095";

/// A running kustomize-controller.
pub(crate) struct Flux<'a> {
    lab: &'a Lab,
    artifacts: PathBuf,
}

/// What Ready of a Kustomization was, one after the other.
#[derive(Clone, Default)]
pub(crate) struct History(Arc<Mutex<Vec<String>>>);

impl History {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("the history").clone()
    }
}

/// Ready of a Kustomization for what it is asked to be now, such as `True:ReconciliationSucceeded`.
pub(crate) fn ready(kustomization: &Value) -> String {
    let ready = condition(kustomization, "Ready");
    format!("{}:{}", text(ready, "/status"), text(ready, "/reason"))
}

impl<'a> Flux<'a> {
    pub(crate) async fn start(lab: &'a Lab) -> Self {
        lab.kubectl(&["create", "namespace", NAMESPACE], "");
        let definitions = lab.tools.flux.join("definitions").display().to_string();
        lab.kubectl(&["apply", "--server-side", "-f", &definitions], "");
        lab.kubectl(&["wait", "--for=condition=Established", "crd", "--all"], "");
        let arguments = "--metrics-addr 127.0.0.1:9793 --health-addr 127.0.0.1:9794 --events-addr= \
             --requeue-dependency 1s";
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let env = [
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("HOME", lab.folder("home").display().to_string()),
            ("TMPDIR", lab.folder("tmp").display().to_string()),
            ("KUBECONFIG", lab.admin_kubeconfig().display().to_string()),
            ("RUNTIME_NAMESPACE", NAMESPACE.to_owned()),
        ];
        let program = lab.tools.flux.join("kustomize-controller");
        lab.run("kustomize-controller", &program, &arguments, &env);
        lab.healthy("kustomize-controller", "127.0.0.1:9794", "/readyz").await;
        let artifacts = lab.folder("artifacts");
        let listener = TcpListener::bind(ARTIFACTS).await.expect("a port for artifacts");
        tokio::spawn(serve(listener, artifacts.clone()));
        let source = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": SOURCE, "namespace": NAMESPACE},
            "spec": {"interval": "10m", "url": "http://127.0.0.1/never-read.git", "ref": {"branch": "main"}}});
        lab.kubectl(&["apply", "-f", "-"], &source.to_string());
        Self { lab, artifacts }
    }

    pub(crate) fn apply(&self, kustomization: &Value) {
        self.lab.kubectl(&["apply", "-f", "-"], &kustomization.to_string());
    }

    /// Commits what is in the checkout and makes it the source's artifact.
    pub(crate) async fn publish(&self, git: &Repository, message: &str) -> String {
        let commit = git.push(message);
        let file = self.artifacts.join(format!("{commit}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(git.tree()).arg("--exclude=.git").arg("-czf").arg(&file).arg(".");
        assert!(tar.status().expect("tar").success());
        let packed = std::fs::read(&file).expect("an artifact");
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let revision = format!("main@sha1:{commit}");
        let status = json!({"status": {
            "observedGeneration": 1,
            "artifact": {
                "url": format!("http://{ARTIFACTS}/{commit}.tar.gz"),
                "path": format!("{commit}.tar.gz"),
                "revision": revision,
                "digest": format!("sha256:{}", hex::encode(digest::digest(&digest::SHA256, &packed))),
                "size": packed.len(),
                "lastUpdateTime": now,
            },
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored",
                "observedGeneration": 1, "lastTransitionTime": now}],
        }});
        let api = self.lab.api(Kind::GitRepository, NAMESPACE);
        api.patch_status(SOURCE, &PatchParams::default(), &Patch::Merge(&status)).await.expect("its status");
        revision
    }

    /// Waits until a Kustomization has worked on a revision and Ready is as expected; gives its message.
    pub(crate) async fn is(&self, what: &str, name: &str, revision: &str, expected: &str) -> String {
        let is = |object: &Value| {
            text(object, "/status/lastAttemptedRevision") == revision && ready(object) == expected
        };
        let what = format!("{what}: Ready is {expected}");
        let object = self.lab.object(&what, (Kind::Kustomization, NAMESPACE, name), is).await;
        text(condition(&object, "Ready"), "/message").to_owned()
    }

    /// Follows Ready of a Kustomization from now on.
    pub(crate) fn follow(&self, name: &str) -> History {
        let history = History::default();
        let api = self.lab.api(Kind::Kustomization, NAMESPACE);
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let into = history.clone();
        tokio::spawn(async move {
            let objects = watcher(api, config).default_backoff().applied_objects().boxed();
            let _ = objects
                .try_for_each(async |object| {
                    let state = ready(&serde_json::to_value(object).expect("JSON"));
                    let mut all = into.0.lock().expect("the history");
                    if all.last() != Some(&state) {
                        all.push(state);
                    }
                    Ok(())
                })
                .await;
        });
        history
    }
}

/// Serves the files of a folder.
async fn serve(listener: TcpListener, folder: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let folder = folder.clone();
        tokio::spawn(async move { answer(stream, &folder).await });
    }
}

/// Answers one request.
async fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request);
    let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let (status, body) = match std::fs::read(folder.join(name)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await
}
