//! Texts of a vendor or a tenant in conditions, logs and on a terminal: one line, of bounded length, without anything
//! that a terminal would carry out.

use std::process::Command;
use std::sync::Arc;

use iot_test_harness::{Kind, Object};
use serde_json::json;

use crate::answers::FORMS;
use crate::double::{Ask, Double};
use crate::session::attacks;
use crate::tenant::name;
use crate::world::World;

attacks!(
    Shared {
        a_code_is_one_short_line_in_conditions_and_logs,
    }
    Own {
        nothing_of_a_tenant_reaches_the_terminal_of_an_admin,
    }
);

/// No message is longer.
const LONGEST_MESSAGE: usize = 2_048;
/// What a vendor would like to have in a log.
const FORGED: &str = "2026-01-01T00:00:00Z ERROR forged: the key was stolen";

/// Codes that are none, in both forms.
fn odd_codes() -> [String; 3] {
    [
        format!("Odd\n{FORGED}\r\n"),
        "Odd\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\u{0085}".to_owned(),
        // Shorter than what is not read at all.
        "Odd".repeat(15_000),
    ]
}

fn plain(object: &Object) {
    let conditions =
        object.0.pointer("/status/conditions").and_then(|list| list.as_array()).expect("conditions");
    for condition in conditions {
        let message = condition["message"].as_str().unwrap_or_default();
        assert!(message.len() <= LONGEST_MESSAGE, "{} characters: {:.200}", message.len(), message);
        let odd = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!message.chars().any(odd), "{message:?}");
    }
}

async fn a_code_is_one_short_line_in_conditions_and_logs(world: Arc<World>) {
    let _operator = world.operator(&[("log-format", "human"), ("log", "debug")]).await;
    for (at, form) in FORMS.into_iter().enumerate() {
        for (number, code) in odd_codes().into_iter().enumerate() {
            let message = format!("odd\n{FORGED}\u{1b}[31m");
            let list = Double::start({
                let (code, message) = (code.clone(), message.clone());
                move |_: &Ask| form.error(&code, &message)
            });
            let create = Double::start(move |ask: &Ask| match ask.action.as_str() {
                "CreateProduct" => form.error(&code, &message),
                _ => form.empty(ask),
            });
            for (what, double) in [("list", &list), ("create", &create)] {
                let contract = form.contract(double);
                let own = format!("{what}-{at}-{number}");
                let (mut account, mut product) = (contract.account.clone(), contract.product.clone());
                account["metadata"]["name"] = json!(own);
                product["metadata"]["name"] = json!(own);
                product["spec"]["accountRef"]["name"] = json!(own);
                world.mallory.receive(&contract.key).await;
                world.mallory.apply(&account).await;
                world.mallory.apply(&product).await;
                let said = |object: &Object| !object.message().is_empty();
                plain(&world.mallory.until(Kind::Account, &own, "a word", said).await);
                if what == "create" {
                    double.until_asked("CreateProduct", 1).await;
                }
                plain(&world.mallory.until(Kind::Product, &own, "a word", said).await);
            }
        }
    }
    let log = world.log();
    assert!(!log.lines().any(|line| line.starts_with(FORGED)), "a line of the vendor's in the log");
    assert!(!log.contains('\u{1b}'), "control characters in the log");
    let longest = log.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 16 * 1024, "a line of {longest} bytes in the log");
}

async fn nothing_of_a_tenant_reaches_the_terminal_of_an_admin(world: Arc<World>) {
    let operator = world.operator_of_cluster(&[]).await;
    let contract = world.tencent();
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    world.mallory.apply(&contract.product).await;
    let object = world.mallory.ready(name(&contract.product)).await;
    let mut second = contract.product.clone();
    second["metadata"]["name"] = json!("second");
    second["metadata"]["finalizers"] = json!(["iot-products.io/product"]);
    second["spec"]["suspend"] = json!(true);
    let second = world.mallory.apply(&second).await;
    world.mallory.reason(Kind::Product, "second", "Suspended").await;
    drop(operator);
    for uid in [&object, &second] {
        let ledger = json!({
            "uid": uid.uid(), "connection": "c\u{1b}[2J", "name": format!("n\u{1b}]0;owned\u{7}\n{FORGED}"),
            "attempt": 9, "deadline": "2026-01-01T00:00:00Z", "state": "open",
        });
        let patch = json!({"metadata": {"annotations": {"iot-products.io/creation": ledger.to_string()}}});
        world.mallory.edit(Kind::Product, name(&uid.0), patch).await;
    }
    let output = Command::new(crate::world::program())
        .args(["release", "--all", "--force", "--kubeconfig"])
        .arg(world.plane().kubeconfig_path())
        .output()
        .expect("release runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for printed in [output.stdout, output.stderr] {
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let odd: Vec<&str> = printed
            .lines()
            .filter(|line| line.chars().any(char::is_control) || line.starts_with(FORGED))
            .collect();
        assert!(odd.is_empty(), "{odd:#?}");
    }
}
