//! The client against the simulated vendor, which checks what a fixed answer cannot: signature, token,
//! parameters, full replacement.

use iot_simulator::huawei::{HuaweiQuirks, Key as VendorKey, Product};
use iot_simulator::{Config, Fault, Quota, Rule, Settings as VendorSettings, Simulator};
use secrecy::ExposeSecret;

use super::*;

const ACCESS_KEY: &str = "QTWAOYTTINDUT2QVKYUC";
const SECRET_KEY: &str = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";

async fn simulator() -> Simulator {
    let settings = VendorSettings { quota: Quota::off(), ..VendorSettings::default() };
    Simulator::start(Config { settings, ..Config::default() }).await.unwrap()
}

fn signed(secret_key: &str, attempts: &Arc<Attempts>) -> Credentials {
    Credentials::AccessKey {
        access_key: ACCESS_KEY.into(),
        secret_key: secret_key.into(),
        security_token: None,
        attempts: Arc::clone(attempts),
    }
}

fn with(simulator: &Simulator, credentials: Credentials) -> Huawei {
    Huawei::new(Settings {
        project_id: "397cd10b30544c588b2f4a56d83856c4".into(),
        instance_id: "f3bb386a-23ec-47aa-9943-4c60ac658611".into(),
        credentials,
        ..settings(Url::parse(&simulator.url()).unwrap())
    })
}

fn of(simulator: &Simulator) -> Huawei {
    with(simulator, signed(SECRET_KEY, &Arc::new(Attempts::signing())))
}

fn by_password(simulator: &Simulator) -> Huawei {
    with(
        simulator,
        Credentials::Password {
            iam_endpoint: Some(Url::parse(&simulator.url()).unwrap()),
            domain_name: "acme".into(),
            user_name: "iot-operator".into(),
            password: "Pa55-word-of-iam".into(),
            attempts: Arc::new(Attempts::login()),
        },
    )
}

fn gateway() -> CreateRequest {
    let mut request = create_request();
    let text = |text: &str| Value::Text(text.into());
    request.name = "路灯-gateway_01".into();
    request.description = format!("{} [iotp:0123456789ab.01234567]", "d".repeat(170));
    request.fields.insert("huawei.appId", text("a1503e51-46f7-4d23-8617-7cb2d28dde98"));
    request.fields.insert("nodeType", text("Gateway"));
    request.fields.insert("huawei.version", text("v1"));
    request
}

fn set(fields: &[(&'static str, &str)]) -> Changes {
    let set: Fields = fields.iter().map(|(field, text)| (*field, Value::Text((*text).into()))).collect();
    Changes { desired: set.clone(), set, observed: Fields::new() }
}

#[tokio::test]
async fn a_product_lives_its_whole_life_with_a_key_and_with_a_token() {
    let simulator = simulator().await;
    let vendor = simulator.admin().huawei();
    for client in [of(&simulator), by_password(&simulator)] {
        let request = gateway();
        let id = create(&client, &request).await.unwrap();
        let error = create(&client, &request).await.unwrap_err();
        assert_eq!((error.class, error.effect), (Class::Exists, Effect::Refused));
        let product = client.read(&id, call()).await.unwrap();
        assert_eq!((&product.name, &product.description), (&request.name, &request.description));
        let mut shown = product.fields.clone();
        assert!(shown.remove("huawei.userName").is_some());
        assert_eq!(shown, client.created(&request));

        let password = SecretString::from("aA0-of-the-lamp-gateway-01");
        client.set_password(product.target(), Some("lamp-gateway-01"), &password, call()).await.unwrap();
        let held = vendor.product("default", &id).unwrap();
        assert_eq!(
            (held.user_name.as_str(), held.password.as_str()),
            ("lamp-gateway-01", password.expose_secret())
        );

        let changes = set(&[("name", "renamed"), ("huawei.userName", "lamp-gateway-02")]);
        client.update(product.target(), &changes, call()).await.unwrap();
        let renamed = client.list(call()).await.unwrap().remove(0);
        assert_eq!((renamed.name.as_str(), &renamed.description), ("renamed", &product.description));
        let mut expected = product.fields.clone();
        expected.insert("huawei.userName", Value::Text("lamp-gateway-02".into()));
        assert_eq!(renamed.fields, expected, "nothing else was reset");
        let held = vendor.product("default", &id).unwrap();
        assert_eq!((held.password_changes, held.password.as_str()), (1, password.expose_secret()));

        vendor.set_devices("default", &id, 3).unwrap();
        assert_eq!(client.devices(&id, call()).await.unwrap(), 3);
        let held = client.delete(renamed.target(), &BTreeMap::new(), call()).await.unwrap_err();
        assert_eq!((held.class, held.effect), (Class::Blocked, Effect::NotSent), "{held}");
        vendor.set_devices("default", &id, 0).unwrap();
        client.delete(renamed.target(), &BTreeMap::new(), call()).await.unwrap();
        let gone = client.delete(renamed.target(), &BTreeMap::new(), call()).await.unwrap_err();
        assert!(gone.is_not_found() && client.devices(&id, call()).await.unwrap_err().is_not_found());
    }
}

#[tokio::test]
async fn a_cut_create_is_unclear_and_may_be_doubled_where_names_are_not_unique() {
    let simulator = simulator().await;
    let client = of(&simulator);
    for (unique_names, products) in [(true, 1), (false, 3)] {
        let quirks = HuaweiQuirks { unique_names, ..HuaweiQuirks::default() };
        simulator.admin().edit_settings(|settings| settings.huawei = quirks);
        simulator.admin().set_faults(vec![Rule::on("CreateProduct", Fault::drop_after()).times(1)]);
        let first = create(&client, &gateway()).await.unwrap_err();
        let second = create(&client, &gateway()).await;
        assert!(first.is_unclear(), "{first}");
        assert_eq!(second.is_ok(), !unique_names);
        assert_eq!(client.list(call()).await.unwrap().len(), products);
    }
}

#[tokio::test]
async fn a_wrong_secret_never_locks_the_key_and_the_right_one_heals_at_once() {
    let simulator = simulator().await;
    let vendor = simulator.admin().huawei();
    let attempts = Arc::new(Attempts::signing());
    for _ in 0..10 {
        let client = with(&simulator, signed("WRONG", &attempts));
        let error = client.list(call()).await.unwrap_err();
        assert_eq!(error.class, Class::Credentials);
    }
    assert_eq!((vendor.failures(ACCESS_KEY), vendor.was_locked(ACCESS_KEY)), (3, false));
    with(&simulator, signed(SECRET_KEY, &attempts)).list(call()).await.unwrap();
    assert_eq!(vendor.failures(ACCESS_KEY), 0);
}

#[tokio::test]
async fn a_key_that_is_taken_away_under_many_calls_is_not_locked_either() {
    let simulator = simulator().await;
    let vendor = simulator.admin().huawei();
    let client = of(&simulator);
    client.list(call()).await.unwrap();
    vendor.set_keys("default", vec![VendorKey::new(ACCESS_KEY, "rotated")]).unwrap();
    let calls = futures::future::join_all((0..20).map(|_| client.list(call()))).await;
    assert!(calls.iter().all(|call| call.as_ref().is_err_and(|error| error.class == Class::Credentials)));
    assert_eq!((vendor.failures(ACCESS_KEY), vendor.was_locked(ACCESS_KEY)), (3, false));
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_the_call_is_made() {
    let simulator = simulator().await;
    let client = by_password(&simulator);
    client.list(call()).await.unwrap();
    assert_eq!(simulator.admin().huawei().revoke_tokens("default"), Ok(1));
    create(&client, &gateway()).await.unwrap();
    assert_eq!(simulator.admin().count("KeystoneCreateUserTokenByPassword"), 2);
    assert_eq!(simulator.admin().huawei().product_count("default"), Ok(1));
}

#[tokio::test]
async fn wrong_instances_quotas_and_hidden_names_are_what_they_are() {
    let simulator = simulator().await;
    let (client, vendor) = (of(&simulator), simulator.admin().huawei());
    let wrong = Huawei::new(Settings {
        project_id: client.project_id.clone(),
        instance_id: "another".into(),
        credentials: signed(SECRET_KEY, &Arc::new(Attempts::signing())),
        ..settings(Url::parse(&simulator.url()).unwrap())
    });
    for error in [wrong.list(call()).await.unwrap_err(), wrong.read("7", call()).await.unwrap_err()] {
        assert_eq!((error.class, error.effect), (Class::Misconfigured, Effect::Refused), "{error}");
    }
    let mut hidden = Product::named(&gateway().name);
    hidden.app_id = "hidden".into();
    vendor.create_product("default", hidden).unwrap();
    assert!(client.list(call()).await.unwrap().is_empty());
    assert_eq!(
        create(&client, &gateway()).await.unwrap_err().class,
        Class::Exists,
        "taken by what is not seen"
    );
    let error = create(&client, &create_request()).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Spec, Effect::Refused), "no such application: {error}");
    vendor.edit_account("default", |account| account.instances[0].product_limit = 1).unwrap();
    let error = create(&client, &CreateRequest { name: "other".into(), ..gateway() }).await.unwrap_err();
    assert_eq!((error.class, error.effect), (Class::Quota, Effect::Refused));
}
