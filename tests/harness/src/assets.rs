//! Where the programs come from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Folder with etcd, kube-apiserver, kube-controller-manager and kubectl; built first where missing.
pub(crate) fn locate() -> Result<PathBuf, Error> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/controlplane/build.sh");
    let failed = |reason: String| Error::Build { script: script.display().to_string(), reason };
    let output = Command::new(&script)
        .stdin(Stdio::null())
        // Minutes of silence look like a hang, so the script's progress goes where the user sees it.
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.trim() {
        "" => Err(failed("it printed no folder".to_owned())),
        folder => Ok(PathBuf::from(folder)),
    }
}
