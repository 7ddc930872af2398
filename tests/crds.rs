//! The committed definitions are the generated ones, and `docs/fields.md` says what they do.

#[path = "cluster/cel/matrix.rs"]
mod matrix;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use iot_product_operator::api::product::frozen::{Accepts, FROZEN};
use iot_product_operator::api::{IotAccount, IotProduct, Vendor, crd};
use matrix::Use;
use serde::Deserialize;
use serde_json::{Value, json};

/// Fields of the operator itself: no vendor has them.
const OWN_FIELDS: &[&str] = &[
    "adoptionPolicy",
    "managementPolicy",
    "driftPolicy",
    "deletionPolicy",
    "suspend",
    "resyncInterval",
    "secret",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The schema of a kind as it is committed.
fn committed(plural: &str) -> Value {
    let path = root().join("crds").join(format!("{plural}.yaml"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let definition: Value = serde_yaml_ng::from_str(&text).unwrap_or_default();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The node of a dotted path in a schema.
fn node<'a>(schema: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(schema, |node, step| &node["properties"][step])
}

fn nodes<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(value);
    match value {
        Value::Object(entries) => entries.values().for_each(|child| nodes(child, found)),
        Value::Array(items) => items.iter().for_each(|child| nodes(child, found)),
        _ => {}
    }
}

/// `UPDATE_CRDS=1 cargo test --test crds` writes them anew.
#[test]
fn committed_definitions_are_fresh() {
    let definitions = crd::crds();
    let names: Vec<&str> =
        definitions.iter().map(|definition| definition.spec.names.plural.as_str()).collect();
    assert_eq!(names, ["iotproducts", "iotaccounts", "clusteriotaccounts"]);
    for definition in &definitions {
        let path = root().join("crds").join(format!("{}.yaml", definition.spec.names.plural));
        let generated = crd::yaml(definition).unwrap();
        if std::env::var_os("UPDATE_CRDS").is_some() {
            std::fs::create_dir_all(root().join("crds")).unwrap();
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == generated, "{} is stale: UPDATE_CRDS=1 cargo test --test crds", path.display());
    }
}

#[test]
fn nothing_is_nullable_and_every_text_of_a_rule_is_bounded() {
    for plural in ["iotproducts", "iotaccounts", "clusteriotaccounts"] {
        let schema = committed(plural);
        let mut found = Vec::new();
        nodes(&schema, &mut found);
        assert!(found.iter().all(|node| node.get("nullable").is_none()), "{plural} has a nullable field");
        let mut spec = schema["properties"]["spec"].clone();
        // A label selector is Kubernetes' own type; no rule reads its texts.
        if let Some(allowed) = spec["properties"]["allowedNamespaces"]["properties"].as_object_mut() {
            allowed.remove("selector");
        }
        let mut found = Vec::new();
        nodes(&spec, &mut found);
        let texts: Vec<_> = found.into_iter().filter(|node| node["type"] == "string").collect();
        assert!(texts.len() > 10);
        for text in texts {
            assert!(text["maxLength"].is_u64() || text["enum"].is_array(), "{plural}: {text}");
        }
    }
}

#[test]
fn the_root_has_only_rules_that_consult_the_old_value() {
    for plural in ["iotproducts", "iotaccounts", "clusteriotaccounts"] {
        let schema = committed(plural);
        let rules = schema["x-kubernetes-validations"].as_array().unwrap();
        assert!(!rules.is_empty());
        for rule in rules {
            assert!(rule["rule"].as_str().unwrap().contains("oldSelf"), "{plural}: {rule}");
        }
    }
}

#[test]
fn every_rule_has_its_own_message() {
    for plural in ["iotproducts", "iotaccounts", "clusteriotaccounts"] {
        let schema = committed(plural);
        let mut found = Vec::new();
        nodes(&schema, &mut found);
        let mut messages = BTreeSet::new();
        for rule in found.iter().filter_map(|node| node["x-kubernetes-validations"].as_array()).flatten() {
            let message = rule["message"].as_str().unwrap();
            assert!(messages.insert(message), "{plural}: two rules say {message:?}");
        }
        assert!(messages.len() > 15, "{plural} has {} rules", messages.len());
    }
}

/// The matrix, the table in the code and the rules of the definition name the same frozen fields.
#[test]
fn frozen_fields_of_the_matrix_have_a_rule_and_every_rule_is_in_the_matrix() {
    let by_matrix: BTreeMap<String, Vec<Vendor>> = matrix::rows()
        .into_iter()
        .map(|row| {
            let frozen = row.cells.iter().filter(|cell| cell.usage == Use::Frozen);
            (row.field.clone(), frozen.map(|cell| cell.vendor).collect::<Vec<_>>())
        })
        .filter(|(_, vendors)| !vendors.is_empty())
        .collect();
    let by_code: BTreeMap<String, Vec<Vendor>> =
        FROZEN.iter().map(|frozen| (frozen.field.to_owned(), frozen.vendors.to_vec())).collect();
    assert_eq!(by_matrix, by_code);

    let schema = committed("iotproducts");
    let rules = schema["x-kubernetes-validations"].as_array().unwrap();
    let by_rule: BTreeSet<&str> = rules
        .iter()
        .filter(|rule| rule["optionalOldSelf"] != true)
        .map(|rule| rule["fieldPath"].as_str().unwrap().trim_start_matches(".spec."))
        .collect();
    assert_eq!(by_rule, by_matrix.keys().map(String::as_str).collect());
}

/// A frozen field can be set to what the vendor has, at the same path, unless the vendor never shows it.
#[test]
fn frozen_fields_have_their_observed_counterpart() {
    let schema = committed("iotproducts");
    for row in matrix::rows() {
        let Some(frozen) = FROZEN.iter().find(|frozen| frozen.field == row.field) else {
            continue;
        };
        let unreadable = row.cells.iter().any(|cell| cell.unreadable);
        match frozen.accepts {
            Accepts::Nothing => {
                assert!(unreadable || ["vendor", "accountRef"].contains(&frozen.field), "{}", frozen.field);
            }
            Accepts::Status(path) | Accepts::StatusOrAbsent(path, _) => {
                assert!(!unreadable, "{} is unreadable", frozen.field);
                let same = format!("observed.{}", frozen.field);
                assert!(path == same || (path, frozen.field) == ("productId", "productId"), "{path}");
                assert!(node(&schema, &format!("status.{path}")).is_object(), "status.{path}");
            }
        }
    }
}

/// The matrix names exactly the fields that a vendor has, and which of them must be written.
#[test]
fn the_matrix_is_complete() {
    let schema = committed("iotproducts");
    let spec = &schema["properties"]["spec"];
    let mut fields = BTreeMap::new();
    for (name, of) in spec["properties"].as_object().unwrap() {
        let sections = ["tencent", "alibaba", "huawei", "dynamicRegistration"];
        if sections.contains(&name.as_str()) {
            for inner in of["properties"].as_object().unwrap().keys() {
                let required = name != "dynamicRegistration" && is_required(of, inner);
                fields.insert(format!("{name}.{inner}"), required);
            }
        } else if !OWN_FIELDS.contains(&name.as_str()) {
            fields.insert(name.clone(), is_required(spec, name));
        }
    }
    let rows: BTreeMap<String, bool> =
        matrix::rows().into_iter().map(|row| (row.field.clone(), row.required)).collect();
    assert_eq!(rows, fields);
}

fn is_required(of: &Value, field: &str) -> bool {
    of["required"].as_array().is_some_and(|required| required.contains(&json!(field)))
}

/// What a manifest leaves out the operator must be able to tell from what it says.
#[test]
fn fields_that_a_vendor_holds_have_no_default() {
    let schema = committed("iotproducts");
    for row in matrix::rows().iter().filter(|row| row.field != "accountRef") {
        assert!(node(&schema, &format!("spec.{}", row.field))["default"].is_null(), "{}", row.field);
    }
    assert_eq!(schema["properties"]["status"]["default"], json!({"observedGeneration": -1}));
    assert_eq!(node(&schema, "status.observedGeneration")["default"], json!(-1));
}

/// The types read the manifests of the contract, and lose nothing of them.
#[test]
fn types_read_the_contract() {
    for name in ["tencent", "tencent-legacy", "alibaba", "huawei"] {
        let path = root().join("tests/manifests/contract").join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut products = 0;
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let manifest = Value::deserialize(document).unwrap();
            let read = match manifest["kind"].as_str().unwrap() {
                "IotProduct" => {
                    products += 1;
                    serde_json::to_value(serde_json::from_value::<IotProduct>(manifest.clone()).unwrap())
                }
                "IotAccount" => {
                    serde_json::to_value(serde_json::from_value::<IotAccount>(manifest.clone()).unwrap())
                }
                _ => continue,
            };
            let read = read.unwrap();
            assert!(
                contains(&read["spec"], &manifest["spec"]),
                "{name}: {read} lacks something of {manifest}"
            );
        }
        assert_eq!(products, 1);
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|of| contains(of, value)))
        }
        _ => whole == part,
    }
}
