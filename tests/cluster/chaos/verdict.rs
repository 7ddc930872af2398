//! What is left when all is over.

use std::collections::BTreeMap;
use std::fmt;

use super::cast::Cast;
use crate::object::{Kind, Object};
use crate::side::{SIDES, Shown};
use crate::vendor::mark;

/// Counts that must all be zero, and of what.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    products: usize,
    not_ready: Vec<String>,
    duplicates: Vec<String>,
    orphans: Vec<String>,
    lost_secrets: Vec<String>,
    stuck_deletions: Vec<String>,
    foreign_touched: Vec<String>,
}

impl Verdict {
    pub(super) fn is_clean(&self) -> bool {
        self.rows().iter().all(|(_, found)| found.is_empty())
    }

    fn rows(&self) -> [(&'static str, &[String]); 6] {
        [
            ("not ready", &self.not_ready),
            ("duplicates", &self.duplicates),
            ("orphans", &self.orphans),
            ("lost secrets", &self.lost_secrets),
            ("stuck deletions", &self.stuck_deletions),
            ("foreign touched", &self.foreign_touched),
        ]
    }

    pub(super) fn details(&self) -> String {
        let rows = self.rows();
        let found = rows.iter().filter(|(_, found)| !found.is_empty());
        found.map(|(name, found)| format!("{name}:\n  {}", found.join("\n  "))).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "products             {}", self.products)?;
        for (name, found) in self.rows() {
            write!(f, "\n{name:<20} {}", found.len())?;
        }
        Ok(())
    }
}

impl Cast<'_> {
    /// What the vendor has for an item, if anything: the one with the object's mark.
    pub(super) fn shown(&self, number: usize) -> Option<Shown> {
        let item = &self.items[number];
        let head = head(&mark(self.world.namespace().name(), &item.name, "00000000"));
        item.side.products(self.world).into_iter().find(|shown| shown.description.contains(&head))
    }

    /// Looks at everything.
    pub(super) async fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let objects = self.world.list(Kind::Product).await;
        let objects: BTreeMap<&str, &Object> =
            objects.iter().map(|object| (object.text("/metadata/name"), object)).collect();
        let namespace = self.world.namespace().name();
        let mut owned: BTreeMap<String, &str> = BTreeMap::new();
        for item in &self.items {
            owned.insert(head(&mark(namespace, &item.name, "00000000")), &item.name);
            match (objects.get(item.name.as_str()), item.wanted) {
                (None, false) => {}
                (None, true) => verdict.not_ready.push(format!("{} does not exist", item.name)),
                (Some(object), false) => {
                    verdict.stuck_deletions.push(format!("{}: {}", item.name, object.brief()));
                }
                (Some(object), true) => self.judge(&mut verdict, object).await,
            }
        }
        for side in SIDES {
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            for shown in side.products(self.world) {
                verdict.products += 1;
                if self.foreign.iter().any(|(_, foreign)| foreign.id == shown.id) {
                    continue;
                }
                let name = owned.iter().find(|(head, _)| shown.description.contains(head.as_str()));
                let Some((_, name)) = name else {
                    verdict.orphans.push(format!("{side:?} {shown:?}"));
                    continue;
                };
                *seen.entry(name).or_default() += 1;
                if !self.items.iter().any(|item| item.name == **name && item.wanted) {
                    verdict.orphans.push(format!("{side:?} {shown:?} of {name}"));
                }
            }
            let twice = seen.into_iter().filter(|(_, times)| *times > 1);
            verdict.duplicates.extend(twice.map(|(name, times)| format!("{name}: {times}")));
        }
        for (side, foreign) in &self.foreign {
            if !side.products(self.world).contains(foreign) {
                verdict.foreign_touched.push(format!("{side:?} {foreign:?}"));
            }
        }
        verdict
    }

    async fn judge(&self, verdict: &mut Verdict, object: &Object) {
        let name = object.text("/metadata/name");
        if object.deleting() || !object.is_available() || object.is("Drifted") {
            verdict.not_ready.push(format!("{name}: {}", object.brief()));
            return;
        }
        let side = SIDES.into_iter().find(|side| side.name() == object.text("/spec/vendor")).unwrap();
        let shown =
            side.products(self.world).into_iter().find(|shown| Some(shown.id.as_str()) == object.id());
        let Some(shown) = shown else {
            verdict.not_ready.push(format!("{name}: the vendor does not have {:?}", object.id()));
            return;
        };
        let secret = self.world.secret(object.text("/status/secretRef/name")).await;
        let data = secret.map(|(_, data)| data).unwrap_or_default();
        let value =
            data.get("productSecret").or(data.get("password")).map(String::as_str).unwrap_or_default();
        let pending = data.contains_key("pendingPassword");
        if data.get("productId") != Some(&shown.id) || value != shown.secret || pending {
            verdict.lost_secrets.push(format!("{name}: {:?}", data.keys()));
        }
    }
}

/// The part of a mark that is the same for every object of a name.
fn head(mark: &str) -> String {
    mark.split_once('.').map_or(mark, |(head, _)| head).to_owned()
}
