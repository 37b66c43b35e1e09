//! The tickbook command.

fn main() {}
