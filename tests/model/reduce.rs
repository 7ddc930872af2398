//! What makes the number of states finite, and small: times that no rule asks any more are alike, and so is what
//! nothing reads again.

use crate::state::{Controller, Entry, LONG, OLD, Object, Phase, State, Tick, VERY_OLD};

impl Controller {
    /// Forgets what the next visit would not ask or learns anew.
    fn forget(&mut self, gone: bool, newest: u8, stale: bool, reads_by_id: bool) {
        self.current &= stale;
        // A higher attempt on the object takes its place.
        if gone || self.ledger.is_some_and(|entry| entry.attempt < newest) {
            self.ledger = None;
        }
        if gone {
            (self.first_empty, self.deleted) = (None, None);
        }
        let old = |entry: &mut Entry| {
            if !entry.open && reads_by_id {
                entry.deadline = OLD;
            }
        };
        self.ledger.iter_mut().for_each(old);
        match &mut self.phase {
            Phase::Planned { .. } | Phase::Releasing { .. } if gone => self.phase = Phase::Idle,
            Phase::Waiting { ledger, before } | Phase::Answered { ledger, before, .. } => {
                *before = before.filter(|before| before.open && before.name == ledger.name);
            }
            Phase::Claiming { ledger, .. } => old(ledger),
            Phase::Planned { .. } | Phase::Releasing { .. } | Phase::Idle => {}
        }
    }
}

impl State {
    /// Brings a state into the one form of all that differ in nothing that is asked any more.
    #[must_use]
    pub(crate) fn canonical(mut self, lag: Tick, reads_by_id: bool) -> Self {
        self.things.retain(|thing| thing.removed.is_none_or(|removed| removed + lag > 0));
        let object = &self.object;
        // One that differs in nothing that the decision about a recorded product rests on shows nothing else.
        self.stale = self.stale.filter(|old| {
            let same =
                (old.recorded, old.name, old.deleting) == (object.recorded, object.name, object.deleting);
            !object.gone && (!same || !reads_by_id)
        });
        if let Some(stale) = self.stale.as_mut().filter(|_| reads_by_id) {
            (stale.ledger, stale.attempt, stale.previous) = (None, 0, None);
        }
        let (gone, newest) = (object.gone, object.ledger.map_or(0, |entry| entry.attempt));
        for controller in &mut self.controllers {
            controller.forget(gone, newest, self.stale.is_some(), reads_by_id);
        }
        if gone {
            self.object = Object { gone, ..State::new(self.budget).object };
            self.budget.renames = 0;
            self.budget.deletes = 0;
        } else if let Some(closed) = self.object.ledger.as_mut().filter(|entry| !entry.open && reads_by_id) {
            closed.deadline = OLD;
        }
        if self.object.recorded.is_some() && reads_by_id && self.budget.faults == 0 {
            self.settle(lag);
        }
        self.requests.sort();
        // The two processes are alike.
        if self.controllers[1] < self.controllers[0] {
            self.controllers.swap(0, 1);
            for request in &mut self.requests {
                request.by = 1 - request.by;
            }
            self.requests.sort();
        }
        self
    }

    /// A recorded product that nothing can happen to is read by its id alone: neither list nor ledger is asked.
    fn settle(&mut self, lag: Tick) {
        self.things.retain(|thing| thing.removed.is_none());
        self.things.iter_mut().for_each(|thing| thing.born = -lag - 1);
        self.object.previous = None;
        for controller in &mut self.controllers {
            (controller.ledger, controller.first_empty, controller.deleted) = (None, None, None);
            if let Phase::Answered { ledger, .. } | Phase::Claiming { ledger, .. } = &mut controller.phase {
                ledger.deadline = OLD;
            }
        }
        if let Some(entry) = &mut self.object.ledger {
            (entry.deadline, entry.taken) = (OLD, None);
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
        };
        self.object.ledger.iter_mut().for_each(&entry);
        self.stale.iter_mut().filter_map(|stale| stale.ledger.as_mut()).for_each(&entry);
        for controller in &mut self.controllers {
            controller.ledger.iter_mut().for_each(&entry);
            controller.first_empty.iter_mut().for_each(|time| shift(time, OLD));
            controller.deleted.iter_mut().for_each(|time| shift(time, OLD));
            match &mut controller.phase {
                Phase::Waiting { ledger, before } | Phase::Answered { ledger, before, .. } => {
                    entry(ledger);
                    before.iter_mut().for_each(&entry);
                }
                Phase::Claiming { ledger, .. } => entry(ledger),
                Phase::Idle | Phase::Planned { .. } | Phase::Releasing { .. } => {}
            }
        }
        for thing in &mut self.things {
            shift(&mut thing.born, -lag - 1);
            thing.removed.iter_mut().for_each(|time| shift(time, -lag - 1));
        }
        self.requests.iter_mut().for_each(|request| request.deadline -= ticks);
    }
}
