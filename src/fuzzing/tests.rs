//! The targets on the stable toolchain: a plain mutation of the corpus, without coverage. `FUZZ_SECONDS` is the
//! time for each target (`make fuzz-smoke`); without it each gets a number of inputs that takes no time.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;

/// Inputs without `FUZZ_SECONDS`.
const FEW: usize = 2000;
/// Bytes of the longest input.
const LONGEST: usize = 1 << 16;
/// What breaks readers.
const SPICE: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\\u0000",
    b"\\ud800",
    b"\xff\xfe",
    b"\0",
    b"[iotp:",
    b"\n",
    b"&",
    b"=",
    b"%",
    b"..",
    b"\xe6\xb8\xa9",
    b"\\u001b[2J",
    b"\\n",
    b"\xe2\x80\xae",
];

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "{} is empty", folder.display());
    seeds
}

fn mutated(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(..=input.len());
        match random.u8(..6) {
            0 if at < input.len() => input[at] = random.u8(..),
            1 => input.truncate(at),
            2 => drop(input.splice(at..at, SPICE[random.usize(..SPICE.len())].iter().copied())),
            3 => drop(input.drain(at..(at + random.usize(..9)).min(input.len()))),
            4 => {
                let part = input[at..].to_vec();
                input.extend(part);
            }
            _ => {
                let other = &seeds[random.usize(..seeds.len())];
                input.truncate(at);
                input.extend_from_slice(&other[random.usize(..=other.len())..]);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

#[test]
fn any_bytes_are_survived() {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        let (begun, mut random, mut inputs) = (Instant::now(), fastrand::Rng::with_seed(7), 0);
        let goes_on = |inputs| match seconds {
            Some(seconds) => begun.elapsed() < Duration::from_secs(seconds),
            None => inputs < FEW,
        };
        for seed in &seeds {
            target(seed);
        }
        while goes_on(inputs) {
            let input = mutated(&seeds, &mut random);
            let survived = catch_unwind(AssertUnwindSafe(|| target(&input)));
            assert!(survived.is_ok(), "{name}: {}", String::from_utf8_lossy(&input).escape_debug());
            inputs += 1;
        }
        // Not through `eprintln!`, whose text the harness would keep to itself.
        if seconds.is_some() {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("{name}: {inputs} inputs\n").as_bytes(),
            );
        }
    }
}

/// As deep and as long as an answer may be: refused or read, in bounded stack and memory.
#[test]
fn deep_and_long_answers_are_survived() {
    use crate::http::transport::MAX_BODY;
    let deep = |open: &str| open.repeat(MAX_BODY / open.len()).into_bytes();
    let items = br#"{"ProductId":"p","ProductName":"n"},"#;
    let mut long = br#"{"Response":{"TotalCount":1,"Products":["#.to_vec();
    while long.len() + items.len() < MAX_BODY - 8 {
        long.extend_from_slice(items);
    }
    long.pop();
    long.extend_from_slice(b"]}}");
    for input in [deep("["), deep("{\"a\":"), deep("\""), vec![0xff; MAX_BODY], vec![b' '; MAX_BODY], long] {
        for (_, target) in &TARGETS[..4] {
            target(&input);
        }
    }
}
