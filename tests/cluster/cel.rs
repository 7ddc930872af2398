//! The rules of the definitions, tried on a real API server.
//!
//! `cel/*.yaml` hold, per rule, manifests that are accepted and manifests that are refused with exactly its
//! message; `docs/fields.md` says what can be done with each field, and `cel/fields.rs` tries all of it.

#![allow(clippy::expect_used, clippy::panic, reason = "test code: a broken case file is to stop the run")]

mod fields;
mod matrix;
mod object;
mod stored;

use std::collections::BTreeSet;

use iot_product_operator::api::crd;
use kube::Client;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use fields::{
    console_names_are_accepted, every_cell_of_the_matrix, names_are_taken_as_the_operator_takes_them,
};
use object::{Object, expand, merge};
pub(crate) use stored::{
    accounts_stay_where_they_are, rules_spare_stored_objects, unseen_objects_are_not_current,
};

/// What one rule accepts and refuses.
#[derive(Deserialize)]
struct Case {
    base: String,
    message: String,
    accepts: Vec<Value>,
    rejects: Vec<Value>,
}

const NEUTRAL: &str = include_str!("cel/neutral.yaml");
const TENCENT: &str = include_str!("cel/tencent.yaml");
const ALIBABA: &str = include_str!("cel/alibaba.yaml");
const HUAWEI: &str = include_str!("cel/huawei.yaml");
const ACCOUNT: &str = include_str!("cel/account.yaml");
const CLUSTER_ACCOUNT: &str = include_str!("cel/cluster-account.yaml");
const SCHEMA: &str = include_str!("cel/schema.yaml");

/// The manifests that the design promises work as they are.
pub(crate) async fn contract_manifests_are_accepted(client: Client, namespace: &str) -> Result<(), String> {
    for text in [
        include_str!("../manifests/contract/tencent.yaml"),
        include_str!("../manifests/contract/tencent-legacy.yaml"),
        include_str!("../manifests/contract/alibaba.yaml"),
        include_str!("../manifests/contract/huawei.yaml"),
    ] {
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            let manifest = Value::deserialize(document).map_err(|error| error.to_string())?;
            if manifest["kind"] == "Secret" {
                continue;
            }
            let object = Object::of_manifest(&client, namespace, manifest);
            object.try_create().await.map_err(|error| format!("{}: {error}", object.name()))?;
        }
    }
    Ok(())
}

/// Every rule accepts and refuses what its cases say, and no rule is without cases.
pub(crate) async fn rules_accept_and_refuse(client: Client, namespace: &str) -> Result<(), String> {
    let mut faults = Vec::new();
    let mut refused_with: BTreeSet<(String, String)> = BTreeSet::new();
    for (kind, texts) in [
        ("IotProduct", &[NEUTRAL, TENCENT, ALIBABA, HUAWEI, SCHEMA][..]),
        ("IotAccount", &[ACCOUNT]),
        ("ClusterIotAccount", &[ACCOUNT, CLUSTER_ACCOUNT]),
    ] {
        for case in texts.iter().flat_map(|text| cases(text)) {
            try_case(&client, namespace, kind, &case, &mut faults).await;
            refused_with.insert((kind.to_owned(), case.message));
        }
    }
    for (kind, message) in value_rules() {
        if !refused_with.contains(&(kind.clone(), message.clone())) {
            faults.push(format!("{kind}: no case for the rule {message:?}"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

async fn try_case(client: &Client, namespace: &str, kind: &str, case: &Case, faults: &mut Vec<String>) {
    let object = |patch: &Value| {
        let spec = spec_of(kind, &case.base, patch);
        (Object::new(client, namespace, kind, "case", &spec), spec)
    };
    if case.rejects.is_empty() {
        faults.push(format!("{kind}: nothing is refused with {:?}", case.message));
    }
    for patch in &case.accepts {
        let (object, spec) = object(patch);
        if let Err(error) = object.try_create().await {
            faults.push(format!("{kind} refused: {spec}\n  {error}"));
        }
    }
    for patch in &case.rejects {
        let (object, spec) = object(patch);
        match object.try_create().await {
            Ok(()) => faults.push(format!("{kind} accepted: {spec}\n  instead of {:?}", case.message)),
            Err(error) if error.contains(&case.message) => {}
            Err(error) => faults.push(format!("{kind}: {spec}\n  {error}\n  instead of {:?}", case.message)),
        }
    }
}

fn cases(text: &str) -> Vec<Case> {
    serde_yaml_ng::from_str(text).expect("a case file is a list of cases")
}

/// The base's spec with the patch on it, and what the kind needs besides.
fn spec_of(kind: &str, base: &str, patch: &Value) -> Value {
    let bases: Value = serde_yaml_ng::from_str(include_str!("cel/bases.yaml")).expect("bases are YAML");
    let mut spec = bases[base].clone();
    assert!(spec.is_object(), "no base {base}");
    if kind == "ClusterIotAccount" {
        merge(&mut spec, &json!({"credentials": {"secretRef": {"namespace": "keys"}}}));
    }
    merge(&mut spec, &expand(patch));
    spec
}

/// Kind and message of every rule that is about values; rules about changes are tried field by field.
fn value_rules() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for definition in crd::crds() {
        let kind = definition.spec.names.kind.clone();
        let schema = serde_json::to_value(&definition.spec.versions[0].schema).expect("a schema is JSON");
        walk(&schema, &mut |rule| {
            let text = rule["rule"].as_str().unwrap_or_default();
            if !text.contains("oldSelf") || rule["optionalOldSelf"] == true {
                found.push((kind.clone(), rule["message"].as_str().unwrap_or_default().to_owned()));
            }
        });
    }
    assert!(found.len() > 50, "the definitions have their rules");
    found
}

fn walk(node: &Value, visit: &mut impl FnMut(&Value)) {
    match node {
        Value::Object(entries) => {
            for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
                visit(rule);
            }
            entries.values().for_each(|child| walk(child, visit));
        }
        Value::Array(entries) => entries.iter().for_each(|child| walk(child, visit)),
        _ => {}
    }
}
