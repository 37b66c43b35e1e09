//! Shapes of decimals, and what a vector kernel needs to know about each.
//!
//! The shape of a number is how many digits it has before and behind its point. For a vector that
//! begins with the number, the shape says which byte may stand at each place ([`Row::low`],
//! [`Row::range`]) and where each digit goes ([`Row::order`]). All of it is made at compile time,
//! for every count of kept decimals and of digits behind the point; the count of digits before the
//! point is served by sliding along the rows.

/// Bytes of a number that a vector holds.
pub(crate) const LANE: usize = 16;

/// Digits of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Digits {
    /// Before the point.
    pub(crate) whole: u32,
    /// Behind the point; 0 if there is no point.
    pub(crate) part: u32,
}

/// Digits of a level's numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Shape {
    pub(crate) price: Digits,
    pub(crate) size: Digits,
}

impl Digits {
    /// Bytes of the number. Counts that no number has wrap.
    #[inline(always)]
    pub(crate) const fn length(self) -> usize {
        let point = (self.part != 0) as u32;
        self.whole.wrapping_add(self.part).wrapping_add(point) as usize
    }
}

/// Numbers with one count of digits behind the point.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Row {
    /// Lowest byte that may stand at each place, place [`LANE`] being the point: with `w` digits
    /// before it, the vector begins at `LANE - w`.
    pub(crate) low: [u8; 2 * LANE],
    /// How far the byte may be above the lowest one.
    pub(crate) range: [u8; 2 * LANE],
    /// The place of the digit that comes to each place of the 16-digit integer, less the digits
    /// before the point; a number with its top bit set if no digit comes there.
    pub(crate) order: [u8; LANE],
    /// Most digits before the point: more would not fit into the vector or the integer.
    pub(crate) whole_max: u32,
}

/// Rows by the count of digits behind the point.
pub(crate) type Rows = [Row; LANE];

/// The rows of a scanner that keeps so many digits behind the point, if any.
pub(crate) fn rows(kept: u32) -> Option<&'static Rows> {
    ROWS.get(kept as usize)
}

static ROWS: [Rows; LANE] = {
    let mut rows = [const { [const { Row::new(0, 0) }; LANE] }; LANE];
    let mut kept = 0;
    while kept < LANE {
        let mut part = 0;
        while part < LANE {
            rows[kept][part] = Row::new(kept, part);
            part += 1;
        }
        kept += 1;
    }
    rows
};

impl Row {
    /// The row of numbers with `part` digits behind the point, of which `kept` are kept.
    #[expect(clippy::cast_possible_truncation, reason = "places are below 32")]
    const fn new(kept: usize, part: usize) -> Self {
        let mut row = Self { low: [b'0'; 32], range: [9; 32], order: [0x80; LANE], whole_max: 0 };
        let length = if part == 0 { 0 } else { part + 1 };
        let mut place = LANE;
        while place < 2 * LANE {
            let index = place - LANE;
            if index >= length {
                // Anything: what is behind the number is looked at apart.
                (row.low[place], row.range[place]) = (0, 0xFF);
            } else if index == 0 {
                (row.low[place], row.range[place]) = (b'.', 0);
            } else if index > kept {
                row.range[place] = 0;
            }
            place += 1;
        }
        // The last `kept` places are the digits behind the point, as far as there are any.
        let mut place = 0;
        while place < LANE {
            let digit = place + kept;
            if digit < LANE {
                row.order[place] = (digit as u8).wrapping_sub(LANE as u8);
            } else if digit - LANE < part {
                row.order[place] = (digit - LANE + 1) as u8;
            }
            place += 1;
        }
        let (in_vector, in_integer) = (LANE - length, LANE - kept);
        row.whole_max = if in_vector < in_integer { in_vector } else { in_integer } as u32;
        row
    }
}

/// What is to be known of a number at no scale, by the count of its digits before the point and of
/// its bytes.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Number {
    /// The place of the digit that comes to each place of the integer; a number with its top bit
    /// set if no digit comes there.
    pub(crate) order: [u8; LANE],
    /// Digits before and behind the point.
    pub(crate) places: [u8; 2],
    /// Whether there is such a number: if its first digit is none or any but a zero, bit 0; if it
    /// is a zero, bit 1.
    pub(crate) is_one: u8,
}

/// Counts of digits and of bytes that the table has, a power of two.
const COUNTS: usize = 32;

static NUMBERS: [Number; COUNTS * COUNTS] = {
    let mut numbers = [const { Number::new(0, 0) }; COUNTS * COUNTS];
    let mut index = 0;
    while index < COUNTS * COUNTS {
        numbers[index] = Number::new(index / COUNTS, index % COUNTS);
        index += 1;
    }
    numbers
};

/// The number of `length` bytes with `whole` digits before its point, or none if it is longer than
/// [`LANE`]; both below [`COUNTS`].
#[inline(always)]
pub(crate) fn number(whole: usize, length: usize) -> &'static Number {
    &NUMBERS[(whole * COUNTS + length) % (COUNTS * COUNTS)]
}

impl Number {
    #[expect(clippy::cast_possible_truncation, reason = "places are below 32")]
    const fn new(whole: usize, length: usize) -> Self {
        // There are digits before the point, and behind it if there is one.
        if whole == 0 || length < whole || length == whole + 1 || length > LANE {
            return Self { order: [0x80; LANE], places: [0; 2], is_one: 0 };
        }
        let mut order = [0x80; LANE];
        let (mut place, mut byte) = (LANE, length);
        while byte > 0 {
            byte -= 1;
            if byte != whole {
                place -= 1;
                order[place] = byte as u8;
            }
        }
        let part = if length > whole { length - whole - 1 } else { 0 };
        let is_one = if whole == 1 { 0b11 } else { 0b01 };
        Self { order, places: [whole as u8, part as u8], is_one }
    }
}
