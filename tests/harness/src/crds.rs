use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::runtime::{conditions, wait};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::Error;

/// How long a definition may take to be served.
const PATIENCE: Duration = Duration::from_mins(1);

/// Applies every custom resource definition in the YAML files of a folder and returns, when the API
/// server lists the objects of each, their names.
///
/// # Errors
///
/// When a file holds something else, the API server refuses it, or it is not served in a minute.
pub async fn install_crds(client: Client, folder: &Path) -> Result<Vec<String>, Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut names = Vec::new();
    for path in yaml_files(folder)? {
        for manifest in documents(&path)? {
            let name = crd_name(&path, &manifest)?;
            // As written: the typed form would lose a field that it does not know.
            api.patch(&name, &PatchParams::apply("iot-test-harness").force(), &Patch::Apply(&manifest))
                .await
                .map_err(Error::api(format!("apply {name} of {}", path.display())))?;
            names.push(name);
        }
    }
    for name in &names {
        let served = timeout(PATIENCE, served(&client, &api, name));
        served.await.unwrap_or_else(|_| {
            Err(Error::TimedOut { what: format!("{name} to be served"), seconds: PATIENCE.as_secs() })
        })?;
    }
    Ok(names)
}

/// Waits until the objects can be listed. Established is not enough: the API server answers 404 and
/// 429 ("storage is (re)initializing") for a moment after it.
async fn served(client: &Client, api: &Api<CustomResourceDefinition>, name: &str) -> Result<(), Error> {
    let definition = wait::await_condition(api.clone(), name, conditions::is_crd_established())
        .await
        .map_err(|e| Error::Watch { what: name.to_owned(), source: Box::new(e) })?;
    let Some(CustomResourceDefinition { spec, .. }) = definition else {
        return Ok(());
    };
    for version in spec.versions.iter().filter(|v| v.served) {
        let kind = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
        let resource = ApiResource::from_gvk_with_plural(&kind, &spec.names.plural);
        let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        loop {
            match objects.list(&ListParams::default().limit(1)).await {
                Ok(_) => break,
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 429 | 503) => {
                    sleep(Duration::from_millis(50)).await;
                }
                Err(other) => return Err(Error::api(format!("list {name}"))(other)),
            }
        }
    }
    Ok(())
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file("list", folder))? {
        let path = entry.map_err(Error::file("list", folder))?.path();
        if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Error::Manifest { path: folder.to_owned(), reason: "no YAML file in it".to_owned() });
    }
    Ok(files)
}

fn documents(path: &Path) -> Result<Vec<Value>, Error> {
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let mut found = Vec::new();
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let value = Value::deserialize(document)
            .map_err(|e| Error::Manifest { path: path.to_owned(), reason: e.to_string() })?;
        if !value.is_null() {
            found.push(value);
        }
    }
    Ok(found)
}

fn crd_name(path: &Path, manifest: &Value) -> Result<String, Error> {
    let wrong = |reason: &str| Error::Manifest { path: path.to_owned(), reason: reason.to_owned() };
    if manifest["kind"] != "CustomResourceDefinition" {
        return Err(wrong("write only CustomResourceDefinitions into this folder"));
    }
    manifest["metadata"]["name"].as_str().map(str::to_owned).ok_or_else(|| wrong("metadata.name is missing"))
}
