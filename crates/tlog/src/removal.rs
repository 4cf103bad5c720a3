//! Removing files of a log: what a crash left beyond the checkpoint, partial files once they are superseded, and bundles
//! below the marker of what was pruned. Each looks for what is there, so that one which was interrupted is made good by
//! the next.

use std::io;

use crate::error::WriteError;
use crate::files::{Files, is_absent, list_if_there};
use crate::tile::{HEIGHT, PARTIAL, Row, Tile, WIDTH, width_named};

/// Of a tile that is not full, what is wider than that, and the full one.
pub(crate) fn remove_wider(files: &dyn Files, tile: Tile, width: usize) -> Result<(), WriteError> {
    remove(files, &tile.path(WIDTH))?;
    remove_partial(files, tile, width)
}

/// Partial files of a tile that has its full one.
pub(crate) fn remove_superseded(files: &dyn Files, tile: Tile) -> Result<(), WriteError> {
    let folder = tile.partial_folder();
    match files.list(&folder) {
        Ok(names) => names.iter().try_for_each(|name| remove(files, &format!("{folder}/{name}")))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Whatever it is, it is no folder.
        Err(_) => {}
    }
    remove(files, &folder)
}

/// Bundles below the marker, full or not.
pub(crate) fn remove_pruned(files: &dyn Files, kept_from: u64) -> Result<(), WriteError> {
    remove_below(files, &Row::Entries.folder(), 0, kept_from >> HEIGHT)
}

/// Of the bundles in a folder whose numbers begin with `above`, those before `kept`.
fn remove_below(files: &dyn Files, folder: &str, above: u64, kept: u64) -> Result<(), WriteError> {
    if above.saturating_mul(1000) >= kept {
        return Ok(());
    }
    for name in list_if_there(files, folder)? {
        let path = format!("{folder}/{name}");
        let digits = name.trim_start_matches('x').trim_end_matches(PARTIAL);
        let Ok(number) = digits.parse::<u64>() else { continue };
        let index = above.saturating_mul(1000).saturating_add(number);
        let tile = Tile::entries(index);
        if name == format!("x{number:03}") && index > 0 {
            remove_below(files, &path, index, kept)?;
            remove_if_empty(files, &path)?;
        } else if index < kept && path == tile.path(WIDTH) {
            remove(files, &path)?;
        } else if index < kept && path == tile.partial_folder() {
            remove_superseded(files, tile)?;
        }
    }
    Ok(())
}

fn remove_partial(files: &dyn Files, tile: Tile, width: usize) -> Result<(), WriteError> {
    let folder = tile.partial_folder();
    let names = list_if_there(files, &folder)?.into_iter();
    let wider = names.filter(|name| width_named(name).is_none_or(|found| found > width));
    wider.map(|name| format!("{folder}/{name}")).try_for_each(|path| remove(files, &path))
}

fn remove(files: &dyn Files, path: &str) -> Result<(), WriteError> {
    match files.remove(path) {
        Err(error) if !is_absent(&error) => Err(WriteError::disk(path, error)),
        _ => Ok(()),
    }
}

fn remove_if_empty(files: &dyn Files, folder: &str) -> Result<(), WriteError> {
    match files.remove(folder) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        Err(error) if !is_absent(&error) => Err(WriteError::disk(folder, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Directory, parent};

    /// A folder with these files in it.
    fn folder(paths: &[&str]) -> (tempfile::TempDir, Directory) {
        let scratch = tempfile::tempdir().unwrap();
        for path in paths {
            std::fs::create_dir_all(scratch.path().join(parent(path))).unwrap();
            std::fs::write(scratch.path().join(path), path).unwrap();
        }
        let files = Directory::new(scratch.path());
        (scratch, files)
    }

    /// What is in a folder, those that are empty with a `/` behind them.
    fn contents(files: &Directory, folder: &str) -> Vec<String> {
        let Ok(mut names) = files.list(folder) else { return vec![folder.to_owned()] };
        names.sort();
        if names.is_empty() {
            return vec![format!("{folder}/")];
        }
        names.iter().flat_map(|name| contents(files, &format!("{folder}/{name}"))).collect()
    }

    #[test]
    fn what_is_below_the_marker_goes_and_nothing_else() {
        let bundles = [0, 7, 998, 999, 1_000, 1_999, 2_000, 2_500, 999_999, 1_000_000, 1_000_007, 1_001_000];
        for kept in [0, 1, 8, 999, 1_000, 1_001, 2_000, 2_001, 1_000_000, 1_000_001, 1_001_000, 2_000_000] {
            let paths = bundles.map(|index| Tile::entries(index).path(WIDTH));
            let partial = bundles.map(|index| Tile::entries(index).path(5));
            let strange = ["tile/entries/+00", "tile/entries/0000", "tile/entries/x000/001", "tile/entries/xx1/001"];
            let others = ["tile/0/000", "tile/entries/x1/000"].into_iter().chain(strange);
            let all: Vec<&str> = paths.iter().chain(&partial).map(String::as_str).chain(others).collect();
            let (_scratch, files) = folder(&all);
            remove_pruned(&files, kept << HEIGHT).unwrap();
            let gone = |path: &str| {
                let found = paths.iter().chain(&partial).position(|known| known == path);
                found.is_some_and(|place| bundles[place % bundles.len()] < kept)
            };
            let mut want: Vec<_> = all.iter().filter(|path| !gone(path)).map(|path| (*path).to_owned()).collect();
            let mut found = contents(&files, "tile");
            want.sort();
            found.sort();
            assert_eq!(found, want, "{kept}");
        }
    }
}
