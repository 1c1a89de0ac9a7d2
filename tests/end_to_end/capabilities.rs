//! What a function is able to do, by what its binary contains. Observing, planning and answering get readers only, so
//! that the linker finds no use for anything that writes.

use std::{collections::BTreeSet, path::Path};

use atlas_cmk_local::functions;
use object::{Object, ObjectSymbol};

/// The names of all functions and methods in a binary.
fn symbols(binary: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(binary).unwrap();
    let file = object::File::parse(bytes.as_slice()).unwrap();
    let names = file.symbols().filter_map(|symbol| symbol.name().ok().map(rustc_demangle::demangle));
    names.map(|name| format!("{name:#}")).collect()
}

/// The methods of our own writers, and the operations of IAM and KMS that change something.
fn that_write(symbols: &BTreeSet<String>) -> Vec<&str> {
    let of_a_writer = |name: &str| {
        ["AtlasWriter", "ExecutionsWriter", "IamWriter", "ItemsWriter", "KmsWriter", "Publications"]
            .iter()
            .any(|writer| name.contains(&format!("::{writer}::")) || name.contains(&format!("::{writer}>::")))
    };
    let of_an_sdk = |name: &str| {
        ["aws_sdk_iam::operation::", "aws_sdk_kms::operation::"].iter().any(|module| {
            let operation = name.split(module).nth(1);
            // Modules of operations, and not what stands beside them.
            let operation = operation.filter(|operation| operation.starts_with(char::is_lowercase));
            operation
                .is_some_and(|name| !["describe_", "get_", "list_", "simulate_"].iter().any(|it| name.starts_with(it)))
        })
    };
    symbols.iter().map(String::as_str).filter(|name| of_a_writer(name) || of_an_sdk(name)).collect()
}

#[tokio::test]
async fn a_function_that_answers_contains_nothing_that_writes() {
    let binaries = functions::compile().await.unwrap();
    let bin = atlas_cmk_tests::root().join("functions/src/bin");
    let mut answering = BTreeSet::from(["diagnose".to_owned()]);
    for name in functions::names().unwrap() {
        let text = std::fs::read_to_string(bin.join(format!("{name}.rs"))).unwrap();
        answering.extend(text.contains("runtime::answering::").then_some(name));
    }
    assert!(["preflight", "verify", "describe", "plan-disable"].iter().all(|name| answering.contains(*name)));
    for name in &answering {
        let symbols = symbols(&binaries[name]);
        assert!(symbols.iter().any(|symbol| symbol.contains("atlas_cmk::runtime::")), "{name} has symbols");
        let mut writing = that_write(&symbols);
        // It records why what is owed has failed, and nothing else.
        writing.retain(|symbol| name != "diagnose" || !symbol.contains("ItemsWriter"));
        assert_eq!(writing, Vec::<&str>::new(), "{name}");
    }
}

#[tokio::test]
async fn what_writes_is_found_in_the_functions_that_do() {
    let binaries = functions::compile().await.unwrap();
    for (name, expected) in [
        ("update-trust", ["IamWriter", "aws_sdk_iam::operation::create_role"]),
        ("allow-key-use", ["KmsWriter", "aws_sdk_kms::operation::put_key_policy"]),
        ("create-role", ["AtlasWriter", "create_access_role"]),
        ("unregister", ["ItemsWriter", "write"]),
        ("on-change", ["ExecutionsWriter", "start"]),
    ] {
        let symbols = symbols(&binaries[name]);
        for part in expected {
            assert!(that_write(&symbols).iter().any(|symbol| symbol.contains(part)), "{part} in {name}");
        }
    }
}
