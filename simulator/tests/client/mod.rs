//! A bare client: signs as the vendor's documents say and speaks HTTP over a plain socket, so that cut and
//! broken answers are seen as they are.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "shared by several test binaries")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, hmac};
use iot_simulator::{Config, Simulator};
use serde_json::Value;

/// Upper bound of every wait in the tests; nothing is expected to take so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn start(config: Config) -> Simulator {
    Simulator::start_on_thread(config).unwrap()
}

/// Waits for a future of the admin handle.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Length that the head announced.
    pub announced: usize,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `OK` or the code of the error.
    pub fn code(&self) -> String {
        let response = &self.json()["Response"];
        response["Error"]["Code"].as_str().unwrap_or("OK").to_owned()
    }

    /// The answer's members.
    pub fn response(&self) -> Value {
        assert_eq!(self.code(), "OK", "{}", self.json());
        self.json()["Response"].clone()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A request on its way.
pub struct Pending(TcpStream);

impl Pending {
    /// Reads the answer; `None` when the connection is cut without one.
    pub fn answer(mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let result = self.0.read_to_end(&mut bytes);
        if bytes.is_empty() {
            return None;
        }
        result.unwrap();
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: bytes[split + 4..].to_vec(), announced: 0 };
        answer.announced = answer.header("content-length").unwrap().parse().unwrap();
        Some(answer)
    }

    /// Leaves without waiting.
    pub fn leave(self) {
        self.0.shutdown(Shutdown::Both).unwrap();
    }
}

pub fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, String)],
    body: &[u8],
) -> Pending {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut bytes = Vec::new();
    write!(bytes, "{method} {target} HTTP/1.1\r\nConnection: close\r\n").unwrap();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    write!(bytes, "Content-Length: {}\r\n\r\n", body.len()).unwrap();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).unwrap();
    Pending(stream)
}

/// A call of the admin interface.
pub fn admin(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let target = format!("/_admin/{path}");
    let answer = send(address, method, &target, &[("Host", address.to_string())], body.as_bytes());
    let answer = answer.answer().unwrap();
    (answer.status, answer.json())
}

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub secret_id: String,
    pub secret_key: String,
    pub token: Option<String>,
    pub region: Option<String>,
    pub version: String,
    pub content_type: String,
    /// Seconds that this client's clock is ahead.
    pub skew: i64,
}

fn sha256(data: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, data))
}

fn sign(key: &[u8], data: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes()).as_ref().to_vec()
}

impl Client {
    pub fn new(simulator: &Simulator) -> Self {
        Self {
            address: simulator.address(),
            secret_id: "AKIDEXAMPLE".to_owned(),
            secret_key: "SECRETKEYEXAMPLE".to_owned(),
            token: None,
            region: Some("ap-guangzhou".to_owned()),
            version: "2021-04-08".to_owned(),
            content_type: "application/json".to_owned(),
            skew: 0,
        }
    }

    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self
    }

    pub fn now(&self) -> i64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        i64::try_from(now).unwrap() + self.skew
    }

    /// Headers of a signed request, the action signed with it.
    pub fn headers(&self, action: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let (host, timestamp) = (self.address.to_string(), self.now());
        let date = jiff::Timestamp::from_second(timestamp).unwrap().strftime("%Y-%m-%d").to_string();
        let names = "content-type;host;x-tc-action";
        let content_type = &self.content_type;
        let block =
            format!("content-type:{content_type}\nhost:{host}\nx-tc-action:{}\n", action.to_lowercase());
        let canonical = format!("POST\n/\n\n{block}\n{names}\n{}", sha256(body));
        let scope = format!("{date}/iotcloud/tc3_request");
        let text = format!("TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let key = sign(format!("TC3{}", self.secret_key).as_bytes(), &date);
        let key = sign(&sign(&key, "iotcloud"), "tc3_request");
        let signature = hex::encode(sign(&key, &text));
        let id = &self.secret_id;
        let mut headers = vec![
            ("Host", host),
            ("Content-Type", content_type.clone()),
            ("X-TC-Action", action.to_owned()),
            ("X-TC-Version", self.version.clone()),
            ("X-TC-Timestamp", timestamp.to_string()),
            (
                "Authorization",
                format!(
                    "TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
                ),
            ),
        ];
        headers.extend(self.token.clone().map(|token| ("X-TC-Token", token)));
        headers.extend(self.region.clone().map(|region| ("X-TC-Region", region)));
        headers
    }

    pub fn begin(&self, action: &str, parameters: &Value) -> Pending {
        let body = parameters.to_string().into_bytes();
        send(self.address, "POST", "/", &self.headers(action, &body), &body)
    }

    /// Calls and expects an answer of some kind.
    pub fn call(&self, action: &str, parameters: &Value) -> Answer {
        self.begin(action, parameters).answer().unwrap()
    }

    pub fn code(&self, action: &str, parameters: &Value) -> String {
        self.call(action, parameters).code()
    }

    /// Creates a product and returns its id.
    pub fn create(&self, name: &str) -> String {
        let answer = self.call("CreateProduct", &serde_json::json!({"ProductName": name})).response();
        answer["ProductId"].as_str().unwrap().to_owned()
    }
}
