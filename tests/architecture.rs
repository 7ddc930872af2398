//! Rules of the layout that no compiler keeps: who may know what, how long files are, what nothing is called.

#![expect(clippy::unwrap_used, reason = "a tree that cannot be read is to stop the run")]

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer.
const LINES: usize = 400;

/// Files that are longer, each with the reason why it stays whole.
const LONG: &[(&str, &str)] = &[];

/// A word that the code below some folders does not contain. Comments and tests may.
struct Ban {
    folders: &'static [&'static str],
    /// Where it is at home.
    but: &'static [&'static str],
    words: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        folders: &["src/vendor", "src/http", "src/plan"],
        but: &[],
        words: &["kube::", "k8s_openapi", "crate::controller", "crate::record"],
        why: "vendors, transport and plan know nothing of Kubernetes",
    },
    Ban {
        folders: &["src/controller", "src/plan", "src/record"],
        but: &[],
        words: &["tencent", "alibaba", "huawei"],
        why: "what differs between vendors is behind `vendor::Cloud` and `vendor::Traits`",
    },
    Ban {
        folders: &["src"],
        but: &["src/vendor", "src/api"],
        words: &["vendor::tencent", "vendor::alibaba", "vendor::huawei", "anycloud::"],
        why: "what differs between vendors is behind `vendor::Cloud` and `vendor::Traits`",
    },
    Ban {
        folders: &["src", "simulator", "tests", "examples", "benches"],
        // Asks the simulator how many calls it has seen: a client from outside, not the operator's traffic.
        but: &["src/http", "examples/demo"],
        words: &["reqwest::", "use reqwest"],
        why: "all traffic goes through src/http, which bounds, fences and measures it",
    },
];

/// Names that say nothing about what a module is for.
const NAMELESS: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

/// What names a machine or a place outside of the repository. Split, so that this file does not contain it.
const PLACES: &[&str] =
    &[concat!("../", "shared"), concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Kinds of text files.
const TEXTS: &[&str] = &[
    "rs", "toml", "md", "yaml", "yml", "json", "sh", "py", "go", "mod", "lua", "tpl", "txt", "Makefile",
    "run",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file with one of these endings below a folder, with its path from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                let skipped = ["target", ".git", "node_modules"].contains(&name.as_str());
                folders.extend((!skipped).then_some(path));
            } else if endings.iter().any(|ending| name == *ending || name.ends_with(&format!(".{ending}"))) {
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((relative, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn rust() -> Vec<(String, String)> {
    ["src", "simulator", "tests", "examples", "benches", "fuzz"]
        .iter()
        .flat_map(|folder| files(folder, &["rs"]))
        .collect()
}

fn below(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| Path::new(path).starts_with(folder))
}

fn is_test(path: &str) -> bool {
    let path = Path::new(path);
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The lines of the code that ships, with their numbers: no comments, and nothing after the unit tests begin.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Lines of code with one of these words.
fn mentions(text: &str, words: &[&str]) -> Vec<usize> {
    code(text)
        .filter(|(_, line)| {
            let line = line.to_lowercase();
            words.iter().any(|word| contains_word(&line, word))
        })
        .map(|(number, _)| number)
        .collect()
}

/// Whether a word begins here and not in the middle of another.
fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Lines with a variant of the enum `Vendor`.
fn vendor_variants(text: &str) -> Vec<usize> {
    code(text)
        .filter(|(_, line)| {
            line.match_indices("Vendor::").any(|(at, word)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                    && line[at + word.len()..].starts_with(|c: char| c.is_ascii_uppercase())
            })
        })
        .map(|(number, _)| number)
        .collect()
}

/// Lines at which a lint is let go without a reason.
fn unreasoned(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for level in ["allow(", "expect("] {
        for opening in [format!("#[{level}"), format!("#![{level}")] {
            for (at, _) in text.match_indices(&opening) {
                let line = text[..at].rsplit('\n').next().unwrap_or_default();
                let attribute = text[at..].split(")]").next().unwrap_or_default();
                if line.trim().is_empty() && !attribute.contains("reason = \"") {
                    found.push(text[..at].lines().count() + 1);
                }
            }
        }
    }
    found
}

/// Names of the modules that a file is, or holds.
fn modules(path: &str, text: &str) -> Vec<String> {
    let folders = Path::new(path).components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let inline = code(text).filter_map(|(_, line)| {
        let line = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let name = line.strip_prefix("mod ")?;
        Some(name.trim_end_matches([';', '{', ' ']).to_owned())
    });
    folders.map(|part| part.trim_end_matches(".rs").to_owned()).chain(inline).collect()
}

fn report(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn every_layer_knows_only_what_it_may() {
    let mut found = Vec::new();
    for (path, text) in rust() {
        for ban in BANS.iter().filter(|ban| below(&path, ban.folders) && !below(&path, ban.but)) {
            if is_test(&path) && !ban.words.contains(&"reqwest::") || path == "tests/architecture.rs" {
                continue;
            }
            let lines = mentions(&text, ban.words);
            found.extend(lines.iter().map(|line| format!("{path}:{line}: {}", ban.why)));
        }
    }
    report(&found, "a layer knows what it may not");
}

#[test]
fn nobody_but_the_vendors_side_asks_which_vendor_it_is() {
    let mut found = Vec::new();
    for (path, text) in files("src", &["rs"]) {
        if !below(&path, &["src/vendor", "src/api"]) && !is_test(&path) {
            found.extend(vendor_variants(&text).iter().map(|line| format!("{path}:{line}")));
        }
    }
    report(&found, "a difference between vendors belongs into `vendor::Traits` or `vendor::Cloud`");
}

#[test]
fn files_say_one_thing() {
    let long: Vec<String> = rust()
        .iter()
        .filter(|(path, text)| text.lines().count() > LINES && !LONG.iter().any(|(long, _)| long == path))
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    report(&long, &format!("longer than {LINES} lines"));
    for (path, reason) in LONG {
        let text = fs::read_to_string(root().join(path)).unwrap();
        assert!(text.lines().count() > LINES, "{path} needs no exception any more ({reason})");
    }
}

#[test]
fn long_functions_are_the_linters_business() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let settings = fs::read_to_string(root().join("clippy.toml")).unwrap();
    assert!(manifest.contains("too_many_lines") && settings.contains("too-many-lines-threshold = 60"));
}

#[test]
fn every_module_is_called_what_it_is_for() {
    let mut found = Vec::new();
    for (path, text) in rust() {
        let nameless = modules(&path, &text).into_iter().filter(|name| NAMELESS.contains(&name.as_str()));
        found.extend(nameless.map(|name| format!("{path}: {name}")));
    }
    report(&found, "a name that says nothing");
}

#[test]
fn every_lint_that_is_let_go_has_a_reason() {
    let mut found = Vec::new();
    for (path, text) in rust() {
        found.extend(unreasoned(&text).iter().map(|line| format!("{path}:{line}")));
    }
    report(&found, "write reason = \"...\" into the attribute");
}

#[test]
fn nothing_names_a_place_outside_of_the_repository() {
    let mut found = Vec::new();
    for (path, text) in files("", TEXTS) {
        for (number, line) in text.lines().enumerate() {
            if PLACES.iter().any(|place| line.contains(place)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    report(&found, "a path of some machine");
}

/// The rules above pass on a tree that keeps them; these show that they see one that does not.
mod the_rules_see {
    use super::{below, contains_word, is_test, mentions, modules, unreasoned, vendor_variants};

    #[test]
    fn words_of_code_but_not_of_comments_and_tests() {
        let text = "//! kube::Api\nuse kube::Api;\n    // kube::Api\n#[cfg(test)]\nuse kube::Api;\n";
        assert_eq!(mentions(text, &["kube::"]), [2]);
        assert_eq!(mentions("let x = spec.Tencent;", &["tencent"]), [1]);
        assert!(!contains_word("my_kube::x", "kube::") && contains_word("(kube::x)", "kube::"));
    }

    #[test]
    fn variants_but_not_functions_or_other_types() {
        let text = "Vendor::TencentCloud => 1,\nVendor::as_str(x)\nMyVendor::X\nmatches!(v, Vendor::A)\n";
        assert_eq!(vendor_variants(text), [1, 4]);
    }

    #[test]
    fn attributes_on_one_line_and_on_many() {
        let opening = "#[";
        let text = format!(
            "{opening}allow(dead_code)]\n{opening}expect(a, reason = \"b\")]\n{opening}allow(\n    a,\n    reason = \"b\"\n)]\n#![allow(a)]\n"
        );
        assert_eq!(unreasoned(&text), [1, 7]);
    }

    #[test]
    fn modules_of_folders_files_and_blocks() {
        assert_eq!(
            modules("src/a/utils.rs", "pub mod helpers;\nmod b {\n"),
            ["src", "a", "utils", "helpers", "b"]
        );
    }

    #[test]
    fn where_a_file_belongs() {
        assert!(below("src/plan/mod.rs", &["src/plan"]) && !below("src/planner.rs", &["src/plan"]));
        assert!(
            is_test("src/plan/tests.rs") && is_test("src/plan/tests/keep.rs") && !is_test("src/plan/mod.rs")
        );
    }
}
