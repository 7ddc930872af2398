//! Moments that a vendor names: when to come back, and what time it is.

use std::sync::Arc;

use iot_test_harness::{Kind, Object, PATIENCE, until};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::answers::{FORMS, Form};
use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::world::World;

attacks!(Shared { a_moment_to_come_back_that_is_none, no_request_is_signed_for_a_day_that_a_vendor_names });

/// Values of `Retry-After`: beyond every clock, a year, in the year 2100, and what is no number.
const MOMENTS: [&str; 5] =
    ["18446744073709551615", "31536000", "Fri, 01 Jan 2100 00:00:00 GMT", "-5", "9999999999999999999999"];

async fn a_moment_to_come_back_that_is_none(world: Arc<World>) {
    let operator = world.operator(&[]).await;
    let mut doubles = Vec::new();
    for (at, form) in FORMS.into_iter().enumerate() {
        for (number, moment) in MOMENTS.into_iter().enumerate() {
            let double = Double::start(move |ask: &Ask| {
                let refused = match form.error(throttled(form), "slowly") {
                    Answer::Now { body, headers, .. } => Answer::Now { status: 429, headers, body },
                    other => other,
                };
                match ask.action.as_str() {
                    "CreateProduct" => refused.header("retry-after", moment),
                    _ if ask.nth == 0 => refused.header("retry-after", moment),
                    _ => form.empty(ask),
                }
            });
            let contract = form.contract(&double);
            let mut account = contract.account.clone();
            account["metadata"]["name"] = json!(format!("account-{at}-{number}"));
            world.mallory.receive(&contract.key).await;
            world.mallory.apply(&account).await;
            doubles.push((format!("account-{at}-{number}"), double));
        }
    }
    for (account, _) in &doubles {
        let said = |object: &Object| !object.reason().is_empty();
        world.mallory.until(Kind::Account, account, "a word", said).await;
    }
    let page = operator.page("/metrics").await.expect("the metrics");
    assert!(!page.contains("iot_operator_panics_total{"), "a visit panicked:\n{page}");
}

fn throttled(form: Form) -> &'static str {
    match form {
        Form::Tencent => "RequestLimitExceeded",
        Form::Huawei => "APIG.0308",
    }
}

/// The vendor's clock is believed for as much as clocks differ, and not for a day to come.
async fn no_request_is_signed_for_a_day_that_a_vendor_names(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    for (form, far) in
        FORMS.into_iter().zip(["Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"])
    {
        let double = Double::start(move |ask: &Ask| form.empty(ask).header("date", far));
        let contract = form.contract(&double);
        world.mallory.receive(&contract.key).await;
        world.mallory.apply(&contract.account).await;
        world.mallory.apply(&contract.product).await;
        let account = crate::tenant::name(&contract.account);
        let said = |object: &Object| !object.reason().is_empty();
        world.mallory.until(Kind::Account, account, "a word", said).await;
        // Some signatures more.
        for limit in [5, 6, 7] {
            let limits = json!({"spec": {"limits": {"requestsPerSecond": {"default": limit}}}});
            world.mallory.edit(Kind::Account, account, limits).await;
            let requested =
                json!({"metadata": {"annotations": {crate::world::CHECK_NOW: limit.to_string()}}});
            world.mallory.edit(Kind::Account, account, requested).await;
            world.mallory.until(Kind::Account, account, "its edit seen", Object::is_current).await;
        }
        until("three signed requests", PATIENCE, async || {
            let signed = double.seen().iter().filter_map(|text| signed_at(text)).count();
            if signed >= 3 { Ok(()) } else { Err(format!("{signed} signed requests")) }
        })
        .await;
        let now = Timestamp::now();
        let (least, most) = (now - SignedDuration::from_hours(25), now + SignedDuration::from_hours(25));
        for at in double.seen().iter().filter_map(|text| signed_at(text)) {
            assert!(least < at && at < most, "{form:?}: signed for {at}");
        }
    }
}

/// The moment for which a request was signed.
fn signed_at(seen: &str) -> Option<Timestamp> {
    let value = |name: &str| {
        let (_, rest) = seen.split_once(&format!("\"{name}\": \""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    if let Some(seconds) = value("x-tc-timestamp") {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    // 20260101T000000Z
    let date = value("x-sdk-date")?;
    let date = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    date.parse().ok()
}
