//! The client against the simulated vendor, which checks what a fixed answer cannot: signature, nonce,
//! parameters.

use iot_simulator::tencent_legacy::Quirks;
use iot_simulator::{Config, Fault, Quota, Rule, Settings as VendorSettings, Simulator};

use super::*;

async fn simulator() -> Simulator {
    let settings = VendorSettings { quota: Quota::off(), ..VendorSettings::default() };
    Simulator::start(Config { settings, ..Config::default() }).await.unwrap()
}

fn of(simulator: &Simulator) -> TencentLegacy {
    TencentLegacy::new(settings(Url::parse(&simulator.url()).unwrap()))
}

#[tokio::test]
async fn a_product_lives_its_whole_life() {
    let simulator = simulator().await;
    let (client, vendor) = (of(&simulator), simulator.admin().tencent_legacy());
    let odd =
        Quirks { full_width_parentheses: true, no_code_desc: true, text_code: true, ..Quirks::default() };
    for quirks in [Quirks::default(), odd] {
        simulator.admin().edit_settings(|settings| settings.tencent_legacy = quirks);
        let request = create_request();
        let id = create(&client, &request).await.unwrap();
        let error = create(&client, &request).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Exists, Effect::Refused));
        let product = client.read(&id, call()).await.unwrap();
        assert_eq!((&product.name, &product.description), (&request.name, &request.description));
        // A list shows no format; everything else is as a create says that it is.
        let mut created = client.created(&request);
        created.remove("dataFormat");
        assert_eq!(product.fields, created);
        vendor.set_devices("legacy", &id, 3).unwrap();
        assert_eq!(client.devices(&id, call()).await.unwrap(), 3);
        let inputs = BTreeMap::new();
        let error = client.delete(product.target(), &inputs, call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Blocked, Effect::Refused));
        vendor.set_devices("legacy", &id, 0).unwrap();
        client.delete(product.target(), &inputs, call()).await.unwrap();
        assert!(client.delete(product.target(), &inputs, call()).await.unwrap_err().is_not_found());
        assert!(client.devices(&id, call()).await.unwrap_err().is_not_found());
        assert!(client.read(&id, call()).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_cut_create_is_unclear_and_its_name_is_taken_then() {
    let simulator = simulator().await;
    let client = of(&simulator);
    simulator.admin().add_fault(Rule::on("CreateProduct", Fault::drop_after()).times(1));
    let error = create(&client, &create_request()).await.unwrap_err();
    assert!(error.is_unclear(), "{error}");
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!(error.class, Class::Exists);
    assert_eq!(client.list(call()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_keys_and_refused_values_are_what_they_are() {
    let simulator = simulator().await;
    let url = Url::parse(&simulator.url()).unwrap();
    let with = |settings| TencentLegacy::new(settings);
    let clients = [
        with(Settings { secret_key: "WRONG".into(), ..settings(url.clone()) }),
        with(Settings { secret_id: "AKIDUNKNOWN".into(), ..settings(url.clone()) }),
        with(Settings { token: Some("stray".into()), ..settings(url.clone()) }),
    ];
    for client in clients {
        let error = client.list(call()).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Credentials, Effect::Refused), "{error}");
    }
    let request = CreateRequest { name: "room thermostat".into(), ..create_request() };
    let error = create(&of(&simulator), &request).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Spec, Effect::Refused), "{error}");
    simulator.admin().tencent_legacy().set_product_limit("legacy", 0).unwrap();
    let error = create(&of(&simulator), &create_request()).await.unwrap_err();
    assert_eq!(error.class, Class::Quota, "{error}");
    simulator.admin().tencent_legacy().suspend("legacy", true).unwrap();
    let error = create(&of(&simulator), &create_request()).await.unwrap_err();
    assert_eq!(error.class, Class::AccountSuspended, "{error}");
}
