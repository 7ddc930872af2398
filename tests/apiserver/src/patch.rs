//! JSON Patch and merge patch as the API server applies them.

use serde_json::Value;

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902 as the API server's library has it: a `test` for null holds for what is absent, and a failed
/// operation gives up the whole patch. Only the operations test, add, replace and remove.
pub(crate) fn json(target: &mut Value, operations: &Value) -> Result<(), String> {
    let operations = operations.as_array().ok_or("a JSON patch is an array")?;
    operations.iter().try_for_each(|operation| apply(target, operation))
}

fn apply(target: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let (op, path) = text("op").zip(text("path")).ok_or("an operation has op and path")?;
    let value = operation.get("value").cloned().unwrap_or(Value::Null);
    if op == "test" {
        let found = target.pointer(path).unwrap_or(&Value::Null);
        return if *found == value { Ok(()) } else { Err(format!("testing value {path} failed")) };
    }
    let (parent, key) = path.rsplit_once('/').ok_or("a path begins with a slash")?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let missing = || format!("{op} operation does not apply: doc is missing path: {path}: missing value");
    match (op, target.pointer_mut(parent).ok_or_else(missing)?) {
        // Replacing what is absent adds it.
        ("add" | "replace", Value::Object(members)) => drop(members.insert(key, value)),
        ("add", Value::Array(items)) if key == "-" => items.push(value),
        ("add", Value::Array(items)) => {
            let at = key.parse().ok().filter(|at| *at <= items.len()).ok_or_else(missing)?;
            items.insert(at, value);
        }
        ("replace", Value::Array(items)) => {
            let at: usize = key.parse().map_err(|_| missing())?;
            *items.get_mut(at).ok_or_else(missing)? = value;
        }
        ("remove", Value::Object(members)) => drop(members.remove(&key).ok_or_else(missing)?),
        ("remove", Value::Array(items)) => {
            let at = key.parse().ok().filter(|at| *at < items.len()).ok_or_else(missing)?;
            items.remove(at);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{json as apply, merge};

    #[test]
    fn a_test_for_null_holds_for_what_is_absent_and_a_failed_one_gives_up() {
        let mut object = json!({"a": {"b/c": 1}});
        let patch =
            json!([{"op": "test", "path": "/a/x", "value": null}, {"op": "add", "path": "/a/x", "value": 2}]);
        assert_eq!(apply(&mut object, &patch), Ok(()));
        assert!(apply(&mut object, &patch).is_err());
        let escaped = json!([{"op": "replace", "path": "/a/b~1c", "value": 3}]);
        assert_eq!(apply(&mut object, &escaped), Ok(()));
        assert_eq!(object, json!({"a": {"b/c": 3, "x": 2}}));
    }

    #[test]
    fn a_merge_patch_removes_by_null_and_makes_what_it_needs() {
        let mut object = json!({"a": 1, "b": {"c": 2}});
        merge(&mut object, &json!({"a": null, "b": {"d": {"e": null, "f": 1}}}));
        assert_eq!(object, json!({"b": {"c": 2, "d": {"f": 1}}}));
    }
}
