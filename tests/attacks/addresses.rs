//! Endpoints that are none of a vendor's IoT API. Each is refused by a rule or by the operator, and none is called.

use std::sync::Arc;

use iot_test_harness::{Kind, Object, Operator, takes};
use serde_json::{Value, json};

use crate::double::{Answer, Ask, Double};
use crate::session::attacks;
use crate::tenant::name;
use crate::world::World;

attacks!(Shared {
    only_the_iot_apis_of_the_accounts_vendor_are_allowed,
    another_port_of_an_allowed_host_is_not_allowed,
    no_form_of_an_address_is_a_way_to_loopback,
    a_redirect_is_not_followed,
    an_error_tells_nothing_of_the_network,
});

/// By vendor, with the flags that nobody has set.
const TENCENT: [&str; 10] = [
    "https://iotcloud.tencentcloudapi.com:8443",
    "https://cvm.tencentcloudapi.com",
    "https://sts.tencentcloudapi.com",
    "https://iotcloud.a.b.tencentcloudapi.com",
    "https://xiotcloud.tencentcloudapi.com",
    "https://roma.cn-north-4.myhuaweicloud.com",
    "https://iot.cn-shanghai.aliyuncs.com",
    "https://bucket.obs.cn-north-4.myhuaweicloud.com",
    "https://bucket.oss-cn-shanghai.aliyuncs.com",
    "https://iotcloud.tencentcloudapi.com.example.com",
];
const ALIBABA: [&str; 8] = [
    "https://bucket.oss-cn-shanghai.aliyuncs.com",
    "https://alb-x.cn-shanghai.alb.aliyuncs.com",
    "https://1.cn-shanghai.fc.aliyuncs.com",
    "https://iot.a.b.aliyuncs.com",
    "https://xiot.cn-shanghai.aliyuncs.com",
    "https://iot.cn-shanghai.aliyuncs.com:8443",
    "https://iotcloud.tencentcloudapi.com",
    "https://roma.cn-north-4.myhuaweicloud.com",
];
const HUAWEI: [&str; 8] = [
    "https://bucket.obs.cn-north-4.myhuaweicloud.com",
    "https://bucket.obs-website.cn-north-4.myhuaweicloud.com",
    "https://x.apig.cn-north-4.huaweicloudapis.com",
    "https://roma.a.b.myhuaweicloud.com",
    "https://xroma.cn-north-4.myhuaweicloud.com",
    "https://roma.cn-north-4.myhuaweicloud.com:8443",
    "https://iotcloud.tencentcloudapi.com",
    "https://iot.cn-shanghai.aliyuncs.com",
];

/// An account with an endpoint that must be refused: by a rule, or in its condition.
async fn refused(world: &World, account: &Value, endpoint: &str) {
    match world.mallory.try_apply(account).await {
        Err(kube::Error::Api(status)) if status.code == 422 => return,
        Err(error) => panic!("{endpoint}: {error}"),
        Ok(_) => {}
    }
    let said = |object: &Object| object.is_current() && !object.reason().is_empty();
    let object = world.mallory.until(Kind::Account, name(account), endpoint, said).await;
    let reasons = ["EndpointNotAllowed", "InvalidSpec"];
    assert!(reasons.contains(&object.reason()), "{endpoint}: {}", object.brief());
    world.mallory.delete(Kind::Account, name(account)).await;
}

/// The operator has asked no vendor for anything.
async fn no_call(operator: &Operator) {
    let page = operator.page("/metrics").await.expect("the metrics");
    let calls: Vec<&str> =
        page.lines().filter(|line| line.starts_with("iot_operator_vendor_requests_total{")).collect();
    assert!(calls.is_empty(), "{calls:#?}");
}

async fn only_the_iot_apis_of_the_accounts_vendor_are_allowed(world: Arc<World>) {
    let operator = world.operator(&[("allowed-endpoints", "absent"), ("allow-plain-http", "absent")]).await;
    let tencent = world.tencent();
    let alibaba = iot_test_harness::manifest::Contract::alibaba("nowhere", "nowhere");
    let huawei = world.huawei();
    for (contract, endpoints) in [(&tencent, &TENCENT[..]), (&alibaba, &ALIBABA), (&huawei, &HUAWEI)] {
        world.mallory.receive(&contract.key).await;
        for (number, endpoint) in endpoints.iter().enumerate() {
            let mut account = contract.account.clone();
            account["metadata"]["name"] = json!(format!("{}-{number}", name(&contract.account)));
            account["spec"]["endpoint"] = json!(endpoint);
            refused(&world, &account, endpoint).await;
        }
    }
    // The place where the password goes is as much a vendor's as the API.
    let mut key = huawei.key.clone();
    key["metadata"] = json!({"name": "iam", "labels": {"iot-products.io/credentials": "true"}});
    key["stringData"] = json!({"domainName": "domain", "userName": "user", "password": "password"});
    world.mallory.receive(&key).await;
    for (number, endpoint) in HUAWEI.iter().enumerate() {
        let mut account = huawei.account.clone();
        account["metadata"]["name"] = json!(format!("iam-{number}"));
        account["spec"].as_object_mut().expect("a spec").remove("endpoint");
        account["spec"]["credentials"]["secretRef"]["name"] = json!("iam");
        account["spec"]["huawei"]["authentication"] = json!("Password");
        account["spec"]["huawei"]["iamEndpoint"] = json!(endpoint);
        refused(&world, &account, endpoint).await;
    }
    no_call(&operator).await;
}

async fn another_port_of_an_allowed_host_is_not_allowed(world: Arc<World>) {
    let double = Double::start(|_: &Ask| Answer::Held);
    let entry = world.endpoint().trim_start_matches("http://").to_owned();
    let flag = format!("--allowed-endpoints={entry}");
    assert!(takes(crate::world::program(), &flag), "{flag} is not taken");
    let _operator = world.operator(&[("allowed-endpoints", &entry)]).await;
    let contract = world.tencent();
    world.mallory.receive(&contract.key).await;
    world.mallory.apply(&contract.account).await;
    world.mallory.apply(&contract.product).await;
    world.mallory.ready(name(&contract.product)).await;
    let mut account = contract.account.clone();
    account["metadata"]["name"] = json!("elsewhere");
    account["spec"]["endpoint"] = json!(double.url());
    refused(&world, &account, &double.url()).await;
    assert_eq!(double.asked_in_all(), 0);
}

/// Forms under which loopback, the machine's own services or another host could be meant.
fn forms(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "[fd20:ce::254]",
        "127.0.0.1%2f.tencentcloudapi.com",
        "127.0.0.1%00.tencentcloudapi.com",
        "127.0.0.1\u{3002}tencentcloudapi.com",
        "①②⑦.⓪.⓪.①",
    ];
    let mut forms: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}")).collect();
    forms.extend([
        format!("http://iotcloud.tencentcloudapi.com@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}#iotcloud.tencentcloudapi.com"),
        format!("http://127.0.0.1:{port}/?iotcloud.tencentcloudapi.com"),
        format!("http://127.0.0.1:{port}\\@iotcloud.tencentcloudapi.com"),
        format!("http://127.0.0.1:{port}/\t.tencentcloudapi.com"),
        format!("http:127.0.0.1:{port}"),
        format!("http:///127.0.0.1:{port}"),
        format!("//127.0.0.1:{port}"),
        format!("gopher://127.0.0.1:{port}"),
        "file:///etc/passwd".to_owned(),
    ]);
    forms
}

async fn no_form_of_an_address_is_a_way_to_loopback(world: Arc<World>) {
    let double = Double::start(|_: &Ask| Answer::Held);
    // Plain http is allowed, so that it is the host that is refused.
    let operator = world.operator(&[("allowed-endpoints", "absent")]).await;
    let port = double.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let contract = world.tencent();
    world.mallory.receive(&contract.key).await;
    for (number, endpoint) in forms(port).into_iter().enumerate() {
        let mut account = contract.account.clone();
        account["metadata"]["name"] = json!(format!("form-{number}"));
        account["spec"]["endpoint"] = json!(endpoint);
        refused(&world, &account, &endpoint).await;
    }
    no_call(&operator).await;
    assert_eq!(double.asked_in_all(), 0);
}

async fn a_redirect_is_not_followed(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let inner = Double::start(|_: &Ask| Answer::ok("{}"));
    for status in [301, 302, 307, 308] {
        let to = inner.url();
        let outer = Double::start(move |_: &Ask| Answer::with(status, "").header("location", &to));
        let mut contract = crate::answers::Form::Tencent.contract(&outer);
        contract.account["metadata"]["name"] = json!(format!("redirected-{status}"));
        world.mallory.receive(&contract.key).await;
        world.mallory.apply(&contract.account).await;
        let said = |object: &Object| !object.reason().is_empty();
        world.mallory.until(Kind::Account, name(&contract.account), "a word", said).await;
        assert!(outer.asked_in_all() > 0);
    }
    assert_eq!(inner.asked_in_all(), 0);
}

/// A tenant's endpoint is called from inside the cluster. What became of it is the log's, not the tenant's.
async fn an_error_tells_nothing_of_the_network(world: Arc<World>) {
    let _operator = world.operator(&[]).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let open = listener.local_addr().expect("its address");
    let closed = iot_test_harness::free_address().expect("a port that is closed");
    let mut contract = world.tencent();
    world.mallory.receive(&contract.key).await;
    // A program that closes every connection, as one of another protocol does.
    std::thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            drop(stream);
        }
    });
    for (what, endpoint) in [
        ("open", format!("http://{open}")),
        ("closed", format!("http://{closed}")),
        ("tls", format!("https://{open}")),
        ("closed-tls", format!("https://{closed}")),
    ] {
        contract.account["metadata"]["name"] = json!(what);
        contract.account["spec"]["endpoint"] = json!(endpoint);
        world.mallory.apply(&contract.account).await;
        let said = |object: &Object| !object.message().is_empty();
        let object = world.mallory.until(Kind::Account, what, "a word", said).await;
        let message = object.message().to_lowercase();
        for word in ["refused", "os error", "reset", "closed before", "handshake", "eof", "lookup"] {
            assert!(!message.contains(word), "{what}: {message}");
        }
    }
}
