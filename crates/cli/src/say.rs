//! Lines for the user. Unlike with `println!`, a closed pipe (`tickbook demo | head -1`) is no
//! panic: who no longer reads does not miss the line, and the command still has to clean up.

/// Prints a line to standard output.
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
