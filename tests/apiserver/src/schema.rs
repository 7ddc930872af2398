//! What the schema of a custom resource does to an object: unknown fields are dropped, absent ones get their
//! defaults. Values are not validated: callers are expected to write what the schema allows.

use serde_json::{Map, Value};

/// Drops what the schema does not name. `apiVersion`, `kind` and `metadata` of the object itself stay.
pub(crate) fn prune(object: &mut Value, schema: &Value) {
    let Value::Object(members) = object else { return };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    members.retain(|name, _| {
        properties.contains_key(name) || ["apiVersion", "kind", "metadata"].contains(&name.as_str())
    });
    for (name, member) in members {
        if let Some(schema) = properties.get(name) {
            prune_value(member, schema);
        }
    }
}

fn prune_value(value: &mut Value, schema: &Value) {
    if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        return;
    }
    match value {
        Value::Object(members) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                members.retain(|name, _| properties.contains_key(name));
                for (name, member) in members {
                    if let Some(schema) = properties.get(name) {
                        prune_value(member, schema);
                    }
                }
            } else if let Some(schema) = schema.get("additionalProperties") {
                for member in members.values_mut() {
                    prune_value(member, schema);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    prune_value(item, schema);
                }
            }
        }
        _ => {}
    }
}

/// Fills in defaults, and takes away a null where the schema has one or does not allow null.
pub(crate) fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                fill_members(members, properties);
            } else if let Some(schema) = schema.get("additionalProperties") {
                for member in members.values_mut() {
                    fill(member, schema);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    fill(item, schema);
                }
            }
        }
        _ => {}
    }
}

fn fill_members(members: &mut Map<String, Value>, properties: &Map<String, Value>) {
    for (name, schema) in properties {
        let nullable = schema.get("nullable") == Some(&Value::Bool(true));
        if members.get(name) == Some(&Value::Null) && !nullable {
            members.remove(name);
        }
        if let Some(default) = schema.get("default")
            && !members.contains_key(name)
        {
            members.insert(name.clone(), default.clone());
        }
        if let Some(member) = members.get_mut(name) {
            fill(member, schema);
        }
    }
}
