use secrecy::ExposeSecret;

use super::*;

/// A vendor with one product, which takes every change.
async fn holder() -> Server {
    Server::start(|seen| match seen.method {
        Method::DELETE => Say::with(204, &[], ""),
        _ if seen.target.ends_with("/devices-summary") => say(200, &json!({"summary": 0})),
        _ => say(200, &lamp()),
    })
    .await
}

fn set(fields: &[(&'static str, &str)]) -> Changes {
    let set: Fields = fields.iter().map(|(field, text)| (*field, Value::Text((*text).into()))).collect();
    Changes { desired: set.clone(), set, observed: Fields::new() }
}

fn target(serial: &str) -> Target<'_> {
    Target { id: ID, serial: Some(serial) }
}

#[tokio::test]
async fn an_update_reads_merges_and_puts_everything_back() {
    let server = holder().await;
    let changes = set(&[("name", "bulb"), ("description", "mine [iotp:0123456789ab.01234567]")]);
    assert!(client(&server).update(target("S1"), &changes, call()).await.unwrap().is_none());
    assert_eq!(arrived(&server), [format!("GET /products/{ID}"), format!("PUT /products/{ID}")]);
    let expected = json!({
        "name": "bulb", "manufacturer_id": "acme01", "manufacturer_name": "Acme", "model": "SL.100",
        "device_type": "Default", "description": "mine [iotp:0123456789ab.01234567]", "version": "v1"
    });
    assert_eq!(server.seen()[1].json(), expected);
    assert_eq!(server.seen()[1].header("authorization"), expected_authorization(&server.seen()[1]));
}

#[tokio::test]
async fn a_user_name_is_set_alone_and_nothing_is_sent_for_what_is_there_already() {
    let server = holder().await;
    let client = client(&server);
    client.update(target("S1"), &set(&[("huawei.userName", "lamp-user-2")]), call()).await.unwrap();
    let same = set(&[("huawei.userName", "lamp-user-1"), ("name", "lamp")]);
    client.update(Target::id(ID), &same, call()).await.unwrap();
    let (read, put) = (format!("GET /products/{ID}"), format!("PUT /products/{ID}/authentication"));
    assert_eq!(arrived(&server), [read.clone(), put, read]);
    assert_eq!(server.seen()[1].json(), json!({"user_name": "lamp-user-2"}));
}

#[tokio::test]
async fn a_password_is_set_with_or_without_a_user_name_and_never_empty() {
    let server = holder().await;
    let client = client(&server);
    let password = SecretString::from("Pa55-word~16chars");
    client.set_password(target("S1"), Some("lamp-user-2"), &password, call()).await.unwrap();
    client.set_password(Target::id(ID), None, &password, call()).await.unwrap();
    client.set_password(Target::id(ID), Some(""), &password, call()).await.unwrap();
    let (read, put) = (format!("GET /products/{ID}"), format!("PUT /products/{ID}/authentication"));
    assert_eq!(arrived(&server), [read, put.clone(), put.clone(), put]);
    let bodies: Vec<Json> = server.seen().iter().skip(1).map(Seen::json).collect();
    assert_eq!(bodies[0], json!({"user_name": "lamp-user-2", "password": password.expose_secret()}));
    assert_eq!(bodies[1], json!({"password": password.expose_secret()}));
    assert_eq!(bodies[2], bodies[1]);
    for user in [None, Some(""), Some("lamp-user-2")] {
        let error = client.set_password(Target::id(ID), user, &"".into(), call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Spec, Effect::NotSent));
    }
    assert_eq!(server.seen().len(), 4, "an empty request has the vendor make a new password");
}

#[tokio::test]
async fn a_delete_looks_for_devices_and_for_the_serial_if_it_is_known() {
    let server = holder().await;
    let client = client(&server);
    client.delete(Target::id(ID), &BTreeMap::new(), call()).await.unwrap();
    client.delete(target("S1"), &BTreeMap::new(), call()).await.unwrap();
    let (read, delete) = (format!("GET /products/{ID}"), format!("DELETE /products/{ID}"));
    let devices = format!("{read}/devices-summary");
    assert_eq!(arrived(&server), [devices.clone(), delete.clone(), read, devices, delete]);
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.header("authorization") == expected_authorization(seen)));
}

#[tokio::test]
async fn a_product_with_devices_or_an_unknown_number_of_them_is_not_deleted() {
    for (summary, class) in [(json!({"summary": 1}), Class::Blocked), (json!({}), Class::Unavailable)] {
        let server = Server::start(move |_| say(200, &summary)).await;
        let error = client(&server).delete(Target::id(ID), &BTreeMap::new(), call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (class, Effect::NotSent), "{error}");
        assert_eq!(arrived(&server), [format!("GET /products/{ID}/devices-summary")]);
    }
}

#[tokio::test]
async fn another_serial_is_another_product_and_is_left_alone() {
    let server = holder().await;
    let client = client(&server);
    let password = SecretString::from("Pa55-word~16chars");
    for error in [
        client.update(target("S0"), &set(&[("name", "bulb")]), call()).await.unwrap_err(),
        client.update(target("S0"), &set(&[("huawei.userName", "lamp-user-2")]), call()).await.unwrap_err(),
        client.set_password(target("S0"), None, &password, call()).await.unwrap_err(),
        client.delete(target("S0"), &BTreeMap::new(), call()).await.unwrap_err(),
    ] {
        assert!(error.is_not_found() && error.effect == Effect::NotSent, "{error}");
        assert!(error.message.contains("S1") && error.message.contains("S0"), "{error}");
    }
    assert!(server.seen().iter().all(|seen| seen.method == Method::GET));
}

#[tokio::test]
async fn a_read_that_fails_before_a_change_leaves_nothing_unclear() {
    let hidden = Server::start(|_| {
        let mut product = lamp();
        product.as_object_mut().unwrap().remove("product_serial");
        say(200, &product)
    });
    let down = Server::start(|_| Say::with(502, &[], "<html>"));
    for server in [hidden.await, down.await] {
        let client = client(&server);
        for error in [
            client.update(target("S1"), &set(&[("name", "bulb")]), call()).await.unwrap_err(),
            client.set_password(target("S1"), None, &"Pa55-word~16chars".into(), call()).await.unwrap_err(),
            client.delete(target("S1"), &BTreeMap::new(), call()).await.unwrap_err(),
        ] {
            assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::NotSent), "{error}");
        }
        assert!(server.seen().iter().all(|seen| seen.method == Method::GET));
    }
}

#[tokio::test]
async fn an_update_that_stops_half_way_is_unclear() {
    let server = Server::start(|seen| {
        if seen.target.ends_with("/authentication") {
            return refusal(403, "ROMA.00110008", "no right");
        }
        say(200, &lamp())
    })
    .await;
    let client = client(&server);
    let user = ("huawei.userName", "lamp-user-2");
    for (changes, effect) in
        [(set(&[user]), Effect::Refused), (set(&[user, ("name", "bulb")]), Effect::Unclear)]
    {
        let error = client.update(Target::id(ID), &changes, call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Permission, effect));
    }
}

#[tokio::test]
async fn what_cannot_be_changed_or_was_not_shown_is_not_sent() {
    let server = Server::start(|_| {
        let mut product = lamp();
        product["device_type"] = Json::Null;
        say(200, &product)
    })
    .await;
    let client = client(&server);
    let error = client.update(Target::id(ID), &set(&[("huawei.appId", "b")]), call()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Spec, Effect::NotSent));
    let error = client.update(Target::id(ID), &set(&[("name", "bulb")]), call()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::NotSent));
    assert!(error.message.contains("device_type"), "{error}");
    assert!(server.seen().iter().all(|seen| seen.method == Method::GET));
}
