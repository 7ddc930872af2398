//! What makes the number of states finite, and small: times that no rule asks any more are alike, and so is what
//! nothing reads again. Each form stands for states in which from there on the same can happen.

use iot_product_operator::vendor::Traits;

use crate::state::{Controller, Entry, LATE, LONG, OLD, Object, Phase, State, Tick, VERY_OLD};

/// Whether a read may still say of a recorded product that it does not exist.
#[derive(Clone, Copy)]
struct Errs(bool);

impl Errs {
    /// The deadline of a settled attempt: how young its product is matters only to an answer that errs.
    fn last(self, deadline: Tick) -> Tick {
        if self.0 && deadline > -LATE { deadline } else { OLD }
    }
}

impl Controller {
    /// The ledgers that it knows, and that it may still write.
    fn entries(&mut self) -> Vec<&mut Entry> {
        let mut entries: Vec<&mut Entry> = self.ledger.iter_mut().collect();
        match &mut self.phase {
            Phase::Waiting { ledger, before } | Phase::Answered { ledger, before, .. } => {
                entries.push(ledger);
                entries.extend(before);
            }
            Phase::Claiming { ledger, .. } => entries.push(ledger),
            Phase::Idle | Phase::Planned { .. } | Phase::Releasing { .. } => {}
        }
        entries
    }

    /// Forgets what the next visit would not ask or learns anew.
    fn forget(&mut self, gone: bool, newest: u8, stale: bool) {
        self.current &= stale;
        // A higher attempt on the object takes its place.
        if gone || self.ledger.is_some_and(|entry| entry.attempt < newest) {
            self.ledger = None;
        }
        if gone {
            (self.first_empty, self.deleted) = (None, None);
        }
        if self.first_empty.is_none() && self.deleted.is_none() {
            self.sought = None;
        }
        match &mut self.phase {
            Phase::Planned { .. } | Phase::Releasing { .. } if gone => self.phase = Phase::Idle,
            Phase::Waiting { ledger, before } | Phase::Answered { ledger, before, .. } => {
                *before = before
                    .filter(|before| (before.open || before.taken.is_some()) && before.name == ledger.name);
            }
            _ => {}
        }
    }
}

impl State {
    /// Brings a state into the one form of all that differ in nothing that is asked any more.
    #[must_use]
    pub(crate) fn canonical(mut self, lag: Tick, traits: &Traits) -> Self {
        let reads_by_id = traits.reads_by_id;
        self.things.retain(|thing| thing.removed.is_none_or(|removed| removed + lag > 0));
        let object = &self.object;
        // One that differs in nothing that the decision about a recorded product rests on shows nothing else.
        self.stale = self.stale.filter(|old| {
            let decisive =
                |object: &Object| (object.recorded, object.name, object.deleting, object.untouched());
            let same = decisive(old) == decisive(object);
            !object.gone && (!same || !reads_by_id)
        });
        if let Some(stale) = self.stale.as_mut().filter(|_| reads_by_id) {
            (stale.ledger, stale.attempt, stale.previous) = (None, 0, None);
        }
        let (gone, newest) = (object.gone, object.ledger.map_or(0, |entry| entry.attempt));
        self.cut();
        for controller in &mut self.controllers {
            controller.forget(gone, newest, self.stale.is_some());
        }
        if gone {
            self.object = Object { gone, ..State::new(self.budget).object };
            self.budget.renames = 0;
            self.budget.deletes = 0;
        }
        if reads_by_id {
            if self.object.recorded.is_some() && self.budget.faults == 0 {
                self.settle(lag);
            }
            self.forget_known();
            self.forget_times(traits.refuses_taken_names);
        }
        self.sorted()
    }

    /// The two processes are alike.
    fn sorted(mut self) -> Self {
        if self.controllers[1] < self.controllers[0] {
            self.controllers.swap(0, 1);
            for (by, _) in self.requests.iter_mut().filter_map(|request| request.waits.as_mut()) {
                *by = 1 - *by;
            }
        }
        self.requests.sort();
        self
    }

    /// Nobody waits for a call that will not be answered: its connection is cut.
    fn cut(&mut self) {
        for request in &mut self.requests {
            let late = request.late;
            request.waits = request.waits.filter(|(by, attempt)| {
                let phase = &self.controllers[usize::from(*by)].phase;
                !late && matches!(phase, Phase::Waiting { ledger, .. } if ledger.attempt == *attempt)
            });
        }
        for (by, controller) in (0..).zip(&mut self.controllers) {
            let answered = self.requests.iter().any(|r| r.waits.is_some_and(|(waits, _)| waits == by));
            if matches!(controller.phase, Phase::Waiting { .. }) && !answered {
                controller.phase = Phase::Idle;
            }
        }
    }

    fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        let known = self.controllers.iter_mut().flat_map(Controller::entries);
        self.object.ledger.iter_mut().chain(known)
    }

    /// Whether a read may still err, now or once a product is recorded.
    fn errs(&self) -> Errs {
        Errs(self.budget.wrong.min(self.budget.faults) > 0)
    }

    /// What a visit would read anew from the object, and an id that no list shows any more.
    fn forget_known(&mut self) {
        let things = &self.things;
        let Object { ledger, attempt, previous, .. } = &mut self.object;
        *previous = previous.filter(|id| things.iter().any(|thing| thing.id == *id));
        let (Some(written), attempt) = (*ledger, *attempt) else { return };
        let same = |known: &Entry| known.attempt == written.attempt;
        // The id that it led to is recorded, or was: no moment of it is asked any more.
        let alike =
            self.controllers.iter().filter_map(|c| c.ledger).filter(same).all(|known| known == written);
        if written.attempt == attempt && alike {
            let errs = self.errs();
            self.entries()
                .filter(|entry| same(entry))
                .for_each(|entry| entry.deadline = errs.last(entry.deadline));
        }
        if written.attempt >= attempt {
            let ledger = self.object.ledger;
            for controller in self.controllers.iter_mut().filter(|c| c.phase == Phase::Idle) {
                controller.ledger = controller.ledger.filter(|known| Some(*known) != ledger);
            }
        }
    }

    /// Times that no rule tells apart.
    fn forget_times(&mut self, refuses_taken_names: bool) {
        let Object { name, deleting, ledger, attempt, .. } = self.object;
        let asked = |entry: &Entry| entry.open && (Some(*entry) != ledger || entry.attempt != attempt);
        let edits = deleting || self.budget.renames > 0 || self.budget.deletes > 0;
        // Nothing takes two look-ups any more.
        let one = refuses_taken_names && !edits && self.entries().all(|entry| entry.name == name);
        let errs = self.errs();
        let firsts: Vec<Tick> = self.controllers.iter().filter_map(|c| c.first_empty).collect();
        let mut deadlines = Vec::new();
        for entry in self.entries() {
            let told = |tick: Tick| if tick > -LONG { tick.max(-LATE) } else { VERY_OLD };
            entry.taken = entry.taken.map(told);
            entry.again = entry.again.map(|(since, last)| (since, told(last)));
            if !entry.open {
                entry.deadline = errs.last(entry.deadline);
            } else if asked(entry) {
                let older = firsts.iter().copied().filter(|first| *first >= entry.deadline && !one);
                let alike = older.chain([if one { 0 } else { -LATE }]).min().unwrap_or_default();
                entry.deadline = entry.deadline.max(alike);
                deadlines.push(entry.deadline);
            }
        }
        for controller in &mut self.controllers {
            if controller.sought.is_some_and(|(recorded, _)| recorded.is_some()) {
                // How long ago a recorded product was missed is asked up to a tick.
                controller.first_empty = controller.first_empty.filter(|_| errs.0).map(|first| first.max(-1));
                continue;
            }
            let proves = |first: &Tick| !one && deadlines.iter().any(|deadline| deadline <= first);
            controller.first_empty = controller.first_empty.filter(proves).map(|first| {
                let later =
                    deadlines.iter().filter(|deadline| **deadline > first).map(|deadline| deadline - 1);
                later.chain([-1]).min().unwrap_or(first).max(first)
            });
        }
    }

    /// A recorded product that nothing can happen to is read by its id alone: neither list nor ledger is asked.
    fn settle(&mut self, lag: Tick) {
        self.things.retain(|thing| thing.removed.is_none());
        self.things.iter_mut().for_each(|thing| thing.born = -lag - 1);
        self.object.previous = None;
        for controller in &mut self.controllers {
            (controller.ledger, controller.first_empty, controller.deleted) = (None, None, None);
            controller.sought = None;
            if let Phase::Answered { ledger, .. } | Phase::Claiming { ledger, .. } = &mut controller.phase {
                ledger.deadline = OLD;
            }
        }
        if let Some(entry) = &mut self.object.ledger {
            (entry.deadline, entry.taken, entry.again) = (OLD, None, None);
        }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, ticks: Tick, lag: Tick) {
        let floor = if ticks == LONG { VERY_OLD } else { OLD };
        let shift = |time: &mut Tick, least: Tick| {
            // What is very old already stays so.
            if *time > least {
                *time = time.saturating_sub(ticks).max(least);
            }
        };
        let entry = |ledger: &mut Entry| {
            shift(&mut ledger.deadline, OLD);
            if let Some(taken) = &mut ledger.taken {
                shift(taken, floor);
            }
            if let Some((_, last)) = &mut ledger.again {
                shift(last, floor);
            }
        };
        self.entries().for_each(entry);
        self.stale.iter_mut().filter_map(|stale| stale.ledger.as_mut()).for_each(entry);
        for controller in &mut self.controllers {
            controller.first_empty.iter_mut().for_each(|time| shift(time, OLD));
            controller.deleted.iter_mut().for_each(|time| shift(time, OLD));
        }
        for thing in &mut self.things {
            shift(&mut thing.born, -lag - 1);
            thing.removed.iter_mut().for_each(|time| shift(time, -lag - 1));
        }
        self.requests.iter_mut().for_each(|request| request.deadline -= ticks);
    }
}
