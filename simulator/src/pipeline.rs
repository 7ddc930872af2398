//! The way of one call: log, faults before the effect, effect, faults after it, answer.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{DATE, RETRY_AFTER};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::calls::{CallState, Decision};
use crate::core::Core;
use crate::door::{Answered, Door, Subject};
use crate::faults::{Fault, Garbage, Rule, Target, When};
use crate::reply::Reply;
use crate::server::{Incoming, Moment};
use crate::settings::Settings;

/// A call on its way.
struct Run {
    core: Arc<Core>,
    door: Door,
    incoming: Incoming,
    settings: Arc<Settings>,
    subject: Subject,
    sequence: u64,
    rule: Rule,
}

/// Where the answer goes.
type Exit = oneshot::Sender<Reply>;

/// Carries a call out. A rule that comes with it takes the place of those that are armed.
pub(crate) async fn run(core: Arc<Core>, door: Door, incoming: Incoming, rule: Option<Rule>, exit: Exit) {
    let subject = door.subject(&core, &incoming);
    let settings = core.settings.get();
    let url = incoming.uri.to_string();
    let sequence = core.calls.begin(&subject.account, &subject.action, &url, core.now_ms());
    let body = if incoming.body.is_empty() { incoming.query().as_bytes() } else { &incoming.body };
    let target = Target { action: &subject.action, account: &subject.account, body };
    let rule = rule.or_else(|| core.faults.choose(&target, &core.random)).unwrap_or_default();
    let call = Run { core, door, incoming, settings, subject, sequence, rule };
    let latency = call.settings.latency_ms + call.rule.latency_ms;
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
    call.before(exit).await;
}

impl Run {
    fn decide(&self, decision: Decision) {
        tracing::debug!(
            sequence = self.sequence,
            account = self.subject.account,
            action = self.subject.action,
            code = decision.code,
            "call"
        );
        self.core.calls.decide(self.sequence, &self.subject.account, &self.subject.action, decision);
    }

    fn state(&self, state: CallState) {
        self.core.calls.set_state(self.sequence, state);
    }

    /// Records a call that had neither effect nor answer.
    fn lost(&self, code: &str, state: CallState) {
        self.state(state);
        self.decide(Decision { code: code.to_owned(), ..Decision::default() });
    }

    /// Answers with something that is not the vendor's, without effect.
    fn instead(&self, code: &str, reply: Reply, exit: Exit) {
        let status = Some(reply.status.as_u16());
        self.decide(Decision { status, code: code.to_owned(), ..Decision::default() });
        self.send(reply, exit);
    }

    async fn before(self, mut exit: Exit) {
        match &self.rule.fault {
            Fault::Error { code, message } => {
                let message = message.as_deref().unwrap_or("The simulator was told to answer so.");
                let Self { core, incoming, settings, door, .. } = &self;
                let answered = door.refuse(core, incoming, settings, (code, message));
                self.refuse(answered, exit);
            }
            Fault::Throttle => {
                let answered = self.door.throttle(&self.core, &self.incoming, &self.settings);
                self.refuse(answered, exit);
            }
            Fault::Status { status, when: When::Before, retry_after } => {
                let reply = bare(*status, retry_after.as_deref());
                self.instead(&format!("HTTP{status}"), reply, exit);
            }
            Fault::Garbage { form, when: When::Before } => {
                let reply = spoil(*form, self.door.empty().to_vec());
                self.instead("Garbage", reply, exit);
            }
            Fault::Drop { when: When::Before, delay_effect_ms: None } => self.lost("Cut", CallState::Cut),
            Fault::Drop { when: When::Before, delay_effect_ms: Some(delay) } => {
                let delay = Duration::from_millis(*delay);
                self.state(CallState::Cut);
                drop(exit);
                tokio::time::sleep(delay).await;
                self.decide(self.effect().decision);
            }
            Fault::Hang { when: When::Before } => {
                if self.wait(CallState::Hanging, &mut exit).await {
                    self.state(CallState::Running);
                    self.after(exit).await;
                } else {
                    self.lost("Left", CallState::Left);
                }
            }
            _ => self.after(exit).await,
        }
    }

    /// Carries the action out; all but the answer is done when this returns.
    fn effect(&self) -> Answered {
        let settings = &self.settings;
        let lag = self.rule.list_lag_ms.unwrap_or(settings.list_lag_ms);
        let moment = Moment {
            unix_seconds: self.vendor_seconds(),
            instant: Instant::now(),
            list_lag: Duration::from_millis(lag),
        };
        self.door.handle(&self.core, &self.incoming, settings, &moment)
    }

    async fn after(self, mut exit: Exit) {
        let mut answered = self.effect();
        let reply = match &self.rule.fault {
            Fault::Status { status, when: When::After, retry_after } => {
                answered.decision.status = Some(*status);
                Some(bare(*status, retry_after.as_deref()))
            }
            Fault::Drop { when: When::After, .. } => {
                answered.decision.status = None;
                None
            }
            Fault::Garbage { form, when: When::After } => Some(spoil(*form, answered.reply.body.to_vec())),
            _ => Some(answered.reply),
        };
        self.decide(answered.decision);
        let Some(reply) = reply else {
            return self.state(CallState::Cut);
        };
        let held = matches!(self.rule.fault, Fault::Hang { when: When::After });
        if held && !self.wait(CallState::Held, &mut exit).await {
            return self.state(CallState::Left);
        }
        self.send(reply, exit);
    }

    /// Waits at the call's gate; false when the client left.
    async fn wait(&self, state: CallState, exit: &mut Exit) -> bool {
        let gate = self.core.calls.hold(self.sequence, state);
        tokio::select! {
            released = gate => released.is_ok(),
            () = exit.closed() => {
                self.core.calls.forget_gate(self.sequence);
                false
            }
        }
    }

    fn refuse(&self, answered: Answered, exit: Exit) {
        self.decide(answered.decision);
        self.send(answered.reply, exit);
    }

    fn vendor_seconds(&self) -> i64 {
        let skew = self.rule.clock_skew_seconds.unwrap_or(self.settings.clock_skew_seconds);
        self.core.now_ms().div_euclid(1000).saturating_add(skew)
    }

    fn send(&self, reply: Reply, exit: Exit) {
        let date = jiff::Timestamp::from_second(self.vendor_seconds()).ok().and_then(|time| {
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()
        });
        let reply = match date {
            Some(date) => reply.header(DATE, &date),
            None => reply,
        };
        // First the state: whoever has the answer may look the call up at once.
        self.state(CallState::Answered);
        if exit.send(reply).is_err() {
            self.state(CallState::Left);
        }
    }
}

/// An answer that is not the vendor's.
fn bare(status: u16, retry_after: Option<&str>) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!("<html><body><h1>{status}</h1></body></html>\n");
    let reply = Reply::new(status, "text/html", page);
    match retry_after {
        Some(value) => reply.header(RETRY_AFTER, value),
        None => reply,
    }
}

/// Makes an answer unreadable.
fn spoil(form: Garbage, mut body: Vec<u8>) -> Reply {
    let half = body.len() / 2;
    match form {
        Garbage::NotJson => {
            Reply::new(StatusCode::OK, "text/html", "<html><body>Service portal</body></html>\n")
        }
        Garbage::TruncatedJson => {
            body.truncate(half);
            Reply::json(StatusCode::OK, body)
        }
        Garbage::NotUtf8 => {
            body.splice(half..half, [0xff, 0xfe, 0xc3]);
            Reply::json(StatusCode::OK, body)
        }
        Garbage::CutBody => Reply { sent: Some(half), ..Reply::json(StatusCode::OK, body) },
        Garbage::Empty => Reply::json(StatusCode::OK, Vec::new()),
    }
}
