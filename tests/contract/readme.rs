//! The README tells what there is.

use atlas_cmk::ErrorName;
use atlas_cmk_tests::{read, steps};

#[test]
fn the_readme_says_what_to_do_about_every_error_name() {
    let readme = read("README.md").unwrap();
    for name in ErrorName::ALL {
        assert!(readme.contains(&format!("| `{name}` |")), "README.md does not say what to do about {name}");
    }
}

#[test]
fn the_readme_names_every_function() {
    let readme = read("README.md").unwrap();
    for contract in steps::functions() {
        assert!(readme.contains(&format!("`{}`", contract.name)), "{}", contract.name);
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
        for path in files(atlas_cmk_tests::root().join(folder)) {
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
fn the_readme_says_of_every_event_where_it_is_delivered_and_what_it_starts() {
    let readme = read("README.md").unwrap();
    for folder in ["vending", "changes"] {
        for file in atlas_cmk_tests::list(&format!("events/{folder}")).unwrap() {
            let name = file.trim_end_matches(".json");
            assert!(readme.contains(&format!("`{name}`")), "README.md does not mention events/{folder}/{file}");
        }
    }
}
