//! How often and how much is allocated by what a visit and a sweep are made of. These numbers are the same on every
//! machine, so that a change that costs more is seen; what is allowed is what it was when it was last looked at, and a
//! tenth.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where something is wrong")]

#[path = "../benches/micro/cases.rs"]
mod cases;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Allocations and bytes of one run.
const ALLOWED: &[(&str, u64, u64)] = &[
    ("sign and read a product", 105, 14_877),
    ("decode a page of a list", 10_613, 1_405_198),
    ("compare a page of a list", 3_000, 46_530),
    ("plan for a product at rest", 12, 836),
    ("find that a status is as it was", 0, 0),
    ("pack an object", 45, 15_984),
    ("open a packed object", 32, 3_297),
];

#[test]
fn no_more_is_allocated_than_before() {
    let mut work = cases::cases();
    // What is made once is there.
    for (_, run) in &mut work {
        run();
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    let seen: Vec<(&str, u64, u64)> = work
        .iter_mut()
        .map(|(name, run)| {
            let before = dhat::HeapStats::get();
            run();
            let after = dhat::HeapStats::get();
            (*name, after.total_blocks - before.total_blocks, after.total_bytes - before.total_bytes)
        })
        .collect();
    let within = |(seen, allowed): (&(&str, u64, u64), &(&str, u64, u64))| {
        seen.0 == allowed.0 && seen.1 <= allowed.1 * 11 / 10 && seen.2 <= allowed.2 * 11 / 10
    };
    let all = seen.len() == ALLOWED.len() && seen.iter().zip(ALLOWED).all(within);
    assert!(all, "allocations and bytes: {seen:#?}");
}
