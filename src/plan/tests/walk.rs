//! Walks through every interleaving of the small world, up to a bound.

use std::collections::HashSet;

use super::world::World;
use super::*;

/// What is asked for a decision: the plan, or one with a rule broken.
pub(super) struct Rules {
    pub(super) believes: &'static Traits,
    pub(super) blur: fn(&mut Facts),
    pub(super) bend: fn(&Facts, Plan) -> Plan,
}

impl Rules {
    /// The plan as it is.
    pub(super) fn kept(believes: &'static Traits) -> Self {
        Self { believes, blur: |_| {}, bend: |_, plan| plan }
    }
}

/// What a world allows.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The vendor refuses a taken name.
    pub(super) unique: bool,
    /// A list may show a change so many seconds late.
    pub(super) lag: i64,
    /// A create may have its effect so many seconds after its deadline.
    pub(super) late: i64,
    /// The vendor may refuse a create clearly although the name is free.
    pub(super) refusals: bool,
    /// Somebody else has a product of the first name.
    pub(super) stranger: bool,
    /// The user may delete the object.
    pub(super) deletes: bool,
    /// So many times somebody may delete the product at the vendor.
    pub(super) losses: u8,
    /// Visits.
    pub(super) depth: u8,
}

/// Walks through everything; the first breach of the promise is told with how it came about.
pub(super) fn walk(bounds: Bounds, rules: &Rules) -> Result<usize, String> {
    let mut walk = Walk { bounds, rules, seen: HashSet::new(), story: Vec::new() };
    walk.visit(World::new(bounds), bounds.depth)?;
    Ok(walk.seen.len())
}

struct Walk<'a> {
    bounds: Bounds,
    rules: &'a Rules,
    seen: HashSet<(World, u8)>,
    story: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, mut world: World, depth: u8) -> Result<(), String> {
        world.arrive(self.bounds);
        if let Some(breach) = world.breach(self.bounds) {
            return Err(format!("{breach}: {}", self.story.join("; ")));
        }
        if world.gone || !self.seen.insert((world.clone(), depth)) {
            return Ok(());
        }
        if depth == 0 {
            return self.ends(world);
        }
        for (event, before) in world.events(self.bounds) {
            for begun in before.begins(self.rules) {
                let plan = before.decide(self.rules, begun, self.bounds.lag);
                for (end, after) in before.act(&plan, begun, self.bounds) {
                    let scene = format!("{}s{event} {} {end}", before.now, word(&plan));
                    self.story.push(scene);
                    self.visit(after, depth - 1)?;
                    self.story.pop();
                }
            }
        }
        Ok(())
    }

    /// Nothing ends in a state that never ends: from here on everything goes well.
    fn ends(&self, mut world: World) -> Result<(), String> {
        if self.bounds.stranger {
            world.edit();
        }
        for _ in 0..200 {
            world.arrive(self.bounds);
            if world.settled() {
                return Ok(());
            }
            let begun = world.now;
            let plan = world.decide(self.rules, begun, self.bounds.lag);
            let next = world.act(&plan, begun, self.bounds).into_iter().next();
            world = next.map(|(_, after)| after).ok_or_else(|| format!("{plan:?} leads nowhere"))?;
        }
        Err(format!("it never ends: {}", self.story.join("; ")))
    }
}

fn word(plan: &Plan) -> String {
    match plan {
        Plan::Wait(wait) => format!("waits for {}s ({:?})", wait.after.as_secs(), wait.reason),
        Plan::Create { attempt } => format!("sends attempt {attempt}"),
        Plan::Take { product, .. } => format!("takes {}", product.id),
        Plan::DeleteFound { product } => format!("finds {}", product.id),
        Plan::Delete { product } => format!("deletes {}", product.id),
        other => format!("{other:?}").split([' ', '{']).next().unwrap_or_default().to_lowercase(),
    }
}
