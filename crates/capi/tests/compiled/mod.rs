//! C programs, compiled against the header and the library of this very build.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What each C program is compiled with: the whole of the language, and no warning.
const STRICT: &[&str] = &["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"];

/// How a program gets the library.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link {
    /// Found by the loader at start.
    Shared,
    /// Copied into the program.
    Static,
}

/// The package's directory.
pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where Cargo puts the libraries of this build: beside the test that is linked with the third form
/// of the same crate, which one run of the compiler makes all of.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let dir = test.parent().unwrap().to_owned();
    for name in ["libtickbook_c.a", "libtickbook_c.so"] {
        assert!(dir.join(name).is_file(), "no {name} in {}", dir.display());
    }
    dir
}

/// Compiles `source` to a program called `name`.
pub(crate) fn program(source: &Path, name: &str, link: Link) -> PathBuf {
    let libraries = libraries();
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("capi-{name}-{link:?}"));
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(STRICT).arg("-I").arg(package().join("include")).arg(source);
    match link {
        Link::Shared => {
            let rpath = format!("-Wl,-rpath,{}", libraries.display());
            compiler.arg("-L").arg(&libraries).arg(rpath).arg("-ltickbook_c");
            // Both forms lie there; `-l` takes the shared one.
        }
        Link::Static => {
            compiler.arg(libraries.join("libtickbook_c.a")).args(["-lpthread", "-ldl", "-lm"]);
        }
    }
    run(compiler.arg("-o").arg(&program));
    program
}

/// Compiles `source` as C++ to a program called `name`; `None` if there is no compiler.
#[allow(dead_code, reason = "each test binary uses a part")]
pub(crate) fn cpp_program(source: &Path, name: &str) -> Option<PathBuf> {
    let compiler = ["g++", "c++", "clang++"].into_iter().find(|compiler| {
        Command::new(compiler).arg("--version").output().is_ok_and(|it| it.status.success())
    })?;
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("capi-{name}-cpp"));
    let mut command = Command::new(compiler);
    command.args(["-x", "c++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"]);
    command.arg("-I").arg(package().join("include")).arg(source).args(["-x", "none"]);
    command.arg(libraries().join("libtickbook_c.a")).args(["-lpthread", "-ldl", "-lm"]);
    run(command.arg("-o").arg(&program));
    Some(program)
}

/// Runs a compiler, and shows what it says if it fails.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
}
