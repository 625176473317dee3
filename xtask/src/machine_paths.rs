//! No tracked file names a folder of one particular machine.
use crate::repository::TextFile;

/// First folders of paths that exist on somebody's machine only.
const FOLDERS: &[&str] = &["work", "root", "home", "Users"];

/// Each line that names such a path.
pub(crate) fn faults(files: &[TextFile]) -> Vec<String> {
    let lines = files.iter().flat_map(|file| file.text.lines().zip(1..).map(move |at| (file, at)));
    lines
        .filter_map(|(file, (line, number))| {
            let path = machine_path(line)?;
            let place = &file.path;
            Some(format!("{place}:{number}: {path} is there on one machine only; name it from the root of the repository, or by a variable"))
        })
        .collect()
}

/// The absolute path of a machine in a line. What follows a host or a variable is not absolute.
fn machine_path(line: &str) -> Option<String> {
    FOLDERS.iter().find_map(|folder| {
        let path = format!("/{folder}/");
        let begins = |at: usize| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            before.is_none_or(|before| !before.is_alphanumeric() && !"._-~*})]>/".contains(before))
        };
        line.match_indices(&path).any(|(at, _)| begins(at)).then(|| path.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_machine_is_told_from_a_url_and_a_variable() {
        let slash = '/';
        for line in ["cd {}work/x", "\"{}root/.cargo\"", "{}home/ada/x"] {
            let line = line.replace("{}", &slash.to_string());
            assert!(machine_path(&line).is_some(), "{line}");
        }
        for line in ["https://example.com/home/x", "$HOME/work/x", "~/work/", "../work/y"] {
            assert!(machine_path(line).is_none(), "{line}");
        }
    }

    #[test]
    fn no_tracked_file_names_one() {
        let faults = faults(&crate::repository::text_files().unwrap());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
