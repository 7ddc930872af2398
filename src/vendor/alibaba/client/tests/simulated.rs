//! The client and the simulated vendor, which share no code, get along from create to delete.

use iot_simulator::{Admin, Config, Fault, Rule, Simulator};

use super::*;

fn start() -> (Simulator, Admin) {
    let simulator = Simulator::start_on_thread(Config::default()).unwrap();
    let admin = simulator.admin();
    (simulator, admin)
}

fn connect(simulator: &Simulator, signature: AlibabaSignature) -> Alibaba {
    let url = Url::parse(&format!("{}/", simulator.url())).unwrap();
    with(Settings { signature, ..settings(url) })
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn wish(name: &str) -> CreateRequest {
    let fields = Fields::from([
        ("encryption", text("Symmetric")),
        ("nodeType", text("Device")),
        ("dataFormat", text("Custom")),
        ("alibaba.aliyunCommodityCode", text("iothub_senior")),
        ("alibaba.netType", text("CELLULAR")),
        ("alibaba.validateType", text("None")),
        ("alibaba.id2", Value::Flag(false)),
        ("alibaba.publishAuto", Value::Flag(false)),
        (TAGS, Value::Map(BTreeMap::from([("env".to_owned(), "prod".to_owned())]))),
    ]);
    CreateRequest { name: name.into(), fields, ..create_request() }
}

async fn whole_life(client: &Alibaba, admin: &Admin, name: &str) {
    let request = wish(name);
    let id = create(client, &request).await.unwrap();
    let fresh = client.created(&request);

    let changes = |set: Fields| {
        let mut desired = request.fields.clone();
        desired.insert("name", text(name));
        desired.insert("description", text(&request.description));
        Changes { set, desired, observed: fresh.clone() }
    };
    let tags = Fields::from([(TAGS, request.fields[TAGS].clone())]);
    client.update(Target::id(&id), &changes(tags), call()).await.unwrap();
    let read = client.read(&id, call()).await.unwrap();
    let read = client.complete(read, &request.fields, call()).await.unwrap();
    let mut expected = fresh.clone();
    expected.insert(TAGS, request.fields[TAGS].clone());
    assert_eq!(read.fields, expected, "what is assumed of a fresh product is what the vendor shows");
    assert_eq!((read.name.as_str(), read.description.as_str()), (name, request.description.as_str()));
    assert!(client.has_secret(&read.fields) && read.secret.is_some());

    let listed = client.list(call()).await.unwrap();
    let entry = listed.iter().find(|product| product.id == id).unwrap();
    assert_eq!(entry.description, request.description, "a list shows the mark");
    assert_eq!(entry.fields["nodeType"], text("Device"));

    let renamed = format!("{name}_b");
    client.update(Target::id(&id), &changes(Fields::from([("name", text(&renamed))])), call()).await.unwrap();
    let read = client.read(&id, call()).await.unwrap();
    assert_eq!((read.name, read.description), (renamed, request.description.clone()));

    admin.alibaba().set_devices("default", &id, 2).unwrap();
    assert_eq!(client.devices(&id, call()).await.unwrap(), 2);
    let target = Target::id(&id);
    assert_eq!(client.delete(target, &BTreeMap::new(), call()).await.unwrap_err().class, Class::Blocked);
    admin.alibaba().set_devices("default", &id, 0).unwrap();
    admin.alibaba().edit_product("default", &id, |product| product.released = true).unwrap();
    assert_eq!(client.delete(target, &BTreeMap::new(), call()).await.unwrap_err().class, Class::Blocked);
    admin.alibaba().edit_product("default", &id, |product| product.released = false).unwrap();
    client.delete(target, &BTreeMap::new(), call()).await.unwrap();
    assert!(client.read(&id, call()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn both_signatures_and_both_shapes_serve_a_product_from_create_to_delete() {
    let (simulator, admin) = start();
    for (number, signature) in [AlibabaSignature::Acs3, AlibabaSignature::Rpc].into_iter().enumerate() {
        for gateway in [false, true] {
            admin.edit_settings(|settings| settings.alibaba.business_as_gateway = gateway);
            let client = connect(&simulator, signature);
            whole_life(&client, &admin, &format!("路灯_{number}_{gateway}")).await;
        }
    }
    assert_eq!(admin.alibaba().product_count("default").unwrap(), 0);
}

#[tokio::test]
async fn temporary_keys_work_in_both_signatures_and_wrong_ones_in_neither() {
    let (simulator, admin) = start();
    let key = iot_simulator::alibaba::Key::new("STS.temp", "tempsecret");
    let key = iot_simulator::alibaba::Key { security_token: Some("sts/token+value==".into()), ..key };
    admin.alibaba().edit_account("default", |config| config.keys.push(key)).unwrap();
    let url = Url::parse(&format!("{}/", simulator.url())).unwrap();
    for signature in [AlibabaSignature::Acs3, AlibabaSignature::Rpc] {
        let key = |id: &str, secret: &str, token: Option<&str>| {
            let (key_id, token) = (id.to_owned(), token.map(SecretString::from));
            with(Settings { signature, key_id, secret: secret.into(), token, ..settings(url.clone()) })
        };
        key("STS.temp", "tempsecret", Some("sts/token+value==")).list(call()).await.unwrap();
        for wrong in [
            key("STS.temp", "tempsecret", Some("old")),
            key("STS.temp", "tempsecret", None),
            key("testid", "wrong", None),
            key("unknown", "testsecret", None),
        ] {
            let error = wrong.list(call()).await.unwrap_err();
            assert_eq!((error.class, error.effect), (Class::Credentials, Effect::Refused), "{error}");
            assert!(!format!("{error} {error:?}").contains("sts/token"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn names_instances_quotas_and_bills_have_their_classes() {
    let (simulator, admin) = start();
    let client = connect(&simulator, AlibabaSignature::Acs3);
    let id = create(&client, &wish("lamp")).await.unwrap();
    assert_eq!(create(&client, &wish("lamp")).await.unwrap_err().class, Class::Exists);
    let other = with(Settings {
        instance: Some("iot-elsewhere".into()),
        ..settings(Url::parse(&format!("{}/", simulator.url())).unwrap())
    });
    assert_eq!(other.read(&id, call()).await.unwrap_err().class, Class::Misconfigured);
    admin.alibaba().set_product_limit("default", 1).unwrap();
    assert_eq!(create(&client, &wish("lamp_2")).await.unwrap_err().class, Class::Quota);
    admin.alibaba().set_overdue("default", true).unwrap();
    assert_eq!(client.read(&id, call()).await.unwrap_err().class, Class::AccountSuspended);
    admin.alibaba().set_overdue("default", false).unwrap();
    admin.add_fault(Rule::on("QueryProduct", Fault::Throttle).times(1));
    assert_eq!(client.read(&id, call()).await.unwrap_err().class, Class::Throttled);
    admin.edit_settings(|settings| settings.clock_skew_seconds = 3_600);
    assert_eq!(client.read(&id, call()).await.unwrap_err().class, Class::ClockSkew);
    client.read(&id, call()).await.unwrap();
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_unclear_and_found_by_its_mark() {
    let (simulator, admin) = start();
    let client = connect(&simulator, AlibabaSignature::Rpc);
    admin.add_fault(Rule::on("CreateProduct", Fault::drop_after()).times(1));
    let error = create(&client, &wish("lamp")).await.unwrap_err();
    assert_eq!(error.effect, Effect::Unclear);
    let listed = client.list(call()).await.unwrap();
    assert!(crate::plan::mark::find(&listed[0].description) != crate::plan::mark::Marks::None);
    assert_eq!(create(&client, &wish("lamp")).await.unwrap_err().class, Class::Exists);
}

#[tokio::test]
async fn two_hundred_products_are_a_page_and_two_hundred_and_one_are_two() {
    let (simulator, admin) = start();
    for number in 0..201 {
        let product = iot_simulator::alibaba::Product::named(&format!("lamp_{number}"));
        admin.alibaba().create_product("default", product).unwrap();
    }
    let client = connect(&simulator, AlibabaSignature::Acs3);
    assert_eq!(client.list(call()).await.unwrap().len(), 201);
    assert_eq!(admin.count("QueryProductList"), 2);
}
