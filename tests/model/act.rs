//! The steps in which a process carries a plan out, each ending at a call of its own: what `src/controller/act.rs`
//! and `delete.rs` do, with everything that may come between.

use iot_product_operator::plan::Plan;

use crate::explore::Setting;
use crate::rules::{decide, deleted, standing};
use crate::state::{
    Answer, Breach, Entry, LIMIT, Maker, Marked, Object, Phase, Request, State, Thing, Tick, Todo,
};

impl State {
    /// A visit up to its decision.
    pub(crate) fn visit(
        &mut self,
        by: usize,
        stale: bool,
        lag: Option<Tick>,
        wrong: bool,
        setting: &Setting,
    ) {
        let mut memory = self.controllers[by].clone();
        // Who remembers an attempt reads anew what shows none.
        let shown = |old: &Object| stale && !(old.untouched() && memory.ledger.is_some());
        let (object, stale) = match &self.stale {
            Some(old) if shown(old) => ((**old).clone(), true),
            _ => (self.object.clone(), false),
        };
        let plan = decide(self, &object, &mut memory, &setting.rules, lag, wrong);
        memory.phase = phase(&plan, &object, self, setting, !stale);
        self.controllers[by] = memory;
    }

    /// The next call of a process that is in the middle of a visit.
    pub(crate) fn step(&mut self, by: usize, setting: &Setting) {
        let phase = std::mem::replace(&mut self.controllers[by].phase, Phase::Idle);
        match phase {
            Phase::Planned { todo, fresh } => self.begin(by, todo, fresh, setting),
            Phase::Answered { ledger, before, answer: Answer::Created(id) } => {
                self.created(by, ledger, before, id, setting);
            }
            Phase::Answered { ledger, before, answer } => self.refused(by, ledger, before, answer, setting),
            Phase::Claiming { ledger, id, surplus, sent } => {
                self.claimed(by, ledger, id, &surplus, sent, setting);
            }
            Phase::Releasing { fresh } => self.release(by, fresh, setting),
            Phase::Waiting { .. } | Phase::Idle => {}
        }
    }

    fn begin(&mut self, by: usize, todo: Todo, fresh: bool, setting: &Setting) {
        let fresh = fresh || !setting.rules.preconditions;
        // What a list shows that lags may be gone.
        let there = |id: u8| self.thing(id).is_some() || !setting.rules.reads_found;
        if self.object.gone {
            return;
        }
        match todo {
            Todo::Create { attempt, name } => self.create(by, attempt, name, setting),
            Todo::Take { id, surplus } if there(id) => self.take(by, id, surplus, setting),
            Todo::Rename { id, name } => self.rename(id, name, setting),
            Todo::Recreate { id } => {
                if self.object.recorded == Some(id) {
                    let before = self.object.clone();
                    self.object.previous = self.object.recorded.take();
                    self.wrote(by, Some(before), setting);
                }
            }
            Todo::Delete { id } => self.delete(by, id, fresh, setting),
            Todo::Found { id } if there(id) => {
                let Some(ledger) = self.controllers[by].ledger else { return };
                let before = self.object.clone();
                self.object.ledger = Some(ledger);
                self.wrote(by, Some(before), setting);
                self.controllers[by].phase = Phase::Claiming { ledger, id, surplus: Vec::new(), sent: None };
            }
            Todo::Release => self.release(by, fresh, setting),
            Todo::Take { .. } | Todo::Found { .. } => {}
        }
    }

    fn release(&mut self, by: usize, fresh: bool, setting: &Setting) {
        if fresh && !self.object.gone {
            self.object.gone = true;
            self.wrote(by, None, setting);
        }
    }

    /// Finalizer and ledger in one patch, then the call. A process that stops between the two is one whose call
    /// was lost.
    fn create(&mut self, by: usize, attempt: u8, name: u8, setting: &Setting) {
        if self.object.recorded.is_some() {
            self.breach = Some(Breach::CreatedWhileRecorded);
        }
        let before = standing(&self.object, &self.controllers[by]);
        let ledger = Entry { attempt, name, deadline: LIMIT, open: true, taken: None, again: None };
        let old = self.object.clone();
        self.object.finalizer = true;
        self.object.ledger = Some(ledger);
        self.wrote(by, Some(old), setting);
        let controller = &mut self.controllers[by];
        controller.ledger = Some(ledger);
        controller.phase = Phase::Waiting { ledger, before };
        let waits = Some((u8::try_from(by).expect("one of two"), attempt));
        self.requests.push(Request { waits, name, deadline: LIMIT, late: false, excused: false });
    }

    fn take(&mut self, by: usize, id: u8, surplus: Vec<u8>, setting: &Setting) {
        let known = self.controllers[by].ledger;
        let name = self.things.iter().find(|thing| thing.id == id).map_or(0, |thing| thing.name);
        let attempt = known.map_or(0, |entry| entry.attempt);
        let ledger =
            Entry { attempt, name, deadline: 0, open: setting.rules.claims_open, taken: None, again: None };
        let old = self.object.clone();
        self.object.finalizer = true;
        self.object.ledger = Some(ledger);
        self.wrote(by, Some(old), setting);
        self.controllers[by].ledger = Some(ledger);
        let sent = known.map(|entry| entry.name);
        self.controllers[by].phase = Phase::Claiming { ledger, id, surplus, sent };
    }

    /// The vendor's rename is by id, and refused when the name is taken.
    fn rename(&mut self, id: u8, name: u8, setting: &Setting) {
        if setting.unique() && self.taken_now(name) {
            return;
        }
        if let Some(at) = self.things.iter().position(|t| t.id == id && t.removed.is_none()) {
            let old = std::mem::replace(&mut self.things[at].name, name);
            self.free(old, setting.unique());
        }
    }

    fn delete(&mut self, by: usize, id: u8, fresh: bool, setting: &Setting) {
        let there = self.thing(id).is_some();
        self.destroy(id, setting);
        if !setting.traits.reads_by_id {
            deleted(&self.object, &mut self.controllers[by]);
        } else if there {
            self.controllers[by].phase = Phase::Releasing { fresh };
        }
        // Not found: the next visit looks.
    }

    /// A call of ours that removes a product.
    fn destroy(&mut self, id: u8, setting: &Setting) {
        if self.thing(id).is_some_and(|thing| thing.maker == Maker::Stranger) {
            self.breach = Some(Breach::ForeignDeleted);
        }
        self.remove(id, setting.unique());
    }

    /// Create 5, with everything that `record_id` does when it fails.
    fn created(&mut self, by: usize, ledger: Entry, before: Option<Entry>, id: u8, setting: &Setting) {
        if self.record(by, ledger, id, setting) {
            return;
        }
        let later = self.object.ledger.is_some_and(|written| written.attempt > ledger.attempt);
        let overtaken = later && !setting.rules.lowers;
        match self.object.recorded {
            Some(recorded) if recorded == id && !self.object.gone => {}
            // Another process went on.
            None if !self.object.gone && overtaken => {}
            None if !self.object.gone => {
                // A ledger edited or written over meanwhile: it is ours as long as the object is.
                let old = self.object.clone();
                self.object.ledger = Some(ledger);
                self.wrote(by, Some(old), setting);
                let answer = Answer::Created(id);
                self.controllers[by].phase = Phase::Answered { ledger, before, answer };
            }
            _ => self.destroy(id, setting),
        }
    }

    /// Create 4: a clear refusal closes the ledger, or gives it back to the unclear attempt before.
    fn refused(
        &mut self,
        by: usize,
        ledger: Entry,
        before: Option<Entry>,
        answer: Answer,
        setting: &Setting,
    ) {
        if self.object.gone || !self.object.ledger.is_some_and(|entry| entry.same(ledger)) {
            return;
        }
        let before = before.filter(|before| before.name == ledger.name);
        let closed = match (answer == Answer::Taken, before) {
            (false, Some(before)) if before.open => Entry { deadline: before.deadline, ..ledger },
            (taken, Some(Entry { open: false, taken: Some(told), again, attempt, .. })) => {
                let (since, last) = again.unwrap_or((attempt, told));
                let again = Some((since, if taken { 0 } else { last }));
                Entry { open: false, taken: Some(told), again, ..ledger }
            }
            (false, _) => Entry { open: false, ..ledger },
            (true, _) => Entry { open: false, taken: Some(0), ..ledger },
        };
        let old = self.object.clone();
        self.object.ledger = Some(closed);
        self.wrote(by, Some(old), setting);
        self.controllers[by].ledger = Some(closed);
    }

    fn claimed(
        &mut self,
        by: usize,
        ledger: Entry,
        id: u8,
        surplus: &[u8],
        sent: Option<u8>,
        setting: &Setting,
    ) {
        let free = |thing: &Thing| setting.rules.adopts && thing.marked == Marked::Plain;
        if self.thing(id).is_some_and(|thing| thing.maker == Maker::Stranger && !free(thing)) {
            self.breach = Some(Breach::ForeignTaken);
        }
        if !self.record(by, ledger, id, setting) {
            return;
        }
        for thing in self.things.iter_mut().filter(|thing| thing.id == id) {
            thing.maker = Maker::Us;
        }
        for other in surplus {
            if self.thing(*other).is_some_and(|thing| Some(thing.name) == sent) {
                self.destroy(*other, setting);
            }
        }
    }

    /// The JSON Patch that records an id alone.
    fn record(&mut self, by: usize, ledger: Entry, id: u8, setting: &Setting) -> bool {
        let holds =
            self.object.ledger.is_some_and(|entry| entry.same(ledger)) && self.object.recorded.is_none();
        if self.object.gone || (setting.rules.tests && !holds) {
            return false;
        }
        if self.object.recorded.is_some_and(|other| other != id && self.thing(other).is_some()) {
            self.breach = Some(Breach::TwoRecorded);
        }
        let old = self.object.clone();
        self.object.recorded = Some(id);
        self.object.attempt = ledger.attempt;
        self.wrote(by, Some(old), setting);
        true
    }

    /// What a write of one process does to what is known of the object.
    fn wrote(&mut self, by: usize, before: Option<Object>, setting: &Setting) {
        self.changed(before, setting);
        self.controllers[by].current = true;
    }

    /// The object is another version: preconditions of what was read before fail.
    pub(crate) fn changed(&mut self, before: Option<Object>, setting: &Setting) {
        for controller in &mut self.controllers {
            let kept = matches!(
                &controller.phase,
                Phase::Planned {
                    todo: Todo::Delete { .. } | Todo::Recreate { .. } | Todo::Rename { .. },
                    ..
                }
            ) || !setting.rules.preconditions;
            match &mut controller.phase {
                Phase::Planned { fresh, .. } if kept => *fresh = false,
                // A conflict is sure.
                Phase::Planned { .. } | Phase::Releasing { .. } => controller.phase = Phase::Idle,
                _ => {}
            }
        }
        let shows =
            |before: &Object| (before.recorded.is_some() || before.untouched()) && *before != self.object;
        if let Some(before) = before.filter(shows) {
            self.stale = Some(Box::new(before));
            for controller in &mut self.controllers {
                controller.current = false;
            }
        }
    }

    /// The vendor carries a create out.
    pub(crate) fn arrive(&mut self, at: usize, refused: bool, setting: &Setting) {
        let request = self.requests.remove(at);
        let answer = if refused {
            Answer::Refused
        } else if setting.unique() && self.taken_now(request.name) {
            Answer::Taken
        } else {
            self.made += 1;
            self.things.push(Thing {
                id: self.made,
                name: request.name,
                maker: Maker::Us,
                marked: Marked::Ours,
                born: 0,
                removed: None,
                excused: request.excused,
            });
            Answer::Created(self.made)
        };
        let Some((by, attempt)) = request.waits else { return };
        let controller = &mut self.controllers[usize::from(by)];
        if let Phase::Waiting { ledger, before } = &controller.phase
            && ledger.attempt == attempt
        {
            controller.phase = Phase::Answered { ledger: *ledger, before: *before, answer };
        }
    }
}

/// What a plan is about to do.
fn phase(plan: &Plan, object: &Object, state: &State, setting: &Setting, fresh: bool) -> Phase {
    let number = |id: &str| id.parse().expect("an id of the model");
    let todo = match plan {
        Plan::Create { attempt } => {
            Todo::Create { attempt: u8::try_from(*attempt).expect("few attempts"), name: object.name }
        }
        Plan::Take { product, surplus, .. } => {
            Todo::Take { id: number(&product.id), surplus: surplus.iter().map(|p| number(&p.id)).collect() }
        }
        Plan::Keep { product } => {
            let id = number(&product.id);
            let differs = state.thing(id).is_some_and(|thing| thing.name != object.name);
            if !differs || !setting.renames() {
                return Phase::Idle;
            }
            Todo::Rename { id, name: object.name }
        }
        Plan::Recreate { id } => Todo::Recreate { id: number(id) },
        Plan::Delete { product } => Todo::Delete { id: number(&product.id) },
        Plan::DeleteFound { product } => Todo::Found { id: number(&product.id) },
        Plan::Gone | Plan::Forget { .. } => Todo::Release,
        Plan::Wait(_) | Plan::Look { .. } | Plan::Done => return Phase::Idle,
    };
    match todo {
        // A conflict is sure.
        Todo::Create { .. } | Todo::Take { .. } | Todo::Found { .. }
            if !fresh && setting.rules.preconditions =>
        {
            Phase::Idle
        }
        _ => Phase::Planned { todo, fresh },
    }
}
