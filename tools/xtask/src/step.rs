//! One command of a job: shown before it runs, judged by its exit status.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a job failed, as one line for the person who ran it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// A command that has not run yet.
#[derive(Clone, Debug)]
pub struct Step {
    directory: PathBuf,
    words: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Step {
    /// The command of `line`, words separated by blanks (no quoting), to run in `directory`.
    ///
    /// # Panics
    ///
    /// If `line` is blank: every line is ours or has been found by a non-blank prefix.
    #[must_use]
    pub fn new(directory: &Path, line: &str) -> Self {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert!(!words.is_empty());
        Self { directory: directory.to_owned(), words, environment: Vec::new() }
    }

    /// The same with one more argument, which may contain blanks.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.words.push(argument.to_owned());
        self
    }

    /// The same with an environment variable set.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with an environment variable set unless the caller's environment has it.
    #[must_use]
    pub fn set_default(self, name: &str, value: &str) -> Self {
        if std::env::var_os(name).is_some() { self } else { self.set(name, value) }
    }

    /// Runs it with our output; nothing to read on its input.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not exit with status 0.
    pub fn run(&self) -> Result<(), Failure> {
        println!("$ {self}");
        let status = self.command().status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(Failure(format!("`{self}` failed"))) }
    }

    /// Runs it in silence and says whether it exited with status 0, and what it wrote.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn attempt(&self) -> Result<(bool, String), Failure> {
        println!("$ {self}");
        let output = self.command().output().map_err(|error| self.not_started(&error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.success(), text))
    }

    /// Runs it and returns what it wrote to its output; its error output is ours.
    ///
    /// # Errors
    ///
    /// If it cannot be started, does not exit with status 0, or writes something not UTF-8.
    pub fn output(&self) -> Result<String, Failure> {
        let output = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            return Err(Failure(format!("`{self}` failed")));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Failure(format!("`{self}` wrote something that is not UTF-8")))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).current_dir(&self.directory).stdin(Stdio::null());
        // Cargo describes *this* package to its children. Build scripts that watch those variables
        // would run again each time a job follows a plain cargo command.
        for (name, _) in std::env::vars_os() {
            if describes_package(&name) {
                command.env_remove(name);
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        Failure(format!("`{self}` cannot be started: {error}"))
    }
}

/// The command as one would type it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        for (index, word) in self.words.iter().enumerate() {
            let blank = if index == 0 { "" } else { " " };
            write!(f, "{blank}{}", quoted(word))?;
        }
        Ok(())
    }
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=./:,@".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn describes_package(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"]
                .contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_one_would_type_it() {
        let step =
            Step::new(Path::new("."), "cargo test -p a").set("FLAGS", "--cfg x").argument("b c");
        assert_eq!(step.to_string(), "FLAGS='--cfg x' cargo test -p a 'b c'");
    }

    #[test]
    fn the_exit_status_decides() {
        let here = Path::new(".");
        assert_eq!(Step::new(here, "true").run(), Ok(()));
        assert_eq!(Step::new(here, "false").run(), Err(Failure("`false` failed".to_owned())));
        assert_eq!(Step::new(here, "false").attempt(), Ok((false, String::new())));
        assert_eq!(Step::new(here, "echo hello").attempt(), Ok((true, "hello\n".to_owned())));
        let missing = Step::new(here, "no-such-program-anywhere").run().unwrap_err();
        assert!(missing.0.contains("cannot be started"), "{missing}");
    }

    #[test]
    fn output_is_returned_and_the_environment_is_set() {
        let step = Step::new(Path::new("."), "printenv GREETING").set("GREETING", "hello");
        assert_eq!(step.output(), Ok("hello\n".to_owned()));
        assert!(Step::new(Path::new("."), "false").output().is_err());
    }
}
