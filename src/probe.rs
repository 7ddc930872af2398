//! `iot-operator probe`: asks a running operator whether it is ready. For places that have no other program
//! to ask with: the image holds nothing but the operator.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::ProbeArgs;

/// How long one question may take.
const ONE_TRY: Duration = Duration::from_secs(3);
/// Pause between two.
const PAUSE: Duration = Duration::from_millis(500);
/// Most of an answer that is read.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Why an operator does not count as ready.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers there.
    #[error("cannot ask {address}{path}")]
    Ask {
        /// `HOST:PORT`.
        address: String,
        /// Path of the URL.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It answers that it is not.
    #[error("{address}{path} answers {status}: {body}")]
    Refused {
        /// `HOST:PORT`.
        address: String,
        /// Path of the URL.
        path: String,
        /// First line of the answer.
        status: String,
        /// What it says.
        body: String,
    },
}

/// Asks until the answer is 200, for as long as the arguments say; returns the answer's text.
pub fn probe(args: &ProbeArgs) -> Result<String, ProbeError> {
    let deadline = Instant::now() + args.wait;
    loop {
        match ask(&args.address, &args.path) {
            Err(_) if Instant::now() + PAUSE < deadline => sleep(PAUSE),
            answer => return answer,
        }
    }
}

fn ask(address: &str, path: &str) -> Result<String, ProbeError> {
    let answer = exchange(address, path).map_err(|source| ProbeError::Ask {
        address: address.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    let status = status.split_once(' ').map_or(status, |(_, status)| status);
    if status.starts_with("200") {
        Ok(body.to_owned())
    } else {
        Err(ProbeError::Refused {
            address: address.to_owned(),
            path: path.to_owned(),
            status: status.to_owned(),
            body: body.trim_end().replace('\n', ", "),
        })
    }
}

fn exchange(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = connect(address)?;
    stream.set_read_timeout(Some(ONE_TRY))?;
    stream.set_write_timeout(Some(ONE_TRY))?;
    // HTTP/1.0: the answer ends where the connection does.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
    Ok(answer)
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    let addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    for address in addresses {
        match TcpStream::connect_timeout(&address, ONE_TRY) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use crate::server::{Addresses, Health, Server};

    const COMPONENT: &str = "IotProduct";

    fn start(health: &Health) -> Server {
        let any = "127.0.0.1:0".parse().unwrap();
        Server::start(Addresses { metrics: any, health: any }, health.clone(), Metrics::new()).unwrap()
    }

    fn args(address: SocketAddr, path: &str) -> ProbeArgs {
        ProbeArgs { address: address.to_string(), path: path.into(), wait: Duration::ZERO }
    }

    #[test]
    fn an_operator_that_is_ready_is_found_so() {
        let health = Health::new(&[COMPONENT], Duration::from_mins(1));
        let server = start(&health);
        health.set_ready(COMPONENT, true);
        assert_eq!(probe(&args(server.addresses().health, "/readyz")).unwrap(), "IotProduct: ready\n");
    }

    #[test]
    fn it_is_found_at_an_address_of_version_6() {
        let health = Health::new(&[COMPONENT], Duration::from_mins(1));
        let any = "[::1]:0".parse().unwrap();
        let server =
            Server::start(Addresses { metrics: any, health: any }, health.clone(), Metrics::new()).unwrap();
        health.set_ready(COMPONENT, true);
        let Addresses { metrics, health } = server.addresses();
        assert!(health.to_string().starts_with("[::1]:"), "{health}");
        assert_eq!(probe(&args(health, "/readyz")).unwrap(), "IotProduct: ready\n");
        assert!(probe(&args(metrics, "/metrics")).unwrap().contains("iot_operator_build_info"));
        // What listens at every address is found at those of version 4 as well.
        let any = "[::]:0".parse().unwrap();
        let addresses = Addresses { metrics: any, health: any };
        let server =
            Server::start(addresses, Health::new(&[COMPONENT], Duration::from_mins(1)), Metrics::new())
                .unwrap();
        let port = server.addresses().health.port();
        assert!(probe(&args(SocketAddr::new([127, 0, 0, 1].into(), port), "/livez")).is_ok());
    }

    #[test]
    fn one_that_is_not_says_what_it_waits_for() {
        let server = start(&Health::new(&[COMPONENT], Duration::from_mins(1)));
        let error = probe(&args(server.addresses().health, "/readyz")).unwrap_err().to_string();
        assert!(error.ends_with("/readyz answers 503 Service Unavailable: IotProduct: not ready"), "{error}");
        assert!(probe(&args(server.addresses().health, "/livez")).is_ok());
    }

    #[test]
    fn it_is_waited_for() {
        let health = Health::new(&[COMPONENT], Duration::from_mins(1));
        let server = start(&health);
        let args = ProbeArgs { wait: Duration::from_mins(1), ..args(server.addresses().health, "/readyz") };
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| probe(&args));
            health.set_ready(COMPONENT, true);
            assert!(asking.join().unwrap().is_ok());
        });
    }

    #[test]
    fn nobody_there_is_an_error_with_the_address() {
        let address = start(&Health::new::<&str>(&[], Duration::from_mins(1))).addresses().health;
        let error = probe(&args(address, "/readyz")).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
    }
}
