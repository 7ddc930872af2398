//! kubectl, as a user of the cluster types it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStdout, Command};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::stage::PROJECT;

/// The real kubectl on the demo's control plane.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(program: PathBuf, kubeconfig: &Path) -> Self {
        Self { program, kubeconfig: kubeconfig.to_owned() }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(PROJECT)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Runs a command without a word and returns its output.
    pub(crate) async fn quiet(&self, args: &[&str]) -> Result<String, Failure> {
        let output = self.command(args).output().await.map_err(Failure::io(shown(&self.program)))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Failure::Kubectl { command: line(args), stderr })
    }

    /// Runs a command in front of the user, with its output.
    pub(crate) async fn show(&self, args: &[&str]) -> Result<String, Failure> {
        println!("$ {}", line(args));
        let output = self.quiet(args).await?;
        print_indented(&output);
        Ok(output)
    }

    /// One object, or a list, as JSON.
    pub(crate) async fn json(&self, args: &[&str]) -> Result<Value, Failure> {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        let output = self.quiet(&args).await?;
        serde_json::from_str(&output)
            .map_err(|source| Failure::Io { what: line(&args), source: source.into() })
    }

    /// Whether an object exists.
    pub(crate) async fn exists(&self, args: &[&str]) -> Result<bool, Failure> {
        let args: Vec<&str> = args.iter().copied().chain(["--ignore-not-found", "-o", "name"]).collect();
        Ok(!self.quiet(&args).await?.trim().is_empty())
    }

    /// Runs a command that goes on by itself, in front of the user, line by line until `enough` says so.
    pub(crate) async fn follow(
        &self,
        args: &[&str],
        expected: &str,
        limit: Duration,
        enough: impl FnMut(&str) -> bool,
    ) -> Result<(), Failure> {
        println!("$ {}", line(args));
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Failure::io(line(args)))?;
        let Some(output) = child.stdout.take() else {
            return Err(Failure::missed(expected, "no output of kubectl"));
        };
        let mut last = String::new();
        let lines = BufReader::new(output).lines();
        let seen = timeout(limit, copy_until(lines, enough, &mut last)).await;
        let _ = child.kill().await;
        match seen {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Failure::missed(expected, format!("kubectl ended after {last:?}"))),
            Ok(Err(source)) => Err(Failure::io(line(args))(source)),
            Err(_) => Err(Failure::missed(format!("{expected} within {} s", limit.as_secs()), last)),
        }
    }
}

/// Copies lines to the user; `true` when one of them was enough.
async fn copy_until(
    mut lines: Lines<BufReader<ChildStdout>>,
    mut enough: impl FnMut(&str) -> bool,
    last: &mut String,
) -> std::io::Result<bool> {
    while let Some(line) = lines.next_line().await? {
        println!("  {line}");
        let done = enough(&line);
        *last = line;
        if done {
            return Ok(true);
        }
    }
    Ok(false)
}

fn shown(program: &Path) -> String {
    format!("run {}", program.display())
}

/// A command as it is typed.
fn line(args: &[&str]) -> String {
    let quoted = args.iter().map(|arg| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c);
        if arg.chars().all(plain) { (*arg).to_owned() } else { format!("'{arg}'") }
    });
    std::iter::once("kubectl".to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}

/// Prints a text below the command it belongs to.
pub(crate) fn print_indented(text: &str) {
    for line in text.trim_end().lines() {
        println!("  {line}");
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    OsStr::to_str(path.as_os_str()).unwrap_or_default()
}
