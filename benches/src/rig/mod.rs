//! Parts of the engine, set up to be measured.

mod file;
mod path;
mod session;

pub use file::{DEPTH, File, Sides};
pub use path::{PathRig, PathSize};
pub use session::SessionRig;
