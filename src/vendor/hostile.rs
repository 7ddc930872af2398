//! What a hostile vendor can answer, to each vendor's client alike.

mod clock;
mod dialect;
mod memory;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dialect::{Dialect, dialects};

use super::bounds::assert_within;
use super::{Call, Class, Cloud, CreateRequest, Effect, Fields, Observed, Value, VendorError};
use crate::http::limit::Lane;
use crate::http::memory::Memory;
use crate::http::testing::{Say, Seen, Server};
use crate::http::transport::MAX_BODY;

fn call() -> Call {
    Call::within(Lane::Drift, Duration::from_mins(1))
}

/// What a list says, and how many calls it took.
async fn list(
    dialect: &Dialect,
    say: impl Fn(&Seen) -> Say + Send + Sync + 'static,
) -> (Result<Vec<Observed>, VendorError>, usize) {
    let server = Server::start(say).await;
    let memory = Arc::default();
    let answer = dialect.connect(&server, &memory).cloud.list(call()).await;
    assert_eq!(memory.lists.used(), 0, "what was counted is given back");
    (answer, server.seen().len())
}

async fn no_list(
    dialect: &Dialect,
    say: impl Fn(&Seen) -> Say + Send + Sync + 'static,
    why: &str,
    most_calls: usize,
) {
    let (answer, calls) = list(dialect, say).await;
    let error = answer.err().unwrap_or_else(|| panic!("{} took it: {why}", dialect.name()));
    assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::Unclear), "{error}");
    assert!(error.message.contains(why), "{}: {error}", dialect.name());
    assert!(calls <= most_calls, "{}: {calls} calls", dialect.name());
}

/// Which page a request asks for, by all vendors' ways to ask.
fn page_of(seen: &Seen, page: usize) -> usize {
    let text = format!("{}&{}", seen.target, String::from_utf8_lossy(&seen.body));
    let number = |name: &str| {
        let rest = text.split_once(name)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    let from_one = number("pageNum=").or_else(|| number("CurrentPage=")).map(|page| page - 1);
    from_one.or_else(|| number("\"Offset\":").or_else(|| number("offset=")).map(|at| at / page)).unwrap()
}

#[tokio::test]
async fn more_elements_than_were_asked_for_are_no_page() {
    for dialect in dialects() {
        let few = (dialect.list)(1, &"0,".repeat(dialect.page)[..2 * dialect.page - 1]);
        no_list(&dialect, move |_| Say::ok(few.clone()), "or name that can be one", 1).await;
        let some = (dialect.list)(1, &"0,".repeat(dialect.page + 1)[..=2 * dialect.page]);
        no_list(&dialect, move |_| Say::ok(some.clone()), "more in it than was asked for", 1).await;
        let junk = (dialect.list)(1, &"0,".repeat(MAX_BODY / 2 - 100)[..MAX_BODY - 201]);
        no_list(&dialect, move |_| Say::ok(junk.clone()), "more in it than was asked for", 1).await;
    }
}

#[tokio::test]
async fn a_total_that_no_account_has_ends_the_list_at_once() {
    for dialect in dialects() {
        let page = (dialect.list)(1_000_000_000, &dialect.entries(0..1, "text"));
        no_list(&dialect, move |_| Say::ok(page.clone()), "documents at most", 1).await;
    }
}

#[tokio::test]
async fn pages_that_do_not_advance_end_the_list() {
    for dialect in dialects() {
        let page = (dialect.list)(400, &dialect.entries(0..1, "text"));
        no_list(&dialect, move |_| Say::ok(page.clone()), "changed each time", 8).await;
    }
}

#[tokio::test]
async fn pages_of_one_product_each_end_the_list() {
    for dialect in dialects() {
        let (list, product) = (dialect.list, dialect.product);
        let next = std::sync::atomic::AtomicUsize::new(100_000);
        let say = move |_: &Seen| {
            let id = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Say::ok(list(1_900, &product(&id.to_string(), "lamp", "text").to_string()))
        };
        no_list(&dialect, say, "more than", 40).await;
    }
}

#[tokio::test]
async fn products_that_take_too_many_bytes_end_the_list() {
    for dialect in dialects() {
        let (list, product, page) = (dialect.list, dialect.product, dialect.page);
        let say = move |seen: &Seen| {
            let first = 100_000 + page * page_of(seen, page);
            // Every text that is kept, of characters of four bytes each.
            let text = "\u{1f321}".repeat(1000);
            let entry = |id: usize| product(&id.to_string(), &text[..512], &text).to_string();
            let mut entries = Vec::new();
            while entries.len() < page && entries.iter().map(String::len).sum::<usize>() < MAX_BODY - 100_000
            {
                entries.push(entry(first + entries.len()));
            }
            Say::ok(list(2_000, &entries.join(",")))
        };
        let (answer, calls) = self::list(&dialect, say).await;
        let error = answer.unwrap_err();
        assert_eq!(error.class, Class::Unavailable, "{error}");
        assert!(calls <= 40, "{}: {calls}", dialect.name());
    }
}

#[tokio::test]
async fn a_list_of_the_vendors_documented_length_is_read() {
    for dialect in dialects() {
        let (all, page, product, list) =
            (if dialect.page == 250 { 2_000 } else { 500 }, dialect.page, dialect.product, dialect.list);
        let say = move |seen: &Seen| {
            let first = page * page_of(seen, page);
            let entry =
                |id: usize| product(&(100_000 + id).to_string(), "lamp", &"温".repeat(100)).to_string();
            let entries: Vec<_> = (first..(first + page).min(all)).map(entry).collect();
            Say::ok(list(all as u64, &entries.join(",")))
        };
        let (answer, _) = self::list(&dialect, say).await;
        assert_eq!(answer.unwrap().len(), all, "{}", dialect.name());
    }
}

#[tokio::test]
async fn what_is_kept_of_a_product_is_bounded() {
    let longest = "\u{1b}[2J\u{202e}温".repeat(20_000);
    for dialect in dialects() {
        let entry = (dialect.product)("100001", &longest, &longest).to_string();
        let page = (dialect.list)(1, &entry);
        let (answer, _) = list(&dialect, move |_| Say::ok(page.clone())).await;
        let products = answer.unwrap();
        assert_eq!(products.len(), 1, "{}", dialect.name());
        assert_within(&products[0]);
        assert!(products[0].secret.is_none(), "no secret is so long");
    }
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_no_product() {
    let long = "9".repeat(65);
    for dialect in dialects() {
        for id in [long.as_str(), "1\n2", "../1", "1 2", "\u{1b}[1m", "温", ""] {
            let page = (dialect.list)(1, &(dialect.product)(id, "lamp", "text").to_string());
            no_list(&dialect, move |_| Say::ok(page.clone()), "or name that can be one", 1).await;
            let created = (dialect.created)(id);
            let server = Server::start(move |_| Say::ok(created.clone())).await;
            let error = create(&dialect, &server).await.unwrap_err();
            assert_eq!((error.class, error.effect), (Class::Unavailable, Effect::Unclear), "{id:?}: {error}");
        }
        let created = (dialect.created)("100001");
        let server = Server::start(move |_| Say::ok(created.clone())).await;
        assert_eq!(create(&dialect, &server).await.unwrap(), "100001", "{}", dialect.name());
    }
}

async fn create(dialect: &Dialect, server: &Server) -> Result<String, VendorError> {
    let connection = dialect.connect(server, &Arc::default());
    let mut fields = Fields::new();
    if dialect.name() == "HuaweiCloud" {
        for field in ["huawei.appId", "huawei.manufacturerId", "huawei.manufacturerName", "huawei.model"] {
            fields.insert(field, Value::Text("text".to_owned()));
        }
        fields.insert("huawei.protocolType", Value::Text("MQTT".to_owned()));
    }
    let request =
        CreateRequest { name: "lamp".into(), description: "d".into(), fields, inputs: BTreeMap::new() };
    let permit = connection.cloud.reserve_create(call()).await?;
    connection.cloud.create(&request, permit, call()).await
}

#[tokio::test]
async fn the_vendors_words_are_short_and_on_one_line() {
    for dialect in dialects() {
        // As long as a refusal may be, and longer.
        for length in [10_000, 3_900_000] {
            let text = "\u{1b}]0;x\u{7}\nLevel=ERROR forged ".repeat(length / 26);
            let (status, body) = (dialect.refusal)(&text, &text);
            let server = Server::start(move |_| Say::with(status, &[], body.clone())).await;
            let error = create(&dialect, &server).await.unwrap_err();
            let id = error.request_id.as_deref().unwrap_or_default();
            for (part, most) in
                [(error.code.as_deref().unwrap_or_default(), 80), (id, 80), (&*error.message, 600)]
            {
                assert!(part.chars().count() <= most && !part.contains(char::is_control), "{part:?}");
            }
            let whole = error.to_string();
            assert!(whole.chars().count() < 900 && !whole.contains(char::is_control), "{whole:?}");
        }
    }
}

#[tokio::test]
async fn no_hint_when_to_come_back_is_longer_than_ten_minutes() {
    for dialect in dialects() {
        for (hint, least, most) in [
            ("18446744073709551615", 300, 600),
            ("31536000", 300, 600),
            ("0", 1, 1),
            ("-5", 0, 0),
            ("Thu, 01 Jan 2099 00:00:00 GMT", 600, 600),
        ] {
            for name in ["retry-after", "x-acs-retry-after"] {
                let (_, body) = (dialect.refusal)(dialect.throttled.1, "slow down");
                let status = dialect.throttled.0;
                let server = Server::start(move |_| Say::with(status, &[(name, hint)], body.clone())).await;
                let error = dialect.connect(&server, &Arc::default()).cloud.list(call()).await.unwrap_err();
                assert_eq!(error.class, Class::Throttled, "{}: {error}", dialect.name());
                let told = error.retry_after.unwrap_or_default().as_secs();
                assert!(told <= most, "{} {name} {hint}: {told}", dialect.name());
                let heeded = name == "retry-after";
                assert!(!heeded || told >= least, "{} {name} {hint}: {told}", dialect.name());
            }
        }
    }
}
