//! Time of what a visit and a sweep are made of: `cargo bench --bench micro`. With `--names` it tells the names of all
//! cases, and with `--once NAME` it runs one of them for who counts its instructions (`benches/instructions.sh`).
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench says what it has, and ends where something is wrong"
)]

mod cases;

use criterion::Criterion;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--names"] => cases::cases().iter().for_each(|(name, _)| println!("{name}")),
        ["--once", wanted] => {
            let mut cases = cases::cases();
            let (_, work) = cases.iter_mut().find(|(name, _)| *name == wanted).expect("the name of a case");
            // What is made once is there.
            work();
            counted(work);
        }
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            for (name, mut work) in cases::cases() {
                criterion.bench_function(name, |bencher| bencher.iter(&mut work));
            }
            criterion.final_summary();
        }
    }
}

/// What is counted, by its name in the program.
#[inline(never)]
fn counted(work: &mut cases::Work) {
    work();
}
