use super::*;

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn listed(pairs: &[(&str, &str)]) -> Say {
    let entries: Vec<_> = pairs.iter().map(|(k, v)| json!({"TagKey": k, "TagValue": v})).collect();
    response(json!({"Data": {"ProductTag": entries}}))
}

fn wish(want: &[(&str, &str)], have: Option<&[(&str, &str)]>) -> Changes {
    let observed = have.map(|have| (TAGS, Value::Map(tags(have)))).into_iter().collect();
    Changes { set: Fields::from([(TAGS, Value::Map(tags(want)))]), desired: Fields::new(), observed }
}

#[tokio::test]
async fn tags_of_a_fresh_product_are_one_call() {
    let server = Server::start(|_| response(json!({}))).await;
    let changes = wish(&[("env", "prod"), ("zone", "1")], Some(&[]));
    client(&server).update(Target::id("A"), &changes, call()).await.unwrap();
    assert_eq!(actions(&server), ["CreateProductTags"]);
    let sent = parameters(&server.seen()[0]);
    assert_eq!(
        (sent["ProductTag.1.TagKey"].as_str(), sent["ProductTag.1.TagValue"].as_str()),
        ("env", "prod")
    );
    assert_eq!(sent["ProductTag.2.TagKey"], "zone");
}

#[tokio::test]
async fn what_is_there_with_another_value_is_updated_and_what_is_right_is_not_sent() {
    let server = Server::start(|_| response(json!({}))).await;
    let changes =
        wish(&[("a", "1"), ("b", "2"), ("c", "3")], Some(&[("a", "1"), ("b", "x"), ("theirs", "y")]));
    client(&server).update(Target::id("A"), &changes, call()).await.unwrap();
    assert_eq!(actions(&server), ["CreateProductTags", "UpdateProductTags"]);
    let sent = server.seen();
    assert_eq!(parameters(&sent[0])["ProductTag.1.TagKey"], "c");
    assert_eq!(parameters(&sent[1])["ProductTag.1.TagKey"], "b");
}

#[tokio::test]
async fn tags_that_are_not_known_are_listed_first() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "ListProductTags" => listed(&[("env", "test")]),
        _ => response(json!({})),
    })
    .await;
    client(&server).update(Target::id("A"), &wish(&[("env", "prod")], None), call()).await.unwrap();
    assert_eq!(actions(&server), ["ListProductTags", "UpdateProductTags"]);
}

#[tokio::test]
async fn tags_that_changed_since_they_were_seen_are_listed_and_split_anew() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "ListProductTags" => listed(&[("env", "test")]),
        "CreateProductTags" => refusal("iot.prod.QueryExtendPropertyFailed"),
        _ => response(json!({})),
    })
    .await;
    client(&server).update(Target::id("A"), &wish(&[("env", "prod")], Some(&[])), call()).await.unwrap();
    assert_eq!(actions(&server), ["CreateProductTags", "ListProductTags", "UpdateProductTags"]);
}

#[tokio::test]
async fn tags_that_are_as_seen_and_refused_are_a_refusal() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "ListProductTags" => listed(&[]),
        _ => refusal("iot.common.InvalidFormattedParameter"),
    })
    .await;
    let error = client(&server)
        .update(Target::id("A"), &wish(&[("env", "prod")], Some(&[])), call())
        .await
        .unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Spec, Effect::Refused));
    assert_eq!(actions(&server), ["CreateProductTags", "ListProductTags"]);
}

#[tokio::test]
async fn tags_are_read_only_when_they_are_managed_and_not_known() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "ListProductTags" => listed(&[("env", "prod")]),
        _ => response(json!({"Data": product("A")})),
    })
    .await;
    let client = client(&server);
    let read = client.read("A", call()).await.unwrap();
    let unmanaged = client.complete(read.clone(), &Fields::new(), call()).await.unwrap();
    assert_eq!((unmanaged.fields.get(TAGS), actions(&server).len()), (None, 1));
    let managed = Fields::from([(TAGS, Value::Map(tags(&[("env", "prod")])))]);
    let complete = client.complete(read, &managed, call()).await.unwrap();
    assert_eq!(complete.fields[TAGS], Value::Map(tags(&[("env", "prod")])));
    client.complete(complete, &managed, call()).await.unwrap();
    assert_eq!(actions(&server), ["QueryProduct", "ListProductTags"]);
}

#[tokio::test]
async fn a_failure_after_the_first_call_of_an_update_is_unclear() {
    let server = Server::start(|seen| match action(seen).as_str() {
        "UpdateProduct" => response(json!({})),
        "ListProductTags" => listed(&[]),
        _ => refusal("iot.common.InvalidFormattedParameter"),
    })
    .await;
    let text = |text: &str| Value::Text(text.into());
    let set = Fields::from([
        ("name", text("n")),
        ("description", text("d")),
        (TAGS, Value::Map(tags(&[("a", "b")]))),
    ]);
    let changes = Changes { set, ..wish(&[], Some(&[])) };
    let error = client(&server).update(Target::id("A"), &changes, call()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Spec, Effect::Unclear));
}
