use super::*;

async fn delete(shown: Json) -> (Result<(), VendorError>, Vec<String>) {
    let server = Server::start(move |seen| match action(seen).as_str() {
        "QueryProduct" => response(json!({ "Data": shown.clone() })),
        _ => response(json!({})),
    })
    .await;
    let result = client(&server).delete(Target::id("A"), &BTreeMap::new(), call()).await;
    (result, actions(&server))
}

#[tokio::test]
async fn a_product_is_looked_at_right_before_it_is_deleted() {
    let (result, actions) = delete(product("A")).await;
    result.unwrap();
    assert_eq!(actions, ["QueryProduct", "DeleteProduct"]);
}

#[tokio::test]
async fn devices_a_release_and_an_unknown_number_of_devices_hold_it() {
    let mut devices = product("A");
    devices["DeviceCount"] = 3.into();
    let mut released = product("A");
    released["ProductStatus"] = "RELEASE_STATUS".into();
    let mut unknown = product("A");
    unknown["DeviceCount"] = Json::Null;
    for (shown, class, says) in [
        (devices, Class::Blocked, "it has 3 devices"),
        (released, Class::Blocked, "cancel its release"),
        (unknown, Class::Unavailable, "DeviceCount"),
    ] {
        let (result, actions) = delete(shown).await;
        let error = result.unwrap_err();
        assert_eq!((error.class, error.effect), (class, Effect::NotSent));
        assert!(error.message.contains(says), "{error}");
        assert_eq!(actions, ["QueryProduct"]);
    }
}

#[tokio::test]
async fn a_product_that_is_gone_is_not_found_and_not_deleted_again() {
    let server = Server::start(|_| refusal("iot.prod.NotExistedProduct")).await;
    let error = client(&server).delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(actions(&server), ["QueryProduct"]);
}

#[tokio::test]
async fn a_product_that_was_just_created_may_not_be_shown_yet() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "CreateProduct" => response(json!({"ProductKey": "A"})),
        _ => refusal("iot.prod.NotExistedProduct"),
    })
    .await;
    let client = client(&server);
    create(&client, &create_request()).await.unwrap();
    let error = client.read("A", call()).await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable, "{error}");
    assert!(client.read("B", call()).await.unwrap_err().is_not_found());
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(client.read("A", call()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_fresh_product_that_was_deleted_again_is_gone_at_once() {
    let gone = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |seen| match action(seen).as_str() {
        "CreateProduct" => response(json!({"ProductKey": "A"})),
        "DeleteProduct" => {
            gone.store(true, Ordering::Relaxed);
            response(json!({}))
        }
        _ if gone.load(Ordering::Relaxed) => refusal("iot.prod.NotExistedProduct"),
        _ => response(json!({"Data": product("A")})),
    })
    .await;
    let client = client(&server);
    create(&client, &create_request()).await.unwrap();
    client.delete(Target::id("A"), &BTreeMap::new(), call()).await.unwrap();
    assert!(client.read("A", call()).await.unwrap_err().is_not_found());
}
