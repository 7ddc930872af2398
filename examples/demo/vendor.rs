//! What the vendor has, by the simulator's admin interface.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The simulated vendor account.
pub(crate) struct Vendor {
    url: String,
    client: reqwest::Client,
}

/// A product as the vendor keeps it; the members that the demo looks at.
#[derive(Debug, Deserialize)]
pub(crate) struct Product {
    #[serde(rename = "ProductId")]
    pub(crate) id: String,
    #[serde(rename = "ProductName")]
    pub(crate) name: String,
    #[serde(rename = "RegisterLimit")]
    pub(crate) register_limit: u64,
    #[serde(rename = "ProductSecret")]
    pub(crate) secret: String,
}

#[derive(Deserialize)]
struct Calls {
    next: u64,
}

#[derive(Deserialize)]
struct Count {
    action: String,
    count: u64,
}

/// Calls by action.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(crate) fn of(&self, action: &str) -> u64 {
        self.0.get(action).copied().unwrap_or_default()
    }

    /// Calls of every action but one.
    pub(crate) fn besides(&self, action: &str) -> u64 {
        self.0.iter().filter(|(name, _)| *name != action).map(|(_, count)| count).sum()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let counts: Vec<String> = self.0.iter().map(|(action, count)| format!("{count} {action}")).collect();
        f.write_str(&counts.join(", "))
    }
}

impl Vendor {
    pub(crate) fn new(url: String) -> Self {
        Self { url, client: reqwest::Client::new() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let failed = |source| Failure::Vendor { path: path.to_owned(), source };
        let request = self.client.get(format!("{}/_admin/{path}", self.url));
        let answer = request.send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
        let body = answer.bytes().await.map_err(failed)?;
        serde_json::from_slice(&body).map_err(|source| Failure::Io {
            what: format!("reading the simulator's answer to {path}"),
            source: source.into(),
        })
    }

    /// Every product of the account.
    pub(crate) async fn products(&self) -> Result<Vec<Product>, Failure> {
        self.ask("tencent/accounts/default/products").await
    }

    /// Every product of an account of any vendor, as its API spells them.
    pub(crate) async fn raw_products(&self, account: &str) -> Result<Vec<serde_json::Value>, Failure> {
        self.ask(&format!("{account}/products")).await
    }

    /// The only product of a name; an error when there is none or more than one.
    pub(crate) async fn product(&self, name: &str) -> Result<Product, Failure> {
        let mut named: Vec<Product> =
            self.ask(&format!("tencent/accounts/default/products?name={name}")).await?;
        match (named.pop(), named.len()) {
            (Some(product), 0) => Ok(product),
            (found, more) => {
                let count = more + usize::from(found.is_some());
                Err(Failure::missed(
                    format!("exactly one product named {name} at the vendor"),
                    count.to_string(),
                ))
            }
        }
    }

    /// A mark in the call log, for [`Vendor::calls_since`].
    pub(crate) async fn mark(&self) -> Result<u64, Failure> {
        let calls: Calls = self.ask(&format!("calls?since={}", u64::MAX)).await?;
        Ok(calls.next)
    }

    /// What the vendor was asked since a mark.
    pub(crate) async fn calls_since(&self, mark: u64) -> Result<Counts, Failure> {
        let counts: Vec<Count> = self.ask(&format!("counts?since={mark}")).await?;
        let mut sums = BTreeMap::new();
        for Count { action, count } in counts {
            *sums.entry(action).or_default() += count;
        }
        Ok(Counts(sums))
    }
}
