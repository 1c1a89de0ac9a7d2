//! The documentation names what there is, and the README stays short.

use atlas_cmk::ErrorName;
use atlas_cmk_tests::{contracts, files::Files, read, root};

#[test]
fn the_page_of_errors_has_a_row_for_every_error_name() {
    let page = read("docs/errors.md").unwrap();
    for name in ErrorName::ALL {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/errors.md does not say what to do about {name}");
    }
}

/// The rows that the page of steps lacks, or has without a step.
pub(crate) fn check(files: &Files) -> Vec<String> {
    let rows: Vec<String> =
        contracts::functions().iter().map(|function| row(function.name(), function.about)).collect();
    let there: Vec<&str> = files.page_of_steps.lines().filter(|line| line.starts_with("| `")).collect();
    let missing = rows.iter().filter(|row| !there.contains(&row.as_str()));
    let unknown = there.iter().filter(|line| !rows.iter().any(|row| row == *line));
    missing
        .map(|row| format!("docs/steps.md lacks {row}"))
        .chain(unknown.map(|line| format!("docs/steps.md has {line}, which no step says of itself")))
        .collect()
}

fn row(name: &str, about: &str) -> String {
    format!("| `{name}` | {about} |")
}

/// `BLESS=1 cargo test -p atlas-cmk-tests --test contract` writes what the steps say into the rows that are there.
#[test]
fn the_page_of_steps_says_of_every_function_what_its_step_says() {
    if std::env::var_os("BLESS").is_some() {
        let page = read("docs/steps.md").unwrap();
        let functions = contracts::functions();
        let lines = page.lines().map(|line| {
            let of = functions.iter().find(|function| line.starts_with(&format!("| `{}` |", function.name())));
            of.map_or_else(|| line.to_owned(), |function| row(function.name(), function.about))
        });
        std::fs::write(root().join("docs/steps.md"), lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    }
    assert_eq!(check(&Files::read().unwrap()), [] as [String; 0]);
}

#[test]
fn the_readme_has_at_most_200_lines_of_at_most_120_columns() {
    let readme = read("README.md").unwrap();
    assert!(readme.lines().count() <= 200, "{} lines", readme.lines().count());
    for (number, line) in readme.lines().enumerate() {
        assert!(line.chars().count() <= 120, "line {} has {} columns", number + 1, line.chars().count());
    }
}

#[test]
fn every_test_that_the_page_of_the_architecture_names_exists() {
    let page = read("docs/architecture.md").unwrap();
    let invariants = page.split("## Invariants").nth(1).unwrap();
    for row in invariants.lines().filter(|line| line.starts_with('|')) {
        let quoted = || row.split('`').skip(1).step_by(2);
        let sources: String = quoted().filter(|word| word.contains(".rs")).map(|file| read(file).unwrap()).collect();
        let is_test = |word: &&str| word.matches('_').count() > 1 && !word.contains(['/', '.', ':']);
        for test in quoted().filter(is_test) {
            assert!(sources.contains(&format!("fn {test}(")), "no test {test} in the files of the row {row}");
        }
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let page = read("docs/threat-model.md").unwrap();
    let mut sources = String::new();
    for folder in ["shared/src", "tests/contract", "tests/end_to_end"] {
        let mut open = vec![atlas_cmk_tests::root().join(folder)];
        while let Some(path) = open.pop() {
            match std::fs::read_dir(&path) {
                Ok(entries) => open.extend(entries.map(|entry| entry.unwrap().path())),
                Err(_) => sources += &std::fs::read_to_string(path).unwrap(),
            }
        }
    }
    let quoted = page.split('`').skip(1).step_by(2);
    let tests: Vec<&str> = quoted.filter(|word| word.matches('_').count() > 4 && !word.contains(' ')).collect();
    assert!(tests.len() > 10, "it names tests: {tests:?}");
    for test in tests {
        assert!(sources.contains(&format!("fn {test}(")), "no test {test}");
    }
}

#[test]
fn no_source_file_can_disable_a_key_or_schedule_its_deletion() {
    // Tests and the embedded cloud may: they play those who do. The product may not.
    fn files(folder: std::path::PathBuf) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(path) } else { vec![path] }).collect()
    }
    for folder in ["shared/src", "functions"] {
        // The policy of a key that is created leaves both to the administrators of the account.
        let is_that_policy = |path: &std::path::PathBuf| path.ends_with("shared/src/policy/key.rs");
        for path in files(atlas_cmk_tests::root().join(folder)).into_iter().filter(|path| !is_that_policy(path)) {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in
                ["schedule_key_deletion", "disable_key()", "DisableKey::", "kms:ScheduleKeyDeletion", "kms:DisableKey"]
            {
                assert!(!text.contains(call), "{}: {call}", path.display());
            }
        }
    }
}

#[test]
fn the_page_of_events_says_of_every_sample_where_it_is_delivered_and_what_it_starts() {
    let page = read("docs/events.md").unwrap();
    for folder in ["vending", "changes"] {
        for file in atlas_cmk_tests::list(&format!("events/{folder}")).unwrap() {
            let name = file.trim_end_matches(".json");
            assert!(page.contains(&format!("`{name}`")), "docs/events.md does not mention events/{folder}/{file}");
        }
    }
}
