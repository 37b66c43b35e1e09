//! The kernels: one grammar, as many ways to scan it as there are kinds of processor.
//!
//! The scalar kernel reads byte by byte and defines what is accepted. Every other one is a faster
//! way to the same end: it takes the levels that it knows, and hands the rest, one by one, to the
//! next slower kernel, so that only the scalar one ever refuses.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
pub(crate) mod scalar;
#[cfg(target_arch = "x86_64")]
pub(crate) mod shape;
#[cfg(target_arch = "x86_64")]
pub(crate) mod sse2;
pub(crate) mod swar;

/// A way to scan level arrays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kernel {
    /// Byte by byte; slow, and the definition of the others.
    Scalar,
    /// Eight bytes at a time in general registers; any processor.
    Swar,
    /// Two levels at a time in AVX2 registers.
    Avx2,
}

impl Kernel {
    /// The kernels from the slowest to the fastest.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Swar, Self::Avx2];

    /// Whether this processor has what the kernel needs. Asks the processor once per process.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar | Self::Swar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 => false,
        }
    }

    /// The fastest one that is available.
    #[must_use]
    pub fn best() -> Self {
        if Self::Avx2.is_available() { Self::Avx2 } else { Self::Swar }
    }

    /// A name for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Swar => "swar",
            Self::Avx2 => "avx2",
        }
    }
}
