//! Everything goes wrong at once, for a while, at all four vendors; then it ends, and all must be as written.
//!
//! `CHAOS_SECONDS` (45), `CHAOS_PRODUCTS` (24), `CHAOS_SEED`. `make chaos MINUTES=5` runs it with 200 products.

mod cast;
mod deeds;
mod restore;
mod verdict;

use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::time::sleep;

use crate::quiet::seconds;
use crate::session::tests;
use crate::world::World;
use cast::Cast;
use deeds::Deed;

tests!(Own { chaos, the_past_comes_back });

/// Between two deeds.
const PAUSE_MS: std::ops::Range<u64> = 100..900;
/// In which all must be as written when the deeds are over.
const CONVERGE: Duration = Duration::from_mins(5);

async fn the_past_comes_back(world: World) {
    restore::the_past_comes_back(world).await;
}

async fn chaos(world: World) {
    let span = seconds("CHAOS_SECONDS", 45);
    let products = usize::try_from(seconds("CHAOS_PRODUCTS", 24).as_secs()).unwrap();
    let seed = seconds("CHAOS_SEED", fastrand::u64(..1_000_000)).as_secs();
    eprintln!("CHAOS_SEED={seed} CHAOS_PRODUCTS={products} CHAOS_SECONDS={}", span.as_secs());
    let mut random = Rng::with_seed(seed);
    let mut cast = Cast::new(&world, products).await;
    let begun = Instant::now();
    let mut next = Instant::now();
    while begun.elapsed() < span {
        cast.tend().await;
        if Instant::now() >= next {
            let deed = Deed::any(&mut random);
            cast.commit(deed, &mut random).await;
            next = Instant::now() + Duration::from_millis(random.u64(PAUSE_MS));
        }
        sleep(Duration::from_millis(50)).await;
    }
    cast.end_all().await;
    let over = Instant::now();
    let verdict = loop {
        cast.tend().await;
        let verdict = cast.verdict().await;
        if verdict.is_clean() || over.elapsed() > CONVERGE {
            break verdict;
        }
        sleep(Duration::from_millis(500)).await;
    };
    eprintln!("{}", cast.account());
    eprintln!("{verdict}\nconverged after      {:.1} s", over.elapsed().as_secs_f64());
    assert!(verdict.is_clean(), "CHAOS_SEED={seed}\n{verdict}\n{}", verdict.details());
}
