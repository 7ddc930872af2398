//! Whether `docs/threat-model.md` names tests that there are: every threat has one, and a test that is renamed or removed
//! takes its row with it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is wrong")]

use std::fs;
use std::path::Path;

const DOCUMENT: &str = include_str!("../docs/threat-model.md");

/// Folders of tests.
const SUITES: [&str; 4] = ["attacks", "cluster", "crash", "model"];

/// The cells of the rows of the table below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.skip(1).map(|row| row.split(" | ").collect()).collect()
}

/// What stands between backticks in a text and is the name of a test.
fn names(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.contains("::")).collect()
}

/// Where a test may be, and its own name.
fn places(name: &str) -> (Vec<String>, &str) {
    let parts: Vec<&str> = name.split("::").filter(|part| *part != "tests").collect();
    let (test, modules) = parts.split_last().unwrap();
    let path = modules.join("/");
    let in_tests = format!("tests/{path}.rs");
    if SUITES.contains(&modules[0]) || Path::new(env!("CARGO_MANIFEST_DIR")).join(&in_tests).exists() {
        return (vec![in_tests], test);
    }
    (vec![format!("src/{path}/tests.rs"), format!("src/{path}.rs")], test)
}

/// Words of Rust in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// Whether a file has a test of that name: a function with the attribute, a name in the file's list, or, of a test that is
/// made for each vendor, the name as a text.
fn has(source: &str, test: &str) -> bool {
    let lists = ["\nattacks!(", "\ntests!("].into_iter().flat_map(|list| source.split(list).skip(1));
    let listed =
        |list: &str| list.split(");").next().is_some_and(|list| words(list).any(|word| word == test));
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let function = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let rest = line.strip_prefix("fn ").and_then(|line| line.strip_prefix(test));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    let attributes = lines.iter().position(|line| function(line)).map(|at| lines[..at].iter().rev());
    let marked = attributes.is_some_and(|lines| {
        let mut attributes = lines.take_while(|line| line.starts_with("#["));
        attributes.any(|line| line.starts_with("#[test") || line.starts_with("#[tokio::test"))
    });
    let made = [format!("\"{test}\""), format!("\"{test}_{{form:?}}\"")];
    let makes = source.contains("Test::new(module_path!()");
    lists.into_iter().any(listed) || marked || makes && made.iter().any(|made| source.contains(made))
}

fn exists(name: &str) -> bool {
    let (files, test) = places(name);
    let read = |file: &String| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).ok();
    files.iter().filter_map(read).any(|text| has(&text, test))
}

#[test]
fn every_threat_has_a_test_and_every_named_test_exists() {
    let threats = rows("Threats and what keeps them off");
    assert!(threats.len() >= 30, "{}", threats.len());
    for row in &threats {
        let [threat, _, _, tests] = row[..] else { panic!("four cells: {row:?}") };
        assert!(!names(tests).is_empty(), "no test: {threat}");
    }
    let missing: Vec<&str> = names(DOCUMENT).into_iter().filter(|name| !exists(name)).collect();
    assert!(missing.is_empty(), "no such test: {missing:#?}");
}

#[test]
fn what_is_left_as_it_is_has_a_reason_and_an_advice() {
    let left = rows("Known and left as it is");
    assert!(!left.is_empty());
    for row in left {
        assert!(row.len() == 3 && row.iter().all(|cell| cell.len() > 20), "{row:?}");
    }
}

#[test]
fn a_test_that_there_is_not_is_noticed() {
    assert!(exists("attacks::takeover::no_order_of_edits_takes_a_marked_product"));
    for name in [
        "attacks::takeover::no_such_test",
        "no_such_file::a_test",
        "slots::tests::take",
        "attacks::tenant::name",
    ] {
        assert!(!exists(name), "{name}");
    }
}
