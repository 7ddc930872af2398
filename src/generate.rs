//! `iot-operator crd`: the `CustomResourceDefinitions` on standard output or as files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::api::crd;

/// Why the definitions could not be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A file cannot be written.
    #[error("cannot write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Standard output is gone.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    /// A definition cannot be put into YAML.
    #[error("cannot write a definition as YAML")]
    Yaml(#[from] serde_yaml_ng::Error),
}

/// Writes one file per definition to a directory, named after its plural, or all to standard output.
pub fn crds(directory: Option<&Path>) -> Result<(), GenerateError> {
    for definition in crd::crds() {
        let yaml = crd::yaml(&definition)?;
        match directory {
            Some(directory) => {
                let path = directory.join(format!("{}.yaml", definition.spec.names.plural));
                std::fs::write(&path, yaml).map_err(|source| GenerateError::File { path, source })?;
            }
            None => writeln!(std::io::stdout(), "---\n{yaml}").map_err(GenerateError::Output)?,
        }
    }
    Ok(())
}
