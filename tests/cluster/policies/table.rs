//! What is expected of every combination of policies, and the two tables of `docs/policies.md` made of it.

use std::fmt::Write as _;
use std::path::Path;

use iot_product_operator::api::{DeletionPolicy, DriftPolicy, ManagementPolicy};

use crate::vendor::{CREATE, DELETE, DEVICES, READ, REGISTRATION};

/// One combination.
#[derive(Clone, Copy)]
pub(super) struct Policy {
    pub(super) management: ManagementPolicy,
    pub(super) deletion: DeletionPolicy,
    pub(super) suspend: bool,
    pub(super) drift: DriftPolicy,
}

/// What a step of a product's life does.
pub(super) struct Effect {
    step: &'static str,
    pub(super) word: &'static str,
    /// The vendor calls, at Tencent.
    pub(super) calls: &'static [&'static str],
    /// The operator's writes about the object.
    pub(super) writes: &'static [&'static str],
    then: &'static str,
}

const OBJECT: &str = "patch iotproducts";
const STATUS: &str = "patch iotproducts/status";
const NEW_SECRET: &str = "create secrets";
const NO_SECRET: &str = "delete secrets";

const CREATES: Effect = Effect {
    step: "first visit",
    word: "creates",
    calls: &[CREATE, REGISTRATION],
    writes: &[OBJECT, STATUS, NEW_SECRET],
    then: "product and Secret are there, Ready",
};
const WATCHES: Effect = Effect {
    step: "first visit",
    word: "watches",
    calls: &[READ],
    writes: &[OBJECT, STATUS, NEW_SECRET],
    then: "the product is as it was, Ready; the Secret only where `adoption` would let the product be taken",
};
const WAITS_FIRST: Effect = Effect {
    step: "first visit",
    word: "waits",
    calls: &[],
    writes: &[STATUS],
    then: "Ready Unknown, reason `Suspended`; with `suspend: false` as below",
};
const SETS: Effect = Effect {
    step: "edit of the manifest",
    word: "sets",
    calls: &[REGISTRATION],
    writes: &[STATUS],
    then: "the vendor has what was edited, Ready",
};
const SHOWS: Effect = Effect {
    step: "edit of the manifest",
    word: "shows",
    calls: &[],
    writes: &[STATUS],
    then: "the product is as it was; Ready and Drifted, the difference in `status.drift`",
};
const WAITS_EDIT: Effect = Effect {
    step: "edit of the manifest",
    word: "waits",
    calls: &[],
    writes: &[STATUS],
    then: "Ready keeps its value, Suspended",
};
const CORRECTS: Effect = Effect {
    step: "change at the vendor",
    word: "corrects",
    calls: &[READ, REGISTRATION],
    writes: &[STATUS],
    then: "the vendor has what the manifest says, Ready",
};
const REPORTS: Effect = Effect {
    step: "change at the vendor",
    word: "reports",
    calls: &[READ],
    writes: &[STATUS],
    then: "the change stays; Ready and Drifted, the difference in `status.drift`",
};
const WAITS_DRIFT: Effect = Effect {
    step: "change at the vendor",
    word: "waits",
    calls: &[],
    writes: &[],
    then: "the change stays and is not noticed",
};
const DELETES: Effect = Effect {
    step: "deletion",
    word: "deletes",
    calls: &[DEVICES, DELETE, READ],
    writes: &[NO_SECRET, OBJECT],
    then: "product, Secret and object are gone",
};
const LEAVES: Effect = Effect {
    step: "deletion",
    word: "leaves",
    calls: &[],
    writes: &[OBJECT],
    then: "the object is gone, product and Secret stay",
};
const FORGETS: Effect = Effect {
    step: "deletion",
    word: "forgets",
    calls: &[],
    writes: &[NO_SECRET, OBJECT],
    then: "object and Secret are gone, the product stays",
};
pub(super) const WAITS_DELETION: Effect = Effect {
    step: "deletion",
    word: "waits",
    calls: &[],
    writes: &[STATUS],
    then: "the object stays and says so; with `suspend: false` it goes on",
};

const EFFECTS: [&Effect; 13] = [
    &CREATES,
    &WATCHES,
    &WAITS_FIRST,
    &SETS,
    &SHOWS,
    &WAITS_EDIT,
    &CORRECTS,
    &REPORTS,
    &WAITS_DRIFT,
    &DELETES,
    &LEAVES,
    &FORGETS,
    &WAITS_DELETION,
];

impl Effect {
    /// It looks in a list, its own or one that another object had made a moment ago.
    pub(super) fn shares_a_list(&self) -> bool {
        self.word == WATCHES.word
    }
}

impl Policy {
    /// Every combination.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for &management in ManagementPolicy::ALL {
            for &deletion in DeletionPolicy::ALL {
                for suspend in [false, true] {
                    for &drift in DriftPolicy::ALL {
                        all.push(Self { management, deletion, suspend, drift });
                    }
                }
            }
        }
        all
    }

    pub(super) fn name(self) -> String {
        let Self { management, deletion, suspend, drift } = self;
        let suspended = if suspend { "_suspended" } else { "" };
        format!("{management}_{deletion}_{drift}{suspended}").to_lowercase()
    }

    pub(super) fn watches(self) -> bool {
        self.management == ManagementPolicy::ObserveOnly
    }

    pub(super) fn first_visit(self) -> &'static Effect {
        match (self.suspend, self.management) {
            (true, _) => &WAITS_FIRST,
            (false, ManagementPolicy::Full) => &CREATES,
            (false, ManagementPolicy::ObserveOnly) => &WATCHES,
        }
    }

    /// Whatever the drift policy: an edit is a wish, not drift.
    pub(super) fn edit(self) -> &'static Effect {
        match (self.suspend, self.management) {
            (true, _) => &WAITS_EDIT,
            (false, ManagementPolicy::Full) => &SETS,
            (false, ManagementPolicy::ObserveOnly) => &SHOWS,
        }
    }

    pub(super) fn change_at_the_vendor(self) -> &'static Effect {
        match (self.suspend, self.management, self.drift) {
            (true, ..) => &WAITS_DRIFT,
            (false, ManagementPolicy::Full, DriftPolicy::Correct) => &CORRECTS,
            (false, ..) => &REPORTS,
        }
    }

    /// Once it is not suspended.
    pub(super) fn deletion(self) -> &'static Effect {
        match (self.management, self.deletion) {
            (_, DeletionPolicy::Retain) => &LEAVES,
            (ManagementPolicy::Full, DeletionPolicy::Delete) => &DELETES,
            (ManagementPolicy::ObserveOnly, DeletionPolicy::Delete) => &FORGETS,
        }
    }
}

fn code(words: &[&str]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn rendered() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "| `managementPolicy` | `deletionPolicy` | `suspend` | `driftPolicy` | first visit | edit of the manifest | change at the vendor | deletion |"
    )?;
    writeln!(text, "|---|---|---|---|---|---|---|---|")?;
    for policy in Policy::all() {
        let Policy { management, deletion, suspend, drift } = policy;
        let waits = if suspend { "waits, then " } else { "" };
        let [first, edit, change, end] =
            [policy.first_visit(), policy.edit(), policy.change_at_the_vendor(), policy.deletion()]
                .map(|effect| effect.word);
        writeln!(
            text,
            "| {management} | {deletion} | {suspend} | {drift} | {first} | {edit} | {change} | {waits}{end} |"
        )?;
    }
    writeln!(text)?;
    writeln!(text, "| step | word | vendor calls (Tencent) | writes | then |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for Effect { step, word, calls, writes, then } in EFFECTS {
        writeln!(text, "| {step} | {word} | {} | {} | {then} |", code(calls), code(writes))?;
    }
    Ok(text)
}

/// `docs/policies.md` says what these tests expect. `UPDATE_POLICIES=1` writes it anew.
pub(crate) fn the_document_is_as_tested() {
    const BEGIN: &str = "<!-- begin: made by tests/cluster/policies, do not edit -->\n";
    const END: &str = "<!-- end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md");
    let document = std::fs::read_to_string(&path).expect("docs/policies.md");
    let (head, rest) = document.split_once(BEGIN).expect("the line where the tables begin");
    let (tables, tail) = rest.split_once(END).expect("the line where the tables end");
    let fresh = rendered().expect("tables");
    if std::env::var_os("UPDATE_POLICIES").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{fresh}{END}{tail}")).expect("docs/policies.md written");
        return;
    }
    assert!(
        tables == fresh,
        "docs/policies.md is stale: UPDATE_POLICIES=1 cargo test --test cluster -- policies::the_document"
    );
}
