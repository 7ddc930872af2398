//! Starting programs in the order they need each other, and waiting until they answer.

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use kube::Client;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::programs::Programs;
use crate::kubeconfig::{self, ADMIN, CONTROLLER_MANAGER};
use crate::link::Program;
use crate::pki::Authority;

/// Minutes, because a busy machine takes long and an error here fails every test.
const PATIENCE: Duration = Duration::from_mins(3);
const ATTEMPTS: u32 = 5;

/// Starts everything and returns the address of the API server.
pub(super) async fn start_all(programs: &mut Programs) -> Result<String, String> {
    let authority = Authority::create(&programs.directory().join("pki")).map_err(|e| with_causes(&e))?;
    let mut attempt = 1;
    loop {
        let server = format!("https://127.0.0.1:{}", programs.ports().apiserver);
        write_kubeconfigs(programs.directory(), &authority, &server)?;
        match start_in_order(programs).await {
            Ok(()) => return Ok(server),
            Err(reason) if attempt < ATTEMPTS && reason.contains("address already in use") => {
                attempt += 1;
                programs.begin_anew().await.map_err(|e| format!("begin anew: {e}"))?;
            }
            Err(reason) => return Err(reason),
        }
    }
}

async fn start_in_order(programs: &mut Programs) -> Result<(), String> {
    for program in Program::ALL {
        start(programs, program).await?;
    }
    Ok(())
}

/// Starts one program and waits until it serves.
pub(super) async fn start(programs: &mut Programs, program: Program) -> Result<(), String> {
    programs.spawn(program)?;
    let port = programs.ports().etcd;
    if program == Program::Etcd {
        wait_for(programs, program, || async move {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map(drop).map_err(|e| e.to_string())
        })
        .await?;
    }
    if program != Program::ControllerManager && programs.runs(Program::Apiserver) {
        let client = admin(programs.directory()).await?;
        wait_for(programs, Program::Apiserver, || readyz(client.clone())).await?;
    }
    Ok(())
}

async fn wait_for<F, A>(programs: &mut Programs, program: Program, answers: F) -> Result<(), String>
where
    F: Fn() -> A,
    A: Future<Output = Result<(), String>>,
{
    let begun = Instant::now();
    loop {
        let outcome = timeout(Duration::from_secs(5), answers())
            .await
            .unwrap_or_else(|_| Err("no answer in 5 s".to_owned()));
        // A stranger that has taken the port may answer for a program that has ended.
        if let Some(report) = programs.newly_ended() {
            return Err(report);
        }
        match outcome {
            Ok(()) => return Ok(()),
            Err(last) if begun.elapsed() > PATIENCE => {
                let tail = programs.log_tail(program);
                return Err(format!("{program} is not ready in {PATIENCE:?}: {last}; {tail}"));
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn readyz(client: Client) -> Result<(), String> {
    let request = http::Request::get("/readyz").body(Vec::new()).map_err(|e| e.to_string())?;
    client.request_text(request).await.map(drop).map_err(|e| with_causes(&e))
}

async fn admin(directory: &Path) -> Result<Client, String> {
    kubeconfig::client(&directory.join(ADMIN)).await.map_err(|e| with_causes(&e))
}

fn write_kubeconfigs(directory: &Path, authority: &Authority, server: &str) -> Result<(), String> {
    for (file, user, groups) in [
        (ADMIN, "admin", &["system:masters"][..]),
        (CONTROLLER_MANAGER, "system:kube-controller-manager", &["system:masters"]),
    ] {
        kubeconfig::write(&directory.join(file), authority, server, user, groups)
            .map_err(|e| with_causes(&e))?;
    }
    Ok(())
}

/// An error and what caused it, on one line: only text crosses the pipe to the parent.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
