//! The matrix as a page of the documentation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::matrix::{Cell, Tally};
use crate::operation::Operation;
use crate::vendor::Vendor;

const HEAD: &str = "# Crash matrix

Written by `make crash`; do not edit. The operator's controllers run over an API server and the vendors' state
machines in one process, on a clock that jumps. In every run one request (or two) of an operation goes wrong in one
way; then faults stop, time goes on, and the world must end as it should: one product per IotProduct, its Secret
equal to the vendor's, status right, nothing held, no foreign product touched, vendor calls within a bound. A number
is the count of runs; failures would be named. `CRASH_REPLAY='<seed>' make crash` repeats one run and prints its steps.

";

const FOOT: &str = "
What is outside: values that the API server's validation (CEL) refuses, RBAC, several replicas, and an API server or a
vendor that lies about what it has. The API server of the simulation is compared with the real one by random requests
(`tests/apiserver`), the vendors' with their own SDKs (`simulator/tests`).
";

/// The page.
pub(crate) fn page(tally: &Tally) -> String {
    let pairs = match (tally.pairs, tally.all_pairs) {
        (0, _) => "No pairs of faults were run.".to_owned(),
        (run, all) if run == all => {
            format!("Create, delete and delete-creating ran with all {all} pairs of two faults.")
        }
        (run, all) => {
            format!(
                "Create, delete and delete-creating ran with {run} of their {all} pairs of two faults, drawn by chance."
            )
        }
    };
    let mut text = HEAD.to_owned();
    let _ = writeln!(text, "{} runs, {} failures. {pairs}\n", tally.runs, tally.failures.len());
    text += &table(tally);
    text += FOOT;
    text
}

fn table(tally: &Tally) -> String {
    let mut rows: BTreeMap<(Operation, &str), BTreeMap<&str, Cell>> = BTreeMap::new();
    for ((operation, class, vendor), cell) in &tally.cells {
        rows.entry((*operation, class)).or_default().insert(vendor, *cell);
    }
    let mut text =
        "| operation | fault | Tencent | Tencent 2.0 | Alibaba | Huawei | Huawei, names not unique |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    for ((operation, class), cells) in rows {
        let cells = Vendor::ALL.map(|vendor| match cells.get(vendor.name()) {
            None => "–".to_owned(),
            Some(Cell { runs, failures: 0 }) => runs.to_string(),
            Some(Cell { runs, failures }) => format!("{runs}, **{failures} failed**"),
        });
        let _ = writeln!(text, "| {} | {class} | {} |", operation.name(), cells.join(" | "));
    }
    text
}
