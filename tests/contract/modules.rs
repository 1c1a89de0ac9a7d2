//! The modules of the library know one another in one direction only, and no step knows another.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use atlas_cmk_tests::{contracts::functions, root};

/// A file of the library: where it is below `shared/src`, and which items of the library it names.
struct Source {
    path: PathBuf,
    names: BTreeSet<String>,
    is_step: bool,
}

impl Source {
    fn read(folder: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        // Tests may know what they like.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let mut names = BTreeSet::new();
        for (place, _) in code.match_indices("crate::") {
            let path: String = code[place + "crate::".len()..].chars().take_while(|c| *c != ';').collect();
            let in_use = code[..place].trim_end().ends_with("use");
            let path = if in_use { path } else { path.split(|c: char| !is_path(c)).next().unwrap_or("").to_owned() };
            expand("", &path, &mut names);
        }
        let is_step = text.lines().any(|line| line.starts_with("impl Step for"));
        Self { path: path.strip_prefix(folder).unwrap().to_owned(), names, is_step }
    }

    /// The module at the top that it belongs to.
    fn module(&self) -> String {
        let first = self.path.iter().next().unwrap().to_string_lossy();
        first.trim_end_matches(".rs").to_owned()
    }

    /// Its path as code names it.
    fn name(&self) -> String {
        self.path.with_extension("").iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("::")
    }
}

fn is_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// The paths that a tree such as `a::{b, c::{d, e}}` names.
fn expand(before: &str, tree: &str, names: &mut BTreeSet<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        names.insert(format!("{before}{}", tree.trim()));
        return;
    };
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let (mut depth, mut start) = (0_usize, 0);
    for (place, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = body[start..place].trim();
                if !part.is_empty() {
                    expand(&format!("{before}{}", head.trim()), part, names);
                }
                start = place + 1;
            }
            _ => {}
        }
    }
}

fn sources() -> Vec<Source> {
    let folder = root().join("shared/src");
    let (mut open, mut sources) = (vec![folder.clone()], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !["tests.rs", "lib.rs"].iter().any(|name| path.ends_with(name)) {
            sources.push(Source::read(&folder, &path));
        }
    }
    sources
}

/// Which modules at the top know which, and by which files.
fn arrows(sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let known = source.names.iter().map(|name| name.split("::").next().unwrap_or_default().to_owned());
        // What lib.rs gives another name is of `error`.
        let known = known.map(|name| if name.starts_with(char::is_uppercase) { "error".to_owned() } else { name });
        arrows.entry(source.module()).or_default().extend(known.filter(|name| *name != source.module()));
    }
    arrows
}

#[test]
fn no_two_modules_know_each_other_not_even_by_way_of_others() {
    let arrows = arrows(&sources());
    assert!(arrows["steps"].contains("model") && arrows["answers"].contains("steps"), "arrows are read: {arrows:?}");
    for start in arrows.keys() {
        let (mut open, mut seen) = (vec![vec![start.clone()]], BTreeSet::new());
        while let Some(way) = open.pop() {
            for next in arrows.get(&way[way.len() - 1]).into_iter().flatten() {
                assert!(next != start, "a circle: {} -> {start}", way.join(" -> "));
                if seen.insert(next.clone()) {
                    open.push(way.iter().cloned().chain([next.clone()]).collect());
                }
            }
        }
    }
}

#[test]
fn no_step_knows_another() {
    let sources = sources();
    let steps: Vec<&Source> = sources.iter().filter(|source| source.is_step).collect();
    assert_eq!(steps.len(), functions().len(), "every step is found");
    for step in steps.iter().filter(|step| step.module() == "steps") {
        for other in steps.iter().filter(|other| other.name() != step.name()) {
            let knows = step.names.iter().any(|name| *name == other.name() || name.starts_with(&(other.name() + "::")));
            assert!(!knows, "{} knows {}", step.name(), other.name());
        }
    }
}
