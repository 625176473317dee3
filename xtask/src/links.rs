//! Pages link only to files that are there.
use std::path::Path;

use crate::repository::{TextFile, root};

/// Each link to nowhere.
pub(crate) fn faults(files: &[TextFile]) -> Vec<String> {
    let pages = files.iter().filter(|file| Path::new(&file.path).extension().is_some_and(is_page));
    pages.flat_map(faults_of).collect()
}

fn is_page(extension: &std::ffi::OsStr) -> bool {
    extension == "md"
}

fn faults_of(page: &TextFile) -> Vec<String> {
    let path = root().join(&page.path);
    let folder = path.parent().unwrap_or(&path);
    let broken = |target: &&str| !folder.join(target).exists();
    let fault = |target| format!("{}: {target} is not there", page.path);
    targets(&page.text).into_iter().filter(broken).map(fault).collect()
}

/// The files that a page links to: what stands in `](…)`, but addresses, and without its fragment.
fn targets(page: &str) -> Vec<&str> {
    let links = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let files = links.filter_map(|(target, _)| target.split('#').next());
    files.filter(|target| !target.is_empty() && !target.contains(':')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found() {
        let page = "[a](b.md#c) [d](https://e) [f](#g)\n[h](i/)";
        assert_eq!(targets(page), ["b.md", "i/"]);
    }

    #[test]
    fn every_page_links_to_what_is_there() {
        let faults = faults(&crate::repository::text_files().unwrap());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
