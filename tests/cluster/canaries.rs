//! Secrets stay secret: on every path, those that fail included, and at the most talkative level.

use std::fs;

use iot_simulator::{Fault, Garbage, Rule};
use serde_json::json;

use crate::manifest::Contract;
use crate::needles::{Needles, assert_seen};
use crate::object::{Kind, Object};
use crate::operator::Operator;
use crate::session::tests;
use crate::side::SIDES;
use crate::world::{PATIENCE, World};

tests!(Shared { nothing_tells_a_secret });

/// In place of every value of a key that a test makes wrong.
const WRONG: &str = "canary-of-a-wrong-key-0123456789";

fn name(manifest: &serde_json::Value) -> &str {
    manifest["metadata"]["name"].as_str().unwrap()
}

/// Creation, wrong keys, answers that cannot be read, throttling, refusals, and deletion, at all vendors. Logs and
/// URLs are searched after every test; here also all else that leaves the process.
async fn nothing_tells_a_secret(world: World) {
    assert_seen();
    let evidence = world.evidence();
    evidence.remember(WRONG);
    let contracts = SIDES.map(|side| side.contract(&world));
    for key in contracts.iter().flat_map(|contract| contract.key["stringData"].as_object().unwrap()) {
        // The id of a key is no secret.
        if !["secretId", "accessKeyId", "accessKey"].contains(&key.0.as_str()) {
            evidence.remember(key.1.as_str().unwrap());
        }
    }
    let operator = world.operator_with(&[("log", "trace"), ("secret-check-interval", "2s")]).await;
    let faults =
        [Fault::status_before(429), Fault::garbage(Garbage::TruncatedJson), Fault::status_after(502)];
    world.admin().set_faults(faults.into_iter().map(|fault| Rule::any(fault).times(4)).collect());
    for contract in &contracts {
        world.apply_all(contract).await;
    }
    for (side, contract) in SIDES.into_iter().zip(&contracts) {
        let (_, shown) = side.agreed(&world, name(&contract.product)).await;
        if !shown.secret.is_empty() {
            evidence.remember(&shown.secret);
        }
    }
    wrong_keys(&world, &contracts).await;
    searched(&world, &operator).await;
    for contract in &contracts {
        world.delete(Kind::Product, name(&contract.product)).await;
    }
    for contract in &contracts {
        world.gone(Kind::Product, name(&contract.product), PATIENCE * 2).await;
    }
    searched(&world, &operator).await;
}

/// Every account gets a key that signs wrongly, says so, and gets its own again.
async fn wrong_keys(world: &World, contracts: &[Contract]) {
    for contract in contracts {
        let mut wrong = contract.key.clone();
        for (field, value) in wrong["stringData"].as_object_mut().unwrap() {
            if field.to_lowercase().contains("secret") && field != "secretId" {
                *value = json!(WRONG);
            }
        }
        world.apply(&wrong).await;
        let account = name(&contract.account);
        let refused = |account: &Object| account.reason() == "CredentialsInvalid";
        world.object_until(Kind::Account, account, "its key refused", PATIENCE, refused).await;
        world.apply(&contract.key).await;
        world.object_until(Kind::Account, account, "Ready", PATIENCE * 2, Object::is_available).await;
    }
}

/// What leaves the process on other ways than its log.
async fn searched(world: &World, operator: &Operator) {
    let needles = Needles::of(&world.evidence().secrets());
    let mut places = vec![
        ("Events", world.kubectl(&["get", "events", "--output", "yaml"], "")),
        ("metrics", operator.page("/metrics").await.unwrap()),
    ];
    for kind in [Kind::Product, Kind::Account] {
        places.extend(world.list(kind).await.into_iter().map(|object| ("an object", object.0.to_string())));
    }
    for file in ["environ", "cmdline"] {
        let bytes = fs::read(format!("/proc/{}/{file}", operator.id())).unwrap();
        assert!(!bytes.is_empty());
        places.push((file, String::from_utf8_lossy(&bytes).into_owned()));
    }
    for (place, text) in places {
        assert_eq!(needles.in_lines(&text), [""; 0], "{place}");
    }
}
