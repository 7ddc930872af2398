//! What is shown of a test that failed: the operators' logs and what they asked of the vendor.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use iot_simulator::Admin;
use tempfile::TempDir;

use crate::needles::Needles;

/// Lines of each log, from its end.
const LINES: usize = 120;
/// Vendor calls, from the end.
const CALLS: usize = 60;

/// Collects while a test runs, and is there after it has failed.
pub(crate) struct Evidence {
    folder: TempDir,
    logs: Mutex<Vec<PathBuf>>,
    remembered: Mutex<BTreeSet<String>>,
    vendor: Admin,
}

impl Evidence {
    pub(crate) fn new(vendor: Admin) -> Self {
        let folder =
            tempfile::Builder::new().prefix("iot-operator-logs-").tempdir().expect("a folder for logs");
        Self { folder, logs: Mutex::default(), remembered: Mutex::default(), vendor }
    }

    /// A file for the log of one more operator.
    pub(crate) fn log_file(&self) -> PathBuf {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.path().join(format!("operator-{}.log", logs.len() + 1));
        logs.push(path.clone());
        path
    }

    /// Lines of all logs that have every one of these texts in them.
    pub(crate) fn lines_with(&self, texts: &[&str]) -> Vec<String> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let read = logs.iter().map(|path| fs::read_to_string(path).unwrap_or_default());
        let has = |line: &&str| texts.iter().all(|text| line.contains(text));
        read.flat_map(|log| log.lines().filter(has).map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Keeps a secret in mind that the vendor will not know any more when the test ends.
    pub(crate) fn remember(&self, secret: &str) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }

    /// Every key of an account and every secret of a product that there is or was remembered.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let mut secrets = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for vendor in [self.vendor.tencent(), self.vendor.tencent_legacy()] {
            for account in vendor.accounts() {
                let products = vendor.products(&account.name).unwrap_or_default();
                secrets.extend(products.into_iter().map(|product| product.product_secret));
                secrets.extend(account.keys.into_iter().map(|key| key.secret_key));
            }
        }
        let vendor = self.vendor.alibaba();
        for account in vendor.accounts() {
            let products = vendor.products(&account.name).unwrap_or_default();
            secrets.extend(products.into_iter().map(|product| product.product_secret));
            secrets.extend(account.keys.into_iter().map(|key| key.access_key_secret));
        }
        let vendor = self.vendor.huawei();
        for account in vendor.accounts() {
            let products = vendor.products(&account.name).unwrap_or_default();
            secrets.extend(products.into_iter().map(|product| product.password));
            secrets.extend(account.keys.into_iter().map(|key| key.secret_key));
            secrets.extend(account.users.into_iter().map(|user| user.password));
        }
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    /// Places that have a secret of this world in them: logs, and URLs that the vendor was asked for. Whatever a
    /// test is about, there are none.
    pub(crate) fn leaks(&self) -> Vec<String> {
        let needles = Needles::of(&self.secrets());
        let mut leaks = Vec::new();
        for path in self.logs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            leaks.extend(needles.in_lines(&fs::read_to_string(path).unwrap_or_default()));
        }
        leaks.extend(self.vendor.calls().iter().flat_map(|call| needles.in_lines(&call.url)));
        leaks
    }

    /// Everything, for the reader of a failure.
    pub(crate) fn report(&self) -> String {
        let mut report = String::from("--- vendor calls\n");
        let calls = self.vendor.calls();
        for call in &calls[calls.len().saturating_sub(CALLS)..] {
            let _ = writeln!(
                report,
                "{} at {} {} {} applied={} {:?} {}",
                call.sequence,
                call.time_ms,
                call.action,
                call.code.as_deref().unwrap_or("undecided"),
                call.applied,
                call.state,
                call.product_id.as_deref().unwrap_or_default(),
            );
        }
        for path in self.logs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let text = fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LINES)..];
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = writeln!(report, "--- {name}, {} of {} lines", shown.len(), lines.len());
            for line in shown {
                report.push_str(line);
                report.push('\n');
            }
        }
        report
    }
}
