//! Kubeconfig files and the clients made from them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::Error;
use crate::pki::Authority;

/// Kubeconfig of a user who may do everything, in the control plane's folder.
pub(crate) const ADMIN: &str = "admin.kubeconfig";
/// Kubeconfig of kube-controller-manager.
pub(crate) const CONTROLLER_MANAGER: &str = "controller-manager.kubeconfig";

/// Makes a certificate for a user and writes the kubeconfig that uses it.
pub(crate) fn write(
    path: &Path,
    authority: &Authority,
    server: &str,
    user: &str,
    groups: &[&str],
) -> Result<(), Error> {
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    let identity = authority.client(&stem, user, groups)?;
    // JSON is YAML, and paths with odd characters come out right.
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": server,
            "certificate-authority": authority.certificate(),
        }}],
        "users": [{"name": user, "user": {
            "client-certificate": identity.certificate,
            "client-key": identity.key,
        }}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
    });
    fs::write(path, config.to_string()).map_err(Error::file("write", path))
}

/// Writes a copy of an existing kubeconfig that acts as another user.
pub(crate) fn write_impersonating(
    path: &Path,
    original: &Path,
    user: &str,
    groups: &[&str],
) -> Result<(), Error> {
    let mut config = read(original)?;
    for named in &mut config.auth_infos {
        if let Some(auth) = &mut named.auth_info {
            auth.impersonate = Some(user.to_owned());
            auth.impersonate_groups = Some(groups.iter().map(|g| (*g).to_owned()).collect());
        }
    }
    let text = serde_json::to_string(&config)
        .map_err(|e| Error::Manifest { path: original.to_owned(), reason: e.to_string() })?;
    fs::write(path, text).map_err(Error::file("write", path))
}

/// A client that says at once what went wrong: it tries nothing twice and gives up on a server that
/// takes no connection.
pub(crate) async fn client(path: &Path) -> Result<Client, Error> {
    // Two TLS providers in one build leave none as the default; a second installation is refused.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut config = Config::from_custom_kubeconfig(read(path)?, &KubeConfigOptions::default())
        .await
        .map_err(failed(path))?;
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(5));
    Client::try_from(config).map_err(Error::api(format!("make a client from {}", path.display())))
}

fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(kube::config::KubeconfigError) -> Error {
    let path = path.to_owned();
    move |source| Error::Kubeconfig { path, source: Box::new(source) }
}
