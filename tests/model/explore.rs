//! What can happen in a state, for the model checker; and what must hold.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use iot_product_operator::vendor::Traits;
use stateright::{Model, Property};

use crate::rules::{Rules, list_may_lag};
use crate::state::{Budget, LIMIT, LONG, Maker, Marked, Object, Phase, State, Thing, Tick};

/// Visits of each process within which everything is to be settled once nothing goes wrong any more.
const ROUNDS: usize = 60;

/// A vendor, the rules, and what may go wrong.
pub(crate) struct Setting {
    pub(crate) traits: &'static Traits,
    pub(crate) rules: Rules,
    pub(crate) budget: Budget,
    /// A list may be behind by so many ticks.
    pub(crate) lag: Tick,
    /// A call may be delivered so many ticks after its deadline.
    pub(crate) late: Tick,
    /// Attempts and products beyond which nothing is explored.
    pub(crate) most: u8,
    pub(crate) settled: Mutex<HashSet<u64>>,
}

/// One step of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A process reads object and vendor, and decides. It may see an old object, or a list that lags.
    Visit { by: usize, old_object: bool, old_list: bool, wrong: bool },
    /// A process makes its next call.
    Step { by: usize },
    /// A create has its effect, and is answered if anyone waits; or it is refused.
    Arrive { request: usize, refused: bool },
    /// A create is lost with its connection.
    Lose { request: usize },
    /// Its connection is cut, and it has its effect later: soon, or after its deadline.
    Delay { request: usize },
    /// A process dies and starts again.
    Crash { by: usize },
    /// Ten seconds pass.
    Tick,
    /// Ten minutes pass.
    Leap,
    /// The user gives the object the other name.
    Rename,
    /// The user deletes the object.
    Delete,
    /// Somebody else creates a product of the first name.
    Stranger { marked: Marked },
    /// Somebody else deletes the recorded product.
    Remove,
    /// Another operator takes the recorded product over.
    Seize,
}

impl Setting {
    pub(crate) fn new(traits: &'static Traits, rules: Rules, budget: Budget) -> Self {
        Self { traits, rules, budget, lag: 2, late: 4, most: 3, settled: Mutex::default() }
    }

    pub(crate) fn unique(&self) -> bool {
        self.traits.refuses_taken_names
    }

    /// The vendor can change a product's name.
    pub(crate) fn renames(&self) -> bool {
        self.traits.rule("name").is_some_and(|rule| rule.mutable)
    }

    fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        for (request, sent) in state.requests.iter().enumerate() {
            // One that is going to be lost or late touches nothing before it is, so it may be so from the start.
            if sent.deadline == LIMIT && !sent.late {
                actions.extend([Action::Lose { request }, Action::Delay { request }]);
            }
            if sent.waits.is_some() {
                actions.push(Action::Arrive { request, refused: true });
            }
        }
        actions.extend((0..2).map(|by| Action::Crash { by }));
        let stranger = state.things.iter().any(|thing| thing.maker == Maker::Stranger);
        let refused = self.unique() && state.taken_now(0);
        if state.made < self.most && !stranger && !refused {
            actions.push(Action::Stranger { marked: Marked::Plain });
            actions.push(Action::Stranger { marked: Marked::Foreign });
        }
        if let Some(thing) = state.object.recorded.and_then(|id| state.thing(id)) {
            actions.push(Action::Remove);
            let deciding =
                state.controllers.iter().any(|c| !matches!(c.phase, Phase::Idle | Phase::Waiting { .. }));
            // Between a look at the mark and the call that deletes nothing protects, at no vendor.
            if self.traits.can_remark && thing.marked == Marked::Ours && !deciding {
                actions.push(Action::Seize);
            }
        }
    }

    fn edits(&self, state: &State, actions: &mut Vec<Action>) {
        let Object { recorded, deleting, .. } = state.object;
        // A name freezes with the product where the vendor cannot change it.
        if state.budget.renames > 0 && !deleting && (self.renames() || recorded.is_none()) {
            actions.push(Action::Rename);
        }
        if state.budget.deletes > 0 && !deleting {
            actions.push(Action::Delete);
        }
    }

    fn may_pass(&self, state: &State) -> bool {
        state.requests.iter().all(|r| r.deadline > if r.late { -self.late } else { 1 })
    }

    /// A user's or stranger's deed.
    fn deed(&self, next: &mut State, action: &Action) {
        let recorded = next.object.recorded.unwrap_or_default();
        match action {
            Action::Rename => {
                next.budget.renames -= 1;
                let before = next.object.clone();
                next.object.name = 1 - next.object.name;
                next.changed(Some(before), self);
            }
            Action::Delete => {
                next.budget.deletes -= 1;
                let before = next.object.clone();
                next.object.deleting = true;
                next.object.gone = !next.object.finalizer;
                next.changed(Some(before), self);
            }
            Action::Stranger { marked } => {
                next.made += 1;
                next.things.push(Thing {
                    id: next.made,
                    name: 0,
                    maker: Maker::Stranger,
                    marked: *marked,
                    born: 0,
                    removed: None,
                    excused: false,
                });
            }
            Action::Remove => next.remove(recorded, self.unique()),
            Action::Seize => {
                for thing in next.things.iter_mut().filter(|thing| thing.id == recorded) {
                    thing.maker = Maker::Stranger;
                    thing.marked = Marked::Foreign;
                }
            }
            _ => {}
        }
    }

    /// From here on nothing goes wrong any more: where it ends. Each round everything that is under way ends,
    /// both processes visit, and time passes.
    fn round(&self, mut state: State) -> State {
        while !state.requests.is_empty() {
            state.arrive(0, false, self);
        }
        for by in [0, 1] {
            for _ in 0..8 {
                state.step(by, self);
            }
            state.visit(by, false, None, false, self);
            for _ in 0..8 {
                while !state.requests.is_empty() {
                    state.arrive(0, false, self);
                }
                state.step(by, self);
            }
        }
        state.pass(1, self.lag);
        state.canonical(self.lag, self.rules.believes)
    }

    /// What was asked for is done, or it is said why not.
    fn done(&self, state: &State) -> bool {
        if !state.quiet() {
            return false;
        }
        if state.object.gone {
            return state.ours().next().is_none();
        }
        // Where one product is of the documented exception, either of the two may be the recorded one.
        let only = |recorded: &Thing| {
            state.ours().all(|thing| thing.id == recorded.id)
                || (recorded.excused && state.ours().count() <= 1)
        };
        match state.object.recorded.and_then(|id| state.thing(id)) {
            _ if state.object.deleting => false,
            // Another owner took it over: `NameConflict`.
            Some(thing) if thing.maker == Maker::Stranger => state.ours().next().is_none(),
            Some(thing) => {
                let others = state.taken_now(state.object.name) && self.unique();
                only(thing) && (thing.name == state.object.name || others || !self.renames())
            }
            // A stranger's product has the name: `NameConflict`.
            None => {
                state.object.recorded.is_none()
                    && state.ours().next().is_none()
                    && state.things.iter().any(|t| {
                        t.maker == Maker::Stranger && t.removed.is_none() && t.name == state.object.name
                    })
            }
        }
    }

    fn converges(&self, state: &State) -> bool {
        let budget = Budget { faults: 0, renames: 0, deletes: 0, wrong: 0 };
        let mut state = State { budget, ..state.clone() };
        let mut passed = Vec::new();
        let known = |key| self.settled.lock().unwrap_or_else(PoisonError::into_inner).contains(&key);
        let mut rounds = 0;
        loop {
            let key = fingerprint(&state);
            if known(key) || self.done(&state) {
                passed.push(key);
                break;
            }
            let still = passed.contains(&key);
            passed.push(key);
            rounds += 1;
            if rounds > ROUNDS || state.breach.is_some() {
                return false;
            }
            if still {
                state.pass(LONG, self.lag);
            }
            state = self.round(state);
        }
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
        true
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

impl Model for Setting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.budget)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.breach.is_some() || state.ours().count() > 1 {
            return;
        }
        for (by, controller) in state.controllers.iter().enumerate() {
            match &controller.phase {
                Phase::Idle if !state.object.gone => {
                    let old = state.stale.is_some() && !controller.current;
                    for old_object in [false, true] {
                        if old_object && !old {
                            continue;
                        }
                        let lags = self.rules.old_lists || list_may_lag(state, self.lag);
                        let errs = state.budget.wrong.min(state.budget.faults) > 0
                            && self.traits.reads_by_id
                            && state.object.recorded.is_some_and(|id| state.thing(id).is_some());
                        for (old_list, wrong) in [(false, false), (true, false), (false, true), (true, true)]
                        {
                            if (lags || !old_list) && (errs || !wrong) {
                                actions.push(Action::Visit { by, old_object, old_list, wrong });
                            }
                        }
                    }
                }
                Phase::Idle | Phase::Waiting { .. } => {}
                _ => actions.push(Action::Step { by }),
            }
        }
        for request in 0..state.requests.len() {
            actions.push(Action::Arrive { request, refused: false });
        }
        if state.budget.faults > 0 {
            self.faults(state, actions);
        }
        if !state.object.gone {
            self.edits(state, actions);
        }
        if self.may_pass(state) {
            actions.push(Action::Tick);
        }
        if state.requests.is_empty() && state.object.ledger.is_some_and(|entry| entry.taken.is_some()) {
            actions.push(Action::Leap);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match &action {
            Action::Visit { by, old_object, old_list, wrong } => {
                next.budget.faults -= u8::from(*wrong);
                next.budget.wrong -= u8::from(*wrong);
                next.visit(*by, *old_object, old_list.then_some(self.lag), *wrong, self);
            }
            Action::Step { by } => next.step(*by, self),
            Action::Arrive { request, refused } => {
                next.budget.faults -= u8::from(*refused);
                next.arrive(*request, *refused, self);
            }
            Action::Tick => next.pass(1, self.lag),
            Action::Leap => next.pass(LONG, self.lag),
            Action::Rename | Action::Delete => self.deed(&mut next, &action),
            fault => {
                next.budget.faults -= 1;
                match fault {
                    Action::Lose { request } => drop(next.requests.remove(*request)),
                    Action::Delay { request } => next.requests[*request].late = true,
                    Action::Crash { by } => next.restart(*by),
                    deed => self.deed(&mut next, deed),
                }
            }
        }
        let next = next.canonical(self.lag, self.rules.believes);
        (next != *last).then_some(next)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.made <= self.most && state.object.ledger.is_none_or(|entry| entry.attempt <= self.most)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "nothing is created while an id is recorded, and no id replaces another's",
                |_, state: &State| {
                    !matches!(
                        state.breach,
                        Some(crate::state::Breach::CreatedWhileRecorded | crate::state::Breach::TwoRecorded)
                    )
                },
            ),
            Property::always("no foreign product is taken or deleted", |_, state: &State| {
                !matches!(
                    state.breach,
                    Some(crate::state::Breach::ForeignDeleted | crate::state::Breach::ForeignTaken)
                )
            }),
            Property::always("one product", |_, state: &State| state.ours().count() <= 1),
            Property::always("nothing of ours outlives the object", |_, state: &State| {
                !state.object.gone || !state.quiet() || state.ours().next().is_none()
            }),
            Property::always(
                "it converges once nothing goes wrong any more",
                |setting: &Setting, state: &State| {
                    !state.quiet() || state.breach.is_some() || setting.converges(state)
                },
            ),
            // So that a model in which nothing happens does not pass.
            Property::sometimes("a product is recorded", |_, state: &State| state.object.recorded.is_some()),
            Property::sometimes("a deleted object is gone", |setting: &Setting, state: &State| {
                state.object.gone || setting.budget.deletes == 0
            }),
        ]
    }
}
