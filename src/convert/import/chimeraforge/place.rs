//! Where the harnesses write what, and what the names of folders say.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::trace::Import;

/// Where the harnesses write what.
pub struct Place<'a> {
    pub root: &'a Path,
    /// The experiment's folder, below the root.
    pub folder: &'a Path,
}

impl Place<'_> {
    /// Reads a file and takes note of it.
    ///
    /// # Errors
    /// If it cannot be read from the disk.
    pub fn read(&self, name: &str, import: &mut Import) -> Result<Vec<u8>> {
        let path = self.root.join(name);
        let bytes =
            fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        import.made_from(name, &bytes);
        Ok(bytes)
    }

    /// As the folder of the experiment says, such as `gemma3_latest`: the tag follows the first `_`.
    pub fn model(&self) -> Option<String> {
        let folder = self.folder.parent()?.file_name()?.to_str()?;
        Some(folder.replacen('_', ":", 1))
    }

    /// As the experiment's own folder says, such as `chimera-homo_gpu80_ctx512_temp10`, less the
    /// scenario, which the files say.
    pub fn config(&self) -> Option<String> {
        let folder = self.folder.file_name()?.to_str()?;
        let config = folder.split_once('_').map_or(folder, |(_, config)| config);
        Some(config.to_owned())
    }
}
