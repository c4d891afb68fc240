//! The files that `-f` names: files, directories, and `-` for standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::failure::Misused;
use crate::admin::apply::Text;
use crate::admin::body::MAX_BYTES;
use crate::directory::is_manifest;

/// Reads all of them. A directory stands for its .yaml, .yml and .json files, in the order of their names.
pub(super) fn read(named: &[PathBuf]) -> anyhow::Result<Vec<Text>> {
    let mut texts = Vec::new();
    let mut room = MAX_BYTES;
    for path in named {
        for file in expand(path)? {
            let text = text(&file, room)?;
            room = room.saturating_sub(text.text.len());
            texts.push(text);
        }
    }
    Ok(texts)
}

/// Refuses what is no directory: pruning what one file doesn't have would be pruning nearly everything.
pub(super) fn only_directories(named: &[PathBuf]) -> anyhow::Result<()> {
    match named.iter().find(|path| !path.is_dir()) {
        None => Ok(()),
        Some(path) => {
            let path = path.display();
            Err(Misused(format!("--prune goes with directories only, and {path} is none")).into())
        }
    }
}

fn expand(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = || format!("the directory {} can't be read", path.display());
    let mut files = Vec::new();
    for entry in path.read_dir().with_context(unreadable)? {
        let file = entry.with_context(unreadable)?.path();
        if is_manifest(&file) && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("the directory {} has no .yaml, .yml or .json files", path.display());
    }
    files.sort();
    Ok(files)
}

fn text(path: &Path, room: usize) -> anyhow::Result<Text> {
    let is_input = path == Path::new("-");
    let file = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let unreadable = || format!("{file} can't be read");
    let mut bytes = Vec::new();
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    if is_input {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).with_context(unreadable)?;
    } else {
        let opened = std::fs::File::open(path).with_context(unreadable)?;
        opened.take(most).read_to_end(&mut bytes).with_context(unreadable)?;
    }
    if bytes.len() > room {
        bail!("the manifests have more than {MAX_BYTES} bytes together; apply them in parts");
    }
    let text = String::from_utf8(bytes).with_context(|| format!("{file} is not UTF-8 text"))?;
    Ok(Text { file, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_its_manifests_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "c.json", "readme.md"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let texts = read(&[dir.path().to_owned()]).unwrap();
        let names: Vec<_> = texts.iter().map(|text| text.text.as_str()).collect();
        assert_eq!(names, ["a.yml", "b.yaml", "c.json"]);
    }

    #[test]
    fn what_is_missing_or_no_text_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(format!("{:#}", read(&[dir.path().to_owned()]).unwrap_err()).contains("has no .yaml"));
        let missing = dir.path().join("missing.yaml");
        assert!(
            format!("{:#}", read(std::slice::from_ref(&missing)).unwrap_err()).contains("missing.yaml can't")
        );
        std::fs::write(&missing, [0xff, 0xfe]).unwrap();
        assert!(format!("{:#}", read(&[missing]).unwrap_err()).contains("not UTF-8"));
    }
}
