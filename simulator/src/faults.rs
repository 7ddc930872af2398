//! Faults on request: a list of rules, the first that matches a call decides what goes wrong with it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// On which side of the effect a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The action is not carried out.
    Before,
    /// The action is carried out, only its answer suffers.
    After,
}

/// What an answer that nobody can read looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Garbage {
    /// An HTML page with status 200.
    NotJson,
    /// The first half of the JSON document, with a matching `Content-Length`.
    TruncatedJson,
    /// The JSON document with bytes in it that are not UTF-8.
    NotUtf8,
    /// The right `Content-Length`, half of the bytes, then the connection is cut.
    CutBody,
    /// Status 200 and no body.
    Empty,
}

/// What goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Nothing but the rule's latency, list lag or clock skew.
    #[default]
    None,
    /// A business error in the vendor's own form, without effect.
    Error {
        /// The vendor's full code.
        code: String,
        /// Its message; a general one when left out.
        #[serde(default)]
        message: Option<String>,
    },
    /// The vendor's throttling error, without effect.
    Throttle,
    /// A bare HTTP status with a body that is not the vendor's.
    Status {
        /// HTTP status.
        status: u16,
        /// Before or after the effect.
        when: When,
        /// Value of a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The connection is cut without an answer.
    Drop {
        /// Before or after the effect.
        when: When,
        /// With `before`: the effect takes place this long after the cut all the same, as with a request
        /// that lingered in some proxy.
        #[serde(default)]
        delay_effect_ms: Option<u64>,
    },
    /// Status 200 and an unreadable body.
    Garbage {
        /// In what way.
        form: Garbage,
        /// Before or after the effect.
        when: When,
    },
    /// No answer until the call is released or its client leaves. Released before its effect it goes on as
    /// if nothing had been; a client that leaves a call hanging there prevents the effect.
    Hang {
        /// Before the effect (`hanging`) or after it (`held`).
        when: When,
    },
}

impl Fault {
    /// A business error without effect.
    pub fn error(code: &str) -> Self {
        Self::Error { code: code.to_owned(), message: None }
    }

    /// A bare HTTP status before the effect.
    pub fn status_before(status: u16) -> Self {
        Self::Status { status, when: When::Before, retry_after: None }
    }

    /// A bare HTTP status after the effect.
    pub fn status_after(status: u16) -> Self {
        Self::Status { status, when: When::After, retry_after: None }
    }

    /// A cut connection and no effect.
    pub fn drop_before() -> Self {
        Self::Drop { when: When::Before, delay_effect_ms: None }
    }

    /// A cut connection after the effect.
    pub fn drop_after() -> Self {
        Self::Drop { when: When::After, delay_effect_ms: None }
    }

    /// A cut connection, and the effect `delay_ms` later.
    pub fn late(delay_ms: u64) -> Self {
        Self::Drop { when: When::Before, delay_effect_ms: Some(delay_ms) }
    }

    /// No effect and no answer until released.
    pub fn hang() -> Self {
        Self::Hang { when: When::Before }
    }

    /// The effect happens, the answer waits for a release.
    pub fn hold() -> Self {
        Self::Hang { when: When::After }
    }

    /// An unreadable answer after the effect.
    pub fn garbage(form: Garbage) -> Self {
        Self::Garbage { form, when: When::After }
    }
}

/// Which calls suffer what. Everything left out matches every call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The action.
    pub action: Option<String>,
    /// The account's name.
    pub account: Option<String>,
    /// A text that occurs in the body (for GET: in the query), byte by byte.
    pub body_contains: Option<String>,
    /// So many matching calls are left alone first.
    pub skip: u64,
    /// The rule is spent after so many calls; without it, never.
    pub times: Option<u64>,
    /// Chance that a matching call suffers; without it, always.
    pub probability: Option<f64>,
    /// Delay before the effect, in milliseconds. The effect happens even if the client leaves meanwhile.
    pub latency_ms: u64,
    /// Lists show the state of so many milliseconds ago.
    pub list_lag_ms: Option<u64>,
    /// The vendor's clock is so many seconds ahead, seen in its `Date` header and its signature window.
    pub clock_skew_seconds: Option<i64>,
    /// What goes wrong.
    pub fault: Fault,
}

impl Rule {
    /// A rule for one action.
    pub fn on(action: &str, fault: Fault) -> Self {
        Self { action: Some(action.to_owned()), fault, ..Self::default() }
    }

    /// A rule for every action.
    pub fn any(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }

    /// Only for the first `times` matching calls.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after `skip` matching calls.
    #[must_use]
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only for one account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Only for calls whose body has this text.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        self.body_contains = Some(text.to_owned());
        self
    }

    /// Only with this probability.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// With a delay before the effect.
    #[must_use]
    pub fn latency_ms(mut self, latency_ms: u64) -> Self {
        self.latency_ms = latency_ms;
        self
    }

    fn matches(&self, target: &Target<'_>) -> bool {
        self.action.as_deref().is_none_or(|action| action == target.action)
            && self.account.as_deref().is_none_or(|account| account == target.account)
            && self.body_contains.as_deref().is_none_or(|text| contains(target.body, text.as_bytes()))
    }
}

/// A rule and how often it struck.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmedRule {
    /// The rule.
    pub rule: Rule,
    /// Matching calls seen.
    pub seen: u64,
    /// Calls that suffered it.
    pub used: u64,
}

/// What rules are matched on.
pub(crate) struct Target<'a> {
    pub(crate) action: &'a str,
    pub(crate) account: &'a str,
    pub(crate) body: &'a [u8],
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<ArmedRule>>);

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<ArmedRule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn replace(&self, rules: Vec<Rule>) {
        *self.lock() = rules.into_iter().map(|rule| ArmedRule { rule, seen: 0, used: 0 }).collect();
    }

    pub(crate) fn add(&self, rule: Rule) {
        self.lock().push(ArmedRule { rule, seen: 0, used: 0 });
    }

    pub(crate) fn list(&self) -> Vec<ArmedRule> {
        self.lock().clone()
    }

    /// The first rule that strikes this call. Spent rules and rules that leave it alone pass it on.
    pub(crate) fn choose(&self, target: &Target<'_>, random: &Random) -> Option<Rule> {
        for armed in self.lock().iter_mut().filter(|armed| armed.rule.matches(target)) {
            armed.seen += 1;
            let spent = armed.rule.times.is_some_and(|times| armed.used >= times);
            if armed.seen <= armed.rule.skip || spent {
                continue;
            }
            if armed.rule.probability.is_none_or(|probability| random.chance(probability)) {
                armed.used += 1;
                return Some(armed.rule.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(faults: &Faults, action: &str, account: &str, body: &str) -> Option<Fault> {
        let target = Target { action, account, body: body.as_bytes() };
        faults.choose(&target, &Random::new(Some(1))).map(|rule| rule.fault)
    }

    #[test]
    fn the_first_rule_that_matches_and_is_not_spent_wins() {
        let faults = Faults::default();
        faults.add(Rule::on("CreateProduct", Fault::Throttle).times(1).skip(1));
        faults.add(Rule::on("CreateProduct", Fault::error("InternalError")).body("lamp"));
        assert_eq!(choose(&faults, "CreateProduct", "a", "{}"), None, "skipped");
        assert_eq!(choose(&faults, "CreateProduct", "a", "{}"), Some(Fault::Throttle));
        assert_eq!(choose(&faults, "CreateProduct", "a", "street lamp"), Some(Fault::error("InternalError")));
        assert_eq!(choose(&faults, "CreateProduct", "a", "meter"), None);
        assert_eq!(choose(&faults, "DeleteProduct", "a", "lamp"), None);
        assert_eq!(faults.list()[0].used, 1);
    }

    #[test]
    fn rules_can_be_bound_to_an_account() {
        let faults = Faults::default();
        faults.add(Rule::any(Fault::drop_before()).account("b"));
        assert_eq!(choose(&faults, "X", "a", ""), None);
        assert_eq!(choose(&faults, "X", "b", ""), Some(Fault::drop_before()));
    }

    #[test]
    fn json_form_is_flat_and_closed() {
        let rule: Rule = serde_json::from_str(
            r#"{"action":"CreateProduct","times":2,"fault":{"kind":"drop","when":"before","delay_effect_ms":50}}"#,
        )
        .unwrap();
        assert_eq!(rule, Rule::on("CreateProduct", Fault::late(50)).times(2));
        assert!(serde_json::from_str::<Rule>(r#"{"acton":"X"}"#).is_err());
        assert!(
            serde_json::from_str::<Rule>(r#"{"fault":{"kind":"drop","when":"before","delay":1}}"#).is_err()
        );
        let throttle: Rule = serde_json::from_str(r#"{"fault":{"kind":"throttle"}}"#).unwrap();
        assert_eq!(throttle.fault, Fault::Throttle);
    }
}
