use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::Error;

/// The stage of an event of a request that has only arrived.
const RECEIVED: &str = "RequestReceived";
/// How long the answer to a request may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// The path by which the harness asks a server whether it is ready.
const READY: &str = "/readyz";
/// The annotation of an event that has what the authorizer said.
const DECISION: &str = "authorization.k8s.io/decision";
/// The one that has why.
const REASON: &str = "authorization.k8s.io/reason";
const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// Audit log of one start of the API server.
pub(crate) fn log_file(directory: &Path, generation: u32) -> PathBuf {
    directory.join(format!("audit-{generation}.jsonl"))
}

/// What was asked of the API server, in the order in which the requests arrived.
#[derive(Clone, Debug)]
pub struct AuditLog {
    directory: PathBuf,
}

/// A point in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    generation: u32,
    offset: u64,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Who asked; of an impersonated request, as whom.
    pub user: String,
    /// Verb of RBAC: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// API group, empty for core.
    pub group: String,
    /// Plural name such as `secrets`; empty for a path that is no resource.
    pub resource: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
    /// Empty for what lies in no namespace.
    pub namespace: String,
    /// Empty for a list, and for a create that RBAC refused: its body is not read.
    pub name: String,
    /// Path and query.
    pub uri: String,
    /// HTTP status; none when the server was stopped before it answered.
    pub code: Option<u16>,
    /// Whether the user lacks the right. A 403 for another cause, such as a namespace that ends, is none.
    pub forbidden: bool,
    /// Why the authorizer decided so; of RBAC the binding and the role that let the request pass.
    pub reason: String,
}

impl AuditEntry {
    /// Whether the request was one that changes objects, whatever became of it.
    pub fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }
}

impl AuditLog {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// This moment: a request that has arrived before is not counted after, even if its answer comes
    /// after.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn mark(&self) -> Result<Mark, Error> {
        let generation = self.newest();
        let path = log_file(&self.directory, generation);
        let offset = fs::metadata(&path).map_err(Error::file("look at", &path))?.len();
        Ok(Mark { generation, offset })
    }

    /// Every write of a user that arrived since the mark. Returns when each has its answer, so that
    /// a test which has seen the effect of a write finds it here with its code.
    ///
    /// # Errors
    ///
    /// When the log cannot be read, and [`Error::TimedOut`] when an answer takes more than a minute.
    pub async fn writes_by(&self, user: &str, since: Mark) -> Result<Vec<AuditEntry>, Error> {
        let mut entries = self.requests_by(user, since).await?;
        entries.retain(AuditEntry::is_write);
        Ok(entries)
    }

    /// Every request of a user since the mark that is answered by now; a watch may be there twice, as it begins
    /// and as it ends. Unlike [`AuditLog::requests_by`] it reads a long log quickly, and waits for nothing. A server
    /// that is not ready refuses everybody, for it does not know its roles yet: that is not said to be forbidden.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn answered_to(&self, user: &str, since: Mark) -> Result<Vec<AuditEntry>, Error> {
        let mut entries = Vec::new();
        for generation in since.generation..=self.newest() {
            let offset = if generation == since.generation { since.offset } else { 0 };
            let path = log_file(&self.directory, generation);
            let quoted = format!("\"{user}\"");
            let mut ready = offset > 0;
            for line in complete_lines(&path, offset)?.lines() {
                if !line.contains(&quoted) && (ready || !line.contains(READY)) {
                    continue;
                }
                let event: Event = serde_json::from_str(line)
                    .map_err(|source| Error::AuditEvent { path: path.clone(), source })?;
                if event.stage == RECEIVED {
                    continue;
                }
                let mut entry = entry(event);
                ready |= entry.uri == READY && entry.code == Some(200);
                entry.forbidden &= ready;
                entries.push(entry);
            }
        }
        entries.retain(|entry| entry.user == user);
        Ok(entries)
    }

    /// Every request of a user that arrived since the mark, reads included; otherwise as
    /// [`AuditLog::writes_by`]. A watch counts as answered when it has begun.
    ///
    /// # Errors
    ///
    /// As of [`AuditLog::writes_by`].
    pub async fn requests_by(&self, user: &str, since: Mark) -> Result<Vec<AuditEntry>, Error> {
        let begun = Instant::now();
        loop {
            let (entries, under_way) = self.read(user, since)?;
            if !under_way {
                return Ok(entries);
            }
            if begun.elapsed() > PATIENCE {
                let what = format!("the API server's answer to a request of {user}");
                return Err(Error::TimedOut { what, seconds: PATIENCE.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The requests, and whether one of them can still get its answer.
    fn read(&self, user: &str, since: Mark) -> Result<(Vec<AuditEntry>, bool), Error> {
        let newest = self.newest();
        let mut entries = Vec::new();
        let mut under_way = false;
        for generation in since.generation..=newest {
            let offset = if generation == since.generation { since.offset } else { 0 };
            let path = log_file(&self.directory, generation);
            let found = pair(&complete_lines(&path, offset)?, user)
                .map_err(|source| Error::AuditEvent { path, source })?;
            under_way |= generation == newest && found.iter().any(|e| e.code.is_none());
            entries.extend(found);
        }
        Ok((entries, under_way))
    }

    fn newest(&self) -> u32 {
        let mut generation = 1;
        while log_file(&self.directory, generation + 1).exists() {
            generation += 1;
        }
        generation
    }
}

/// The file from `offset` to the end of the last line that is written out. A line that was being written
/// when the mark was made had arrived before it.
fn complete_lines(path: &Path, offset: u64) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(Error::file("open", path))?;
    // The last byte before the mark tells whether a line ended there.
    let before = offset.saturating_sub(1);
    file.seek(SeekFrom::Start(before)).map_err(Error::file("seek in", path))?;
    file.read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    if offset > 0 {
        let begun = bytes.iter().position(|&b| b == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..begun);
    }
    bytes.truncate(bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1));
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    impersonated_user: Option<User>,
    #[serde(default)]
    object_ref: Object,
    response_status: Option<Status>,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    api_group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: Option<u16>,
}

/// Joins arrival and answer of each request of the user that arrived within `lines`.
fn pair(lines: &str, user: &str) -> Result<Vec<AuditEntry>, serde_json::Error> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut by_id = HashMap::new();
    for line in lines.lines() {
        let event: Event = serde_json::from_str(line)?;
        if event.stage == RECEIVED {
            by_id.insert(event.audit_id.clone(), entries.len());
            entries.push(entry(event));
        } else if let Some(&index) = by_id.get(&event.audit_id)
            && entries[index].code.is_none()
        {
            // The answer knows more: who is impersonated, and the name of an object that was created.
            entries[index] = entry(event);
        }
    }
    entries.retain(|e| e.user == user);
    Ok(entries)
}

fn entry(event: Event) -> AuditEntry {
    let Event { user, impersonated_user, object_ref, response_status, mut annotations, .. } = event;
    AuditEntry {
        user: impersonated_user.unwrap_or(user).username,
        verb: event.verb,
        group: object_ref.api_group,
        resource: object_ref.resource,
        subresource: object_ref.subresource,
        namespace: object_ref.namespace,
        name: object_ref.name,
        uri: event.request_uri,
        code: response_status.and_then(|s| s.code),
        forbidden: annotations.get(DECISION).is_some_and(|decision| decision == "forbid"),
        reason: annotations.remove(REASON).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(id: &str, stage: &str, verb: &str, code: Option<u16>) -> String {
        let mut event = json!({
            "auditID": id, "stage": stage, "requestURI": "/x", "verb": verb,
            "user": {"username": "ada"},
            "objectRef": {"resource": "secrets", "namespace": "n"},
        });
        if let Some(code) = code {
            event["responseStatus"] = json!({"code": code});
            event["objectRef"]["name"] = json!(format!("name-{id}"));
        }
        format!("{event}\n")
    }

    fn append(log: &AuditLog, generation: u32, text: &str) {
        use std::io::Write;
        let path = log_file(&log.directory, generation);
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn names(entries: &[AuditEntry]) -> Vec<(&str, Option<u16>)> {
        entries.iter().map(|e| (e.name.as_str(), e.code)).collect()
    }

    #[test]
    fn a_request_without_answer_is_under_way_only_while_its_server_runs() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path());
        append(&log, 1, "");
        let mark = log.mark().unwrap();
        append(&log, 1, &line("a", "RequestReceived", "create", None));
        // A line that is still being written is not read yet.
        append(&log, 1, "{\"auditID\": \"b");
        let (entries, under_way) = log.read("ada", mark).unwrap();
        assert_eq!((names(&entries), under_way), (vec![("", None)], true));
        assert_eq!(log.read("bob", mark).unwrap(), (vec![], false));

        append(&log, 2, "");
        let (entries, under_way) = log.read("ada", mark).unwrap();
        assert_eq!((names(&entries), under_way), (vec![("", None)], false));
    }

    #[test]
    fn what_arrived_before_the_mark_does_not_count_when_it_is_answered_after() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path());
        append(&log, 1, &line("early", "RequestReceived", "patch", None));
        let mark = log.mark().unwrap();
        append(&log, 1, &line("early", "ResponseComplete", "patch", Some(200)));
        append(&log, 1, &line("late", "RequestReceived", "patch", None));
        append(&log, 1, &line("late", "ResponseComplete", "patch", Some(409)));
        let (entries, under_way) = log.read("ada", mark).unwrap();
        assert_eq!((names(&entries), under_way), (vec![("name-late", Some(409))], false));
    }

    #[test]
    fn a_mark_in_the_middle_of_a_line_is_a_mark_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path());
        let early = line("early", "RequestReceived", "patch", None);
        let (written, rest) = early.split_at(20);
        append(&log, 1, written);
        let mark = log.mark().unwrap();
        assert_eq!(log.read("ada", mark).unwrap(), (vec![], false));
        append(&log, 1, rest);
        append(&log, 1, &line("late", "ResponseComplete", "patch", Some(200)));
        append(&log, 1, &line("later", "RequestReceived", "patch", None));
        assert_eq!(log.read("ada", mark).unwrap().0.len(), 1);
    }

    #[test]
    fn a_refusal_counts_from_a_server_that_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path());
        append(&log, 1, &line("before", "ResponseComplete", "get", Some(200)));
        let mark = log.mark().unwrap();
        let refused = |id: &str| {
            let mut event: serde_json::Value =
                serde_json::from_str(&line(id, "ResponseComplete", "get", Some(403))).unwrap();
            event["annotations"] = json!({DECISION: "forbid", REASON: "no role"});
            format!("{event}\n")
        };
        let ready =
            line("r", "ResponseComplete", "get", Some(200)).replace("ada", "admin").replace("/x", READY);
        for text in [&refused("a"), &line("b", "ResponseComplete", "get", Some(403))] {
            append(&log, 1, text);
        }
        for text in [&refused("c"), &ready.replace("200", "500"), &refused("d"), &ready, &refused("e")] {
            append(&log, 2, text);
        }
        let found = log.answered_to("ada", mark).unwrap();
        let found: Vec<_> = found.iter().map(|e| (e.name.as_str(), e.forbidden)).collect();
        let expected = [("a", true), ("b", false), ("c", false), ("d", false), ("e", true)]
            .map(|(id, is)| (format!("name-{id}"), is));
        assert_eq!(found, expected.each_ref().map(|(name, is)| (name.as_str(), *is)));
    }

    #[test]
    fn a_watch_is_answered_when_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog::new(folder.path());
        append(&log, 1, "");
        let mark = log.mark().unwrap();
        append(&log, 1, &line("w", "RequestReceived", "watch", None));
        append(&log, 1, &line("w", "ResponseStarted", "watch", Some(200)));
        let (entries, under_way) = log.read("ada", mark).unwrap();
        assert!(!under_way && !entries[0].is_write(), "{entries:?}");
    }
}
