//! Every kind of fault, seen from a client's side and in the call log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod client;

use client::{Client, PATIENCE, start, wait};
use iot_simulator::{Admin, AdminError, Call, CallState, Config, Fault, Garbage, Rule, Simulator, When};
use serde_json::json;

fn begin(rule: Rule) -> (Simulator, Admin, Client) {
    let simulator = start(Config::default());
    let admin = simulator.admin();
    admin.add_fault(rule);
    let client = Client::new(&simulator);
    (simulator, admin, client)
}

fn lamps(admin: &Admin) -> usize {
    admin.tencent().products_named("default", "lamp").unwrap().len()
}

fn last(admin: &Admin) -> Call {
    admin.calls().pop().unwrap()
}

fn lamp() -> serde_json::Value {
    json!({"ProductName": "lamp"})
}

#[test]
fn an_error_code_has_no_effect_and_is_spent_after_its_times() {
    let (_simulator, admin, client) =
        begin(Rule::on("CreateProduct", Fault::error("InternalError.DBOperationError")).times(1));
    assert_eq!(client.code("CreateProduct", &lamp()), "InternalError.DBOperationError");
    assert_eq!(lamps(&admin), 0);
    assert_eq!(client.code("CreateProduct", &lamp()), "OK");
    assert_eq!(lamps(&admin), 1);
    assert_eq!(admin.faults()[0].used, 1);
}

#[test]
fn throttling_is_the_vendors_error() {
    let (_simulator, admin, client) = begin(Rule::any(Fault::Throttle));
    assert_eq!(client.code("DescribeProducts", &json!({"Offset": 0, "Limit": 10})), "RequestLimitExceeded");
    assert_eq!(last(&admin).code.as_deref(), Some("RequestLimitExceeded"));
}

#[test]
fn a_status_comes_without_or_with_the_effect() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::status_before(503)).times(1));
    let retry = Fault::Status { status: 502, when: When::After, retry_after: Some("7".to_owned()) };
    admin.add_fault(Rule::on("CreateProduct", retry).times(1));
    let answer = client.call("CreateProduct", &lamp());
    assert_eq!((answer.status, lamps(&admin)), (503, 0));
    assert_eq!(last(&admin).code.as_deref(), Some("HTTP503"));
    let answer = client.call("CreateProduct", &lamp());
    assert_eq!((answer.status, lamps(&admin)), (502, 1));
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert!(!String::from_utf8(answer.body).unwrap().contains("Response"));
    let call = last(&admin);
    assert_eq!((call.status, call.code.as_deref(), call.applied), (Some(502), Some("OK"), true));
}

#[test]
fn a_cut_connection_comes_without_or_with_the_effect() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::drop_before()).times(1));
    admin.add_fault(Rule::on("CreateProduct", Fault::drop_after()).times(1));
    assert!(client.begin("CreateProduct", &lamp()).answer().is_none());
    assert_eq!(lamps(&admin), 0);
    assert_eq!((last(&admin).state, last(&admin).code.as_deref()), (CallState::Cut, Some("Cut")));
    assert!(client.begin("CreateProduct", &lamp()).answer().is_none());
    assert_eq!(lamps(&admin), 1);
    assert_eq!((last(&admin).state, last(&admin).applied), (CallState::Cut, true));
    assert_eq!(client.code("CreateProduct", &lamp()), "InvalidParameterValue.ProductAlreadyExist");
}

#[test]
fn a_late_delivery_has_its_effect_after_the_cut() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::late(50)).times(1));
    admin.add_fault(Rule::on("CreateProduct", Fault::late(3_600_000)));
    assert!(client.begin("CreateProduct", &lamp()).answer().is_none());
    assert_eq!(wait(admin.wait_calls("CreateProduct", 1, PATIENCE)), Ok(1));
    assert_eq!(lamps(&admin), 1);
    assert_eq!((last(&admin).state, last(&admin).applied), (CallState::Cut, true));

    let meter = json!({"ProductName": "meter"});
    assert!(client.begin("CreateProduct", &meter).answer().is_none());
    assert_eq!((last(&admin).state, last(&admin).code), (CallState::Cut, None), "not yet");
    assert!(admin.tencent().products_named("default", "meter").unwrap().is_empty());
}

#[test]
fn garbage_has_the_effect_and_an_unreadable_body() {
    let (_simulator, admin, client) = begin(Rule::any(Fault::None).times(0));
    for form in [Garbage::NotJson, Garbage::TruncatedJson, Garbage::NotUtf8, Garbage::CutBody, Garbage::Empty]
    {
        admin.tencent().delete_all_products("default").unwrap();
        admin.set_faults(vec![Rule::on("CreateProduct", Fault::garbage(form))]);
        let answer = client.call("CreateProduct", &lamp());
        assert_eq!((answer.status, lamps(&admin)), (200, 1), "{form:?}");
        assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err(), "{form:?}");
        assert_eq!(String::from_utf8(answer.body.clone()).is_err(), form == Garbage::NotUtf8, "{form:?}");
        assert_eq!(answer.body.len() < answer.announced, form == Garbage::CutBody, "{form:?}");
        assert_eq!(answer.body.is_empty(), form == Garbage::Empty, "{form:?}");
    }
    admin.tencent().delete_all_products("default").unwrap();
    let before = Fault::Garbage { form: Garbage::NotJson, when: When::Before };
    admin.set_faults(vec![Rule::on("CreateProduct", before)]);
    assert_eq!(client.call("CreateProduct", &lamp()).status, 200);
    assert_eq!(lamps(&admin), 0);
}

#[test]
fn a_hanging_call_has_its_effect_when_it_is_released() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::hang()).times(1));
    let pending = client.begin("CreateProduct", &lamp());
    let call = wait(admin.wait_held("CreateProduct", PATIENCE)).unwrap();
    assert_eq!((call.state, call.code, lamps(&admin)), (CallState::Hanging, None, 0));
    assert!(admin.release(call.sequence));
    assert_eq!(pending.answer().unwrap().code(), "OK");
    assert_eq!((last(&admin).state, lamps(&admin)), (CallState::Answered, 1));
}

#[test]
fn a_client_that_leaves_a_hanging_call_prevents_its_effect() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::hang()).times(1));
    let pending = client.begin("CreateProduct", &lamp());
    let call = wait(admin.wait_held("CreateProduct", PATIENCE)).unwrap();
    pending.leave();
    assert_eq!(wait(admin.wait_calls("CreateProduct", 1, PATIENCE)), Ok(1));
    assert_eq!((last(&admin).state, last(&admin).code.as_deref()), (CallState::Left, Some("Left")));
    assert!(!admin.release(call.sequence));
    assert_eq!(lamps(&admin), 0);
}

#[test]
fn a_held_call_has_its_effect_and_its_answer_after_the_release() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::hold()).times(2));
    let pending = client.begin("CreateProduct", &lamp());
    let call = wait(admin.wait_held("CreateProduct", PATIENCE)).unwrap();
    assert_eq!((call.state, call.applied, lamps(&admin)), (CallState::Held, true, 1));
    assert_eq!(admin.count("CreateProduct"), 1);
    assert_eq!(admin.release_all(), 1);
    assert_eq!(pending.answer().unwrap().code(), "OK");

    // The client may also be killed meanwhile: the product stays, and the log shows that nobody was told.
    let killed = client.begin("CreateProduct", &json!({"ProductName": "meter"}));
    let call = wait(admin.wait_held("CreateProduct", PATIENCE)).unwrap();
    killed.leave();
    let left =
        |admin: &Admin| admin.calls_since(call.sequence).into_iter().find(|c| c.state == CallState::Left);
    let call = wait(admin.wait_for("a call that was left", PATIENCE, left)).unwrap();
    assert_eq!((call.applied, call.product_name.as_deref()), (true, Some("meter")));
    assert_eq!(admin.tencent().products_named("default", "meter").unwrap().len(), 1);
}

#[test]
fn lists_lag_but_reads_by_id_do_not() {
    let (_simulator, admin, client) = begin(Rule { list_lag_ms: Some(60_000), ..Rule::default() });
    let id = client.create("lamp");
    let listed = |client: &Client| {
        client.call("DescribeProducts", &json!({"Offset": 0, "Limit": 10})).response()["TotalCount"].clone()
    };
    assert_eq!(listed(&client), 0);
    assert_eq!(client.code("DescribeProduct", &json!({"ProductId": id})), "OK");
    admin.clear_faults();
    assert_eq!(listed(&client), 1);
    client.call("DeleteProduct", &json!({"ProductId": id})).response();
    assert_eq!(listed(&client), 0);
}

#[test]
fn a_skewed_clock_shows_in_the_date_and_moves_the_signature_window() {
    let (_simulator, _, mut client) =
        begin(Rule { clock_skew_seconds: Some(3600), ..Rule::any(Fault::None) });
    let probe = json!({"Offset": 0, "Limit": 10});
    let answer = client.call("DescribeProducts", &probe);
    assert_eq!(answer.code(), "AuthFailure.SignatureExpire");
    let date = jiff::fmt::rfc2822::parse(answer.header("date").unwrap()).unwrap().timestamp().as_second();
    assert!((3590..=3610).contains(&(date - client.now())), "{date}");
    client.skew = 3600;
    assert_eq!(client.code("DescribeProducts", &probe), "OK");
}

#[test]
fn latency_delays_the_effect_and_outlives_the_client() {
    let (_simulator, admin, client) = begin(Rule::on("CreateProduct", Fault::None).latency_ms(200));
    let begun = std::time::Instant::now();
    client.create("lamp");
    assert!(begun.elapsed().as_millis() >= 200);
    client.begin("CreateProduct", &json!({"ProductName": "meter"})).leave();
    assert_eq!(wait(admin.wait_calls("CreateProduct", 2, PATIENCE)), Ok(2));
    assert_eq!(admin.tencent().products_named("default", "meter").unwrap().len(), 1);
}

#[test]
fn rules_match_account_and_body() {
    let (_simulator, admin, client) = begin(Rule::any(Fault::Throttle).account("default").body("\"lamp\""));
    admin.tencent().put_account(iot_simulator::tencent::AccountConfig::new("other", "AKIDOTHER", "OTHERKEY"));
    let other =
        Client { secret_id: "AKIDOTHER".to_owned(), secret_key: "OTHERKEY".to_owned(), ..client.clone() };
    assert_eq!(client.code("CreateProduct", &lamp()), "RequestLimitExceeded");
    assert_eq!(client.code("CreateProduct", &json!({"ProductName": "lamp2"})), "OK");
    assert_eq!(other.code("CreateProduct", &lamp()), "OK");
}

#[test]
fn a_wait_in_vain_ends() {
    let (_simulator, admin, _) = begin(Rule::any(Fault::None));
    let waited = wait(admin.wait_calls("CreateProduct", 1, std::time::Duration::from_millis(20)));
    assert!(matches!(waited, Err(AdminError::TimedOut { waited_ms: 20, .. })), "{waited:?}");
}

#[test]
fn dropping_the_simulator_cuts_held_calls() {
    let (simulator, admin, client) = begin(Rule::any(Fault::hold()));
    let pending = client.begin("CreateProduct", &lamp());
    wait(admin.wait_held("CreateProduct", PATIENCE)).unwrap();
    drop(simulator);
    assert!(pending.answer().is_none());
    assert!(std::net::TcpStream::connect(client.address).is_err());
}

#[test]
fn settings_hold_for_calls_that_no_rule_strikes() {
    let (_simulator, admin, mut client) = begin(Rule::on("DeleteProduct", Fault::Throttle));
    client.create("lamp");
    admin.edit_settings(|settings| {
        settings.clock_skew_seconds = -3600;
        settings.list_lag_ms = 60_000;
    });
    let probe = json!({"Offset": 0, "Limit": 10});
    assert_eq!(client.code("DescribeProducts", &probe), "AuthFailure.SignatureExpire");
    client.skew = -3600;
    assert_eq!(client.call("DescribeProducts", &probe).response()["TotalCount"], 0);
    admin.edit_settings(|settings| settings.list_lag_ms = 0);
    assert_eq!(client.call("DescribeProducts", &probe).response()["TotalCount"], 1);
}
