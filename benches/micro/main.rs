//! Time of what a visit and a sweep are made of: `cargo bench --bench micro`.
#![allow(clippy::expect_used, reason = "a bench ends where something is wrong")]

mod cases;

use criterion::Criterion;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, mut work) in cases::cases() {
        criterion.bench_function(name, |bencher| bencher.iter(&mut work));
    }
    criterion.final_summary();
}
