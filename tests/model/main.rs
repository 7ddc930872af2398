//! The protocol as a state machine over the product's own decision (`plan::need` and `plan::plan`), explored
//! exhaustively by the model checker `stateright`.
//!
//! Two processes that both believe to lead, an object that is written by preconditions, a store that lags, and
//! a vendor that refuses taken names or not, reads by id or not, and lets descriptions be rewritten or not.
//! Whatever order calls, answers, faults, users and strangers come in, the promise of `docs/protocol.md` is kept;
//! and with a rule of it broken it is not, or the model would prove nothing.
//!
//! `make model` explores two faults at each vendor whose products can be read by their ids, and one where lists are
//! the only reading, there only for a time (`MODEL_FAULTS`, `MODEL_MINUTES`); without it there is one fault less, and
//! lists lag less.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests say what they saw, and end where it is wrong"
)]

mod act;
mod explore;
mod mutants;
mod origin;
mod reduce;
mod rules;
mod state;

use std::time::{Duration, Instant};

use iot_product_operator::vendor::{Traits, alibaba, huawei, tencent, tencent_legacy};
use stateright::{Checker as _, DiscoveryClassification, HasDiscoveries, Model as _};

use explore::{Action, Setting};
use rules::Rules;
use state::{Budget, State, Tick};

/// How much is explored.
struct Bounds {
    faults: u8,
    lag: Tick,
    most: u8,
}

/// How long is explored what has too many states for all of them.
fn patience() -> Duration {
    let minutes = std::env::var("MODEL_MINUTES").ok().and_then(|text| text.parse().ok());
    Duration::from_mins(minutes.unwrap_or(2))
}

/// Everything where `make model` asks for it, else what takes seconds.
fn bounds() -> Bounds {
    match std::env::var("MODEL_FAULTS").ok().and_then(|text| text.parse().ok()) {
        Some(faults) => Bounds { faults, lag: 2, most: 3 },
        None => Bounds { faults: 1, lag: 1, most: 2 },
    }
}

/// Explores everything, or for a time, and fails with a way into a broken promise.
fn holds(vendor: &str, setting: Setting, time: Option<Duration>) {
    let begun = Instant::now();
    let (Budget { faults, renames, deletes, .. }, lag) = (setting.budget, setting.lag);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let any = HasDiscoveries::AnyFailures;
    let checker = setting.checker().threads(threads).finish_when(any);
    let checker = if let Some(time) = time { checker.timeout(time) } else { checker }.spawn_bfs().join();
    let all = time.is_none_or(|time| begun.elapsed() < time);
    eprintln!(
        "{vendor}: 2 controllers, {faults} faults, {renames} renames, {deletes} deletions, lists behind by {lag}: {} states, depth {}, {:.1} s, {}",
        checker.unique_state_count(),
        checker.max_depth(),
        begun.elapsed().as_secs_f32(),
        if all { "all of them" } else { "not all: the time is over" },
    );
    for (property, path) in checker.discoveries() {
        if matches!(checker.discovery_classification(property), DiscoveryClassification::Counterexample) {
            panic!("{vendor}: broken: {property}\n{}", story(&path.into_vec()));
        }
    }
    if all {
        checker.assert_properties();
    }
}

/// What happened, and what came of it.
fn story(path: &[(State, Option<Action>)]) -> String {
    let line = |(state, action): &(State, Option<Action>)| {
        let action = action.as_ref().map_or_else(String::new, |action| format!("    {action:?}"));
        format!("{}\n{action}", state.brief())
    };
    path.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn vendor(name: &str, traits: &'static Traits) {
    let Bounds { faults, lag, most } = bounds();
    // Where lists are the only reading every age of everything matters, and the states are twenty times as many.
    let (faults, lag, most, time) = match (traits.reads_by_id, faults) {
        (true, _) => (faults, lag, most, None),
        (false, 0 | 1) => (0, 0, 1, None),
        (false, _) => (faults - 1, lag, most, Some(patience())),
    };
    for (renames, deletes) in [(1, 0), (0, 1)] {
        let budget = Budget { faults, renames, deletes, wrong: 1 };
        holds(name, Setting { lag, most, ..Setting::new(traits, Rules::kept(traits), budget) }, time);
    }
}

/// What a stranger made is taken over by its name and then deleted, at every vendor.
#[test]
fn adopted() {
    for (name, traits) in [
        ("TencentCloud", &tencent::TRAITS),
        ("TencentCloudLegacy", &tencent_legacy::TRAITS),
        ("AlibabaCloud", &alibaba::TRAITS),
        ("HuaweiCloud", &huawei::TRAITS),
    ] {
        let rules = Rules { adopts: true, ..Rules::kept(traits) };
        let budget = Budget { faults: 1, renames: 0, deletes: 1, wrong: 0 };
        let all = traits.reads_by_id;
        let short = Duration::from_secs(15);
        let time = (!all).then(|| if bounds().faults > 1 { patience() } else { short });
        holds(name, Setting { lag: 1, most: 1, ..Setting::new(traits, rules, budget) }, time);
    }
}

#[test]
fn tencent() {
    vendor("TencentCloud", &tencent::TRAITS);
}

#[test]
fn tencent_legacy() {
    vendor("TencentCloudLegacy", &tencent_legacy::TRAITS);
}

#[test]
fn alibaba() {
    vendor("AlibabaCloud", &alibaba::TRAITS);
}

#[test]
fn huawei() {
    vendor("HuaweiCloud", &huawei::TRAITS);
}
