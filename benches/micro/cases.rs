//! What a visit and a sweep are made of, each as something to run again and again: for time (`cargo bench`) and for
//! counts of allocations (`tests/counts.rs`), which do not differ from machine to machine.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use iot_product_operator::api::account::AccountSettings;
use iot_product_operator::api::{Adoption, IotProduct, Vendor};
use iot_product_operator::controller::cached::CachedProduct;
use iot_product_operator::http::carrier::{Carried, Carrier, CarryError, Network};
use iot_product_operator::http::endpoint::AllowedEndpoints;
use iot_product_operator::http::fence::Always;
use iot_product_operator::http::limit::Lane;
use iot_product_operator::http::transport::{BuildError, Options, Request};
use iot_product_operator::metrics::Metrics;
use iot_product_operator::plan::desired::{Desired, desired};
use iot_product_operator::plan::diff::diff;
use iot_product_operator::plan::mark::Mark;
use iot_product_operator::plan::origin::Origin;
use iot_product_operator::plan::{Check, Facts, Seen, Trust, plan};
use iot_product_operator::record::status::difference;
use iot_product_operator::vendor::connection::{Connection, SharedBudget, Surroundings, traits};
use iot_product_operator::vendor::{Call, Cloud as _, Observed};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Entries of a list's page at Tencent Cloud.
pub(crate) const PAGE: usize = 250;

/// Something to run.
pub(crate) type Work = Box<dyn FnMut()>;

/// All of them, by name.
pub(crate) fn cases() -> Vec<(&'static str, Work)> {
    let list: Vec<Observed> = listed(&client(&page()));
    vec![
        (
            "sign and read a product",
            calling(client(&one()), |client| {
                Box::pin(async {
                    black_box(client.connection.cloud.read(&id(0), call()).await.expect("a product"));
                })
            }),
        ),
        (
            "decode a page of a list",
            calling(client(&page()), |client| {
                Box::pin(async {
                    assert_eq!(client.connection.cloud.list(call()).await.expect("a list").len(), PAGE);
                })
            }),
        ),
        ("compare a page of a list", compared(list.clone())),
        ("plan for a product at rest", planned(list[0].clone())),
        ("find that a status is as it was", unchanged()),
        ("pack an object", packed()),
        ("open a packed object", opened()),
    ]
}

/// A way to a vendor that always answers the same.
#[derive(Clone)]
struct Canned(Bytes);

impl Network for Canned {
    fn open(&self, _options: &Options) -> Result<Box<dyn Carrier>, BuildError> {
        Ok(Box::new(self.clone()))
    }
}

impl Carrier for Canned {
    fn carry(&self, _request: Request) -> BoxFuture<'_, Result<Carried, CarryError>> {
        let body = Full::new(self.0.clone()).map_err(|never| match never {}).boxed_unsync();
        Box::pin(async { Ok(Response::new(body)) })
    }
}

struct Client {
    connection: Connection,
    runtime: tokio::runtime::Runtime,
}

fn call() -> Call {
    Call::within(Lane::Drift, Duration::from_secs(15))
}

fn client(answer: &Value) -> Client {
    // The budget makes calls wait; this clock jumps.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let settings: AccountSettings =
        serde_json::from_value(json!({"vendor": "TencentCloud", "region": "ap-guangzhou"}))
            .expect("settings");
    let credentials = [
        ("secretId", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"),
        ("secretKey", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"),
    ];
    let credentials: BTreeMap<_, _> =
        credentials.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned().into())).collect();
    let surroundings = Surroundings {
        endpoints: Arc::new(AllowedEndpoints::parse(&[]).expect("no globs")),
        fence: Arc::new(Always),
        network: Arc::new(Canned(Bytes::from(answer.to_string()))),
        metrics: Metrics::new(),
        refusals: Arc::default(),
        memory: Arc::default(),
        forbid_unsafe_limits: false,
        tenant: Arc::from(""),
    };
    let connection = Connection::new(&settings, &credentials, None, &surroundings, &SharedBudget::default());
    Client { connection: connection.expect("a connection"), runtime: runtime.expect("a runtime") }
}

fn calling(client: Client, act: impl for<'a> Fn(&'a Client) -> BoxFuture<'a, ()> + 'static) -> Work {
    Box::new(move || client.runtime.block_on(act(&client)))
}

fn listed(client: &Client) -> Vec<Observed> {
    client.runtime.block_on(client.connection.cloud.list(call())).expect("a list")
}

fn id(number: usize) -> String {
    format!("Q{number:09X}")
}

fn name(number: usize) -> String {
    format!("boiler-{number}")
}

fn mark(number: usize) -> Mark {
    Mark::of("bench", "factory", &name(number), &uid(number))
}

fn uid(number: usize) -> String {
    format!("{number:08x}-9364-4fd9-81a4-fa05e5f0486e")
}

fn entry(number: usize) -> Value {
    json!({
        "ProductId": id(number), "ProductName": name(number),
        "ProductMetadata": {"CreationDate": 1_767_225_600},
        "ProductProperties": {
            "ProductDescription": format!("Boilers of the second hall {}", mark(number)),
            "EncryptionType": "1", "Region": "gz", "ProductType": 0, "Format": "json", "Platform": "",
            "Appeui": "", "ModelId": "-1", "ModelName": "", "ProductKey": "", "RegisterType": 1,
            "ProductSecret": "", "RegisterLimit": 0, "OriginProductId": "", "PrivateCAName": "",
            "OriginUserId": 0, "DeviceLimit": 0, "ForbiddenStatus": 0, "AppEUI": ""
        }
    })
}

fn page() -> Value {
    let products: Vec<Value> = (0..PAGE).map(entry).collect();
    json!({"Response": {"TotalCount": PAGE, "Products": products, "RequestId": "3c140219-cfe9-470e-b241-907877d6fb03"}})
}

fn one() -> Value {
    let mut product = entry(0);
    product["ProductProperties"]["ProductSecret"] = json!("c2VjcmV0LW9mLWEtcHJvZHVjdA==");
    product["RequestId"] = json!("3c140219-cfe9-470e-b241-907877d6fb03");
    json!({"Response": product})
}

/// An object whose work is done.
fn object() -> Value {
    serde_json::from_str(include_str!("../../tests/manifests/product-at-rest.json")).expect("a product")
}

fn product() -> IotProduct {
    serde_json::from_value(object()).expect("a product")
}

fn wish(number: usize) -> Desired {
    let mut spec = object()["spec"].take();
    spec["name"] = json!(name(number));
    desired(&spec, Vendor::TencentCloud.as_str(), traits(Vendor::TencentCloud)).expect("a wish")
}

fn compared(list: Vec<Observed>) -> Work {
    let wishes: Vec<(Desired, Mark)> = (0..PAGE).map(|number| (wish(number), mark(number))).collect();
    Box::new(move || {
        for ((desired, mark), observed) in wishes.iter().zip(&list) {
            let drift = diff(desired, observed, mark, Origin::Created, traits(Vendor::TencentCloud));
            assert!(drift.is_empty(), "{drift:?}");
        }
    })
}

fn planned(observed: Observed) -> Work {
    let facts = Facts {
        mark: mark(0),
        deleting: false,
        suspended: false,
        finalizer: true,
        observe_only: false,
        corrects: true,
        retain: false,
        match_name: false,
        adoption: Adoption::Unmarked,
        name: name(0),
        recorded: Some(id(0)),
        serial: None,
        imported: None,
        origin: Some(Origin::Created),
        admitted: true,
        adopted_mark: None,
        ledger: None,
        first_empty: None,
        shown_here: true,
        trust: Trust::Shown,
        mark_seen: true,
        name_busy: false,
        name_news: None,
        rival: None,
        deleted: None,
        check: Check::Rest,
        force_forget: false,
        now: Timestamp::UNIX_EPOCH,
    };
    Box::new(move || {
        let seen = Seen::Product(Box::new(observed.clone()));
        black_box(plan(&facts, traits(Vendor::TencentCloud), seen, &|_| false));
    })
}

fn unchanged() -> Work {
    let (old, new) = (object()["status"].take(), object()["status"].take());
    Box::new(move || assert!(difference(&old, &new).is_none()))
}

fn packed() -> Work {
    let text = object().to_string();
    Box::new(move || {
        black_box(serde_json::from_str::<CachedProduct>(&text).expect("a product"));
    })
}

fn opened() -> Work {
    let cached = CachedProduct::of(product());
    Box::new(move || {
        black_box(cached.open());
    })
}
