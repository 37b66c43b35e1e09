//! Identifiers, one type each, so that no two of them can be swapped.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A book of this engine: its index in the directory of the shared-memory file.
    BookId(u32)
}
id! {
    /// A connection of this engine: its index in the connection table of the shared-memory file.
    ConnId(u32)
}
id! {
    /// How often a connection has been (re)opened. A message of an older epoch is never applied.
    Epoch(u32)
}
id! {
    /// The venue's chain id of a message (Binance: `u`).
    SeqNo(u64)
}

impl BookId {
    /// The index as an array index.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ConnId {
    /// The index as an array index.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
