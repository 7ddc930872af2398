use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

use super::*;
use std::time::Duration;

const SILENCE: Duration = Duration::from_mins(1);
/// Far longer than any limit of the server's; a test that waits so long fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn ask(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut connection = connect(address);
    write!(connection, "{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// Waits until the server closes a connection; true if it sent nothing before.
fn closed(mut connection: &TcpStream) -> bool {
    match connection.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

fn start_at(address: impl Into<std::net::IpAddr>, health: &Health) -> Server {
    let any = SocketAddr::new(address.into(), 0);
    Server::start(Addresses { metrics: any, health: any }, health.clone(), Metrics::new()).unwrap()
}

fn start(health: &Health) -> Server {
    start_at(Ipv4Addr::LOCALHOST, health)
}

#[test]
fn ready_when_all_components_are() {
    let health = Health::new(&["leader election", "watches"], SILENCE);
    let server = start(&health);
    let address = server.addresses().health;
    health.set_ready("watches", true);
    let (status, body) = ask(address, "GET", "/readyz");
    assert_eq!((status, body.as_str()), (503, "leader election: not ready\nwatches: ready\n"));
    health.set_ready("leader election", true);
    assert_eq!(ask(address, "GET", "/readyz").0, 200);
    health.set_ready("watches", false);
    assert_eq!(ask(address, "GET", "/readyz").0, 503);
}

#[test]
fn ready_when_all_of_one_namespace_is() {
    let parts = [("accounts", "a"), ("accounts", "b"), ("products", "a"), ("products", "b")];
    let parts = parts.map(|(name, namespace)| Component::new(name, Some(namespace)));
    let health = Health::new(&parts, SILENCE);
    let ready = || health.ready().0 == StatusCode::OK;
    health.set_ready(parts[0].clone(), true);
    health.set_ready(parts[3].clone(), true);
    assert!(!ready(), "half of each");
    health.set_ready(parts[2].clone(), true);
    assert!(ready());
    health.set_trouble(parts[1].clone(), "grant a Role");
    let (status, body) = health.ready();
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("accounts in namespace b: not ready: grant a Role\n"), "{body}");
    health.set_ready("leader election", false);
    assert!(!ready(), "what is in no namespace has to work");
}

#[test]
fn alive_while_the_main_loop_beats() {
    let health = Health::new::<&str>(&[], SILENCE);
    let begin = Instant::now();
    assert_eq!(health.live(begin + SILENCE / 2).0, StatusCode::OK);
    let (status, text) = health.live(begin + SILENCE * 2);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("main loop"), "{text}");
    health.beat();
    assert_eq!(ask(start(&health).addresses().health, "GET", "/livez"), (200, "ok\n".into()));
    let stuck = Health::new::<&str>(&[], Duration::ZERO);
    assert_eq!(ask(start(&stuck).addresses().health, "GET", "/livez").0, 503);
}

#[test]
fn answers_while_every_worker_is_busy() {
    let health = Health::new::<&str>(&[], SILENCE);
    let busy = tokio::runtime::Builder::new_current_thread().build().unwrap();
    busy.block_on(async {
        // This thread is the only one of its runtime, and blocks.
        let server = start(&health);
        let (status, body) = ask(server.addresses().metrics, "GET", "/metrics");
        assert_eq!(status, 200);
        assert!(body.contains("iot_operator_build_info"), "{body}");
    });
}

#[test]
fn each_port_serves_its_own_and_says_where_the_rest_is() {
    let server = start(&Health::new::<&str>(&[], SILENCE));
    let Addresses { metrics, health } = server.addresses();
    for (address, path, hint) in [
        (metrics, "/", "/metrics"),
        (metrics, "/livez", "--health-addr"),
        (metrics, "/readyz", "--health-addr"),
        (health, "/metrics", "--metrics-addr"),
    ] {
        let (status, body) = ask(address, "GET", path);
        assert_eq!(status, 404, "{path}");
        assert!(body.contains(hint), "{path}: {body}");
    }
    assert_eq!(ask(metrics, "POST", "/metrics").0, 405);
    assert_eq!(ask(health, "POST", "/livez").0, 405);
    assert_eq!(ask(health, "HEAD", "/livez"), (200, String::new()));
}

#[test]
fn a_taken_address_is_an_error_that_names_the_flag() {
    let health = Health::new::<&str>(&[], SILENCE);
    let server = start(&health);
    let (taken, free) = (server.addresses(), SocketAddr::from(([127, 0, 0, 1], 0)));
    for (metrics, of_health, flag) in
        [(taken.metrics, free, "--metrics-addr"), (free, taken.health, "--health-addr")]
    {
        let addresses = Addresses { metrics, health: of_health };
        let error = Server::start(addresses, health.clone(), Metrics::new()).unwrap_err();
        assert!(error.to_string().contains(flag), "{error}");
    }
}

#[test]
fn dropping_it_frees_the_addresses() {
    let health = Health::new::<&str>(&[], SILENCE);
    let Addresses { metrics, health } = start(&health).addresses();
    assert!(TcpStream::connect(metrics).is_err() && TcpStream::connect(health).is_err());
}

#[test]
fn both_ports_listen_on_ipv6_too() {
    let server = start_at(Ipv6Addr::LOCALHOST, &Health::new::<&str>(&[], SILENCE));
    assert_eq!(ask(server.addresses().health, "GET", "/livez").0, 200);
    assert_eq!(ask(server.addresses().metrics, "GET", "/metrics").0, 200);
}

#[test]
fn whoever_holds_connections_keeps_nobody_from_an_answer() {
    let server = start(&Health::new::<&str>(&[], SILENCE));
    let Addresses { metrics, health } = server.addresses();
    let mut idle = Vec::new();
    for address in [metrics, health] {
        // Some have begun a request, which they never end.
        for number in 0..METRICS_CONNECTIONS * 2 {
            let mut connection = connect(address);
            if number % 2 == 0 {
                write!(connection, "GET /livez HTTP/1.1\r\n").unwrap();
            }
            idle.push(connection);
        }
        for _ in 0..3 {
            assert_eq!(ask(health, "GET", "/livez").0, 200);
            assert_eq!(ask(health, "GET", "/readyz").0, 200);
            assert_eq!(ask(metrics, "GET", "/metrics").0, 200);
        }
    }
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let server = start(&Health::new::<&str>(&[], SILENCE));
    for address in [server.addresses().metrics, server.addresses().health] {
        let (silent, mut slow) = (connect(address), connect(address));
        write!(slow, "GET /metrics HTTP/1.1\r\n").unwrap();
        assert!(closed(&silent));
        let mut answer = String::new();
        // Its end, or an answer that it took too long; never what it began to ask for.
        let _ = slow.read_to_string(&mut answer);
        assert!(!answer.contains(" 200 "), "{answer}");
    }
}

#[test]
fn one_answer_a_connection() {
    let server = start(&Health::new::<&str>(&[], SILENCE));
    let mut connection = connect(server.addresses().health);
    let twice = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2);
    connection.write_all(twice.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}
