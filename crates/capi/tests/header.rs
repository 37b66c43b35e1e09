//! The committed header is the one that cbindgen makes of the sources.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "each test binary uses a part")]
mod compiled;

use std::path::Path;
use std::process::Command;

use compiled::{package, run};

/// Set, the test writes the header instead of complaining about it.
const WRITE: &str = "TICKBOOK_WRITE_HEADER";

#[test]
fn the_committed_header_is_generated_from_the_sources() {
    let package = package();
    let config = cbindgen::Config::from_file(package.join("cbindgen.toml")).unwrap();
    // By the source file, not the package: nothing else is looked at, and no Cargo is run.
    let builder = cbindgen::Builder::new().with_config(config).with_src(package.join("src/lib.rs"));
    let mut generated = Vec::new();
    builder.generate().unwrap().write(&mut generated);
    let generated = String::from_utf8(generated).unwrap();

    let path = package.join("include/tickbook.h");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (is, should))) = first_difference(&committed, &generated) {
        panic!(
            "include/tickbook.h differs in line {line}:\n  is:     {is}\n  should: {should}\n\
             `{WRITE}=1 cargo test -p tickbook-capi --test header` writes it anew"
        );
    }
}

/// What a program of one line, which includes the header, is compiled with.
fn compile(compiler: &str, file: &str, arguments: &[&str]) {
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&source, "#include <tickbook.h>\n").unwrap();
    let mut command = Command::new(compiler);
    command.args(arguments).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]);
    run(command.arg("-I").arg(package().join("include")).arg(source));
}

#[test]
fn the_header_stands_alone_in_c() {
    for standard in ["-std=c99", "-std=c11"] {
        compile("cc", "alone.c", &[standard]);
    }
}

#[test]
fn the_header_is_good_cpp() {
    let compiler = ["g++", "c++", "clang++"].into_iter().find(|compiler| {
        Command::new(compiler).arg("--version").output().is_ok_and(|it| it.status.success())
    });
    match compiler {
        Some(compiler) => compile(compiler, "alone.cpp", &["-std=c++17"]),
        None => println!("skipped: there is no C++ compiler"),
    }
}

fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(usize, (&'a str, &'a str))> {
    let lines = one.lines().count().max(other.lines().count());
    let line = |text: &'a str, at| text.lines().nth(at).unwrap_or("(nothing)");
    (0..lines).map(|at| (at + 1, (line(one, at), line(other, at)))).find(|(_, (a, b))| a != b)
}
