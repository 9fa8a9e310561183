//! Files of a trace: for their owner only, and whole or not at all: written under a temporary name,
//! synced, renamed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Creates a folder, and those above it, that only its owner may look into.
///
/// # Errors
/// If it cannot be created.
pub fn private_folder(folder: &Path) -> Result<()> {
    let cannot = || format!("{} cannot be created", folder.display());
    if let Some(above) = folder.parent() {
        fs::create_dir_all(above).with_context(cannot)?;
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        // One that was there before is the user's own to protect.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.with_context(cannot),
    }
}

/// Opens a file for writing that only its owner may read; what it held is gone.
///
/// # Errors
/// If it cannot be written.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

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
    private_file(&path).with_context(|| format!("{} cannot be written", path.display()))
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
