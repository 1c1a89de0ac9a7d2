//! The documentation names what there is, and the README stays short.

use atlas_cmk::ErrorName;
use atlas_cmk_tests::{read, steps};

#[test]
fn the_page_of_errors_has_a_row_for_every_error_name() {
    let page = read("docs/errors.md").unwrap();
    for name in ErrorName::ALL {
        assert!(page.contains(&format!("\n| `{name}` |")), "docs/errors.md does not say what to do about {name}");
    }
}

#[test]
fn the_page_of_steps_has_a_row_for_every_function() {
    let page = read("docs/steps.md").unwrap();
    for contract in steps::functions() {
        assert!(page.contains(&format!("\n| `{}` |", contract.name)), "docs/steps.md has no row for {}", contract.name);
    }
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
