//! The house is in order: layers, the list of files with unsafe code, and words that do not belong.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const LAYERS: [&str; 10] = [
    "os",
    "segment",
    "sync",
    "compat",
    "shared",
    "queue",
    "process",
    "pool",
    "inspect",
    "__private",
];

fn sources() -> Vec<(String, String)> {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    assert!(found.len() > 40, "the sources were not found");
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The code of a file without comments and unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let text = text.split("#[cfg(all(test, not(feature = \"models\")))]\nmod ").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn layer(file: &str) -> Option<usize> {
    let first = file.strip_prefix("src/")?.split(['/', '.']).next()?;
    LAYERS.iter().position(|layer| *layer == first)
}

/// The layers that a file names after `crate::`, singly or in braces.
fn imports(code: &str) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let mut depth = 0;
        let mut word = String::new();
        let mut start = true;
        for sign in rest.chars() {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if sign.is_alphanumeric() || sign == '_' {
                word.push(sign);
                continue;
            }
            if start && let Some(layer) = LAYERS.iter().position(|layer| *layer == word) {
                found.insert(layer);
            }
            word.clear();
            // Only names directly behind `crate::` or directly inside its own braces begin a path.
            start = depth == 1 && matches!(sign, '{' | ',')
                || depth == 1 && start && sign.is_whitespace();
            if depth == 0 {
                break;
            }
        }
    }
    found
}

fn wrong_imports(file: &str, text: &str) -> Vec<String> {
    let Some(own) = layer(file) else { return Vec::new() };
    let wrong = imports(&code(text)).into_iter().filter(|&other| other > own);
    wrong.map(|other| format!("{file} ({}) uses {}", LAYERS[own], LAYERS[other])).collect()
}

#[test]
fn files_use_their_own_layer_or_lower_ones() {
    let bad = "use crate::{\n    Error,\n    sync::Lock,\n};\nfn f() { crate::process::spawn() }";
    assert_eq!(wrong_imports("src/segment/x.rs", bad).len(), 2, "the check itself");
    assert_eq!(wrong_imports("src/process/x.rs", bad), Vec::<String>::new());
    let wrong: Vec<_> =
        sources().iter().flat_map(|(file, text)| wrong_imports(file, text)).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether unsafe code is allowed anywhere in the file: in all of it or for one item, by `allow` or `expect`, among other lints too.
fn allows_unsafe(code: &str) -> bool {
    ["allow(", "expect("].iter().any(|word| {
        code.match_indices(word).any(|(at, _)| {
            let lints = code[at + word.len()..].split(')').next().unwrap();
            lints.split(',').any(|lint| lint.trim() == "unsafe_code")
        })
    })
}

#[test]
fn files_with_unsafe_code_are_listed() {
    for attribute in [
        "#![allow(unsafe_code)]",
        "#[allow(unsafe_code, reason = \"of the item\")]",
        "#[cfg_attr(test, allow(dead_code, unsafe_code))]",
        "#[expect(\n    unsafe_code,\n)]",
    ] {
        assert!(allows_unsafe(attribute), "the check itself: {attribute}");
    }
    assert!(!allows_unsafe("#![deny(unsafe_code)] #[allow(dead_code)]"), "the check itself");
    let safety =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SAFETY.md")).unwrap();
    let listed: BTreeSet<_> = safety
        .lines()
        .filter_map(|line| line.strip_prefix("| `src/")?.split('`').next())
        .map(|name| format!("src/{name}"))
        .collect();
    let found: BTreeSet<_> = sources()
        .into_iter()
        .filter(|(_, text)| allows_unsafe(text))
        .map(|(file, _)| file)
        .collect();
    assert!(!found.is_empty());
    assert_eq!(listed, found, "SAFETY.md (left) and the sources (right)");
}

#[test]
fn only_the_lowest_layer_speaks_to_the_system() {
    for (file, text) in sources() {
        let code = code(&text);
        let exempt = file.starts_with("src/os/") || file == "src/error.rs";
        assert!(exempt || !code.contains("libc::"), "{file} says libc");
        assert!(
            file == "src/atomic.rs" || !code.contains("sync::atomic"),
            "{file} goes past the facade for atomics"
        );
        for word in ["thread::sleep", "todo!", "unimplemented!", "TODO", "FIXME"] {
            assert!(!code.contains(word), "{file} has {word}");
        }
    }
}

/// The files to which a document's links lead, as they stand there; links to the web and to items of the crate are not files.
fn linked_files(text: &str) -> impl Iterator<Item = &str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let defined = text.split("]: ").skip(1).filter_map(|rest| rest.split_whitespace().next());
    let is_file = |target: &&str| {
        let is_path = target.contains('/') || target.ends_with(".md");
        (is_path || target.starts_with("LICENSE")) && !target.contains([':', '@', '{'])
    };
    inline.chain(defined).filter(is_file)
}

#[test]
fn links_of_documents_lead_to_files() {
    let text = "[a](a/b.md) [b](https://c/d.md) [`c`](super::c) [d](fn@d)\n[e]: e.md\n";
    assert_eq!(linked_files(text).collect::<Vec<_>>(), ["a/b.md", "e.md"], "the check itself");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    for directory in ["", "docs", "docs/guide"] {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for target in linked_files(&text) {
                let file = path.with_file_name(target.split('#').next().unwrap());
                assert!(file.exists(), "{} leads to {target}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 20, "the links were not found");
}
