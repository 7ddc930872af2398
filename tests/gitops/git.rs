//! A Git repository on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A repository, and a checkout to commit from.
pub(crate) struct Repository {
    bare: PathBuf,
    tree: PathBuf,
}

impl Repository {
    pub(crate) fn new(folder: &Path) -> Self {
        let repository = Self { bare: folder.join("repository.git"), tree: folder.join("tree") };
        let bare = repository.bare.display().to_string();
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", &bare]);
        git(folder, &["clone", "--quiet", &bare, "tree"]);
        repository
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// Copies a folder of the project.
    pub(crate) fn copy(&self, from: &str) {
        let to = self.tree.join(from);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        let copied = Command::new("cp").arg("-r").arg(source).arg(to).status().expect("cp");
        assert!(copied.success(), "cp {from}");
    }

    /// Writes objects into a file.
    pub(crate) fn write(&self, file: &str, objects: &[Value]) {
        let path = self.tree.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let documents = objects.iter().map(|object| serde_yaml_ng::to_string(object).expect("YAML"));
        fs::write(path, documents.collect::<Vec<_>>().join("---\n")).expect("a file");
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.tree.join(file)).expect("a file to remove");
    }

    /// Commits everything and returns the commit.
    pub(crate) fn push(&self, message: &str) -> String {
        git(&self.tree, &["add", "--all"]);
        let who = ["-c", "user.name=gitops", "-c", "user.email=gitops@localhost"];
        git(&self.tree, &[&who[..], &["commit", "--quiet", "--message", message]].concat());
        git(&self.tree, &["push", "--quiet", "origin", "HEAD:main"]);
        git(&self.tree, &["rev-parse", "HEAD"]).trim().to_owned()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let ran = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null())
        .output()
        .expect("git");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}
