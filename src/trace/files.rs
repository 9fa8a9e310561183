//! Files that appear whole or not at all: written under a temporary name, synced, renamed.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The name a file bears while it is being written.
pub fn temporary(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.part"))
}

/// Creates the temporary file of `name`.
///
/// # Errors
/// If the folder cannot be written.
pub fn create(folder: &Path, name: &str) -> Result<File> {
    let path = temporary(folder, name);
    File::create(&path).with_context(|| format!("{} cannot be written", path.display()))
}

/// Gives a completely written temporary file its final name.
///
/// # Errors
/// If the disk refuses to sync or rename.
pub fn publish(folder: &Path, name: &str, file: &File) -> Result<()> {
    let path = folder.join(name);
    file.sync_all()
        .and_then(|()| fs::rename(temporary(folder, name), &path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes a small file in one go.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let mut file = create(folder, name)?;
    file.write_all(bytes)
        .with_context(|| format!("{} cannot be written", folder.join(name).display()))?;
    publish(folder, name, &file)?;
    sync_folder(folder)
}

/// Makes renames in a folder durable.
///
/// # Errors
/// If the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("{} cannot be synced", folder.display()))
}

/// A file's length in bytes and its BLAKE3 hash in hexadecimal.
///
/// # Errors
/// If it cannot be read.
pub fn fingerprint(path: &Path) -> Result<(u64, String)> {
    let unreadable = || format!("{} cannot be read", path.display());
    let mut file = File::open(path).with_context(unreadable)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        match file.read(&mut buffer).with_context(unreadable)? {
            0 => return Ok((length, hasher.finalize().to_hex().to_string())),
            read => {
                hasher.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}
