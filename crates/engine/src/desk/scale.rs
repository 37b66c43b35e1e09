//! Exponents: levels from one scale to another, and the message that changes a book's.

use tickbook_types::{LevelRecord, POW10, Price, Scale, Size};

/// The levels at another scale, in `into`; `false` if one of them has no integer there.
pub(super) fn convert(
    levels: &[LevelRecord],
    from: Scale,
    to: Scale,
    into: &mut Vec<LevelRecord>,
) -> bool {
    into.clear();
    if from == to {
        into.extend_from_slice(levels);
        return true;
    }
    into.extend(levels.iter().map_while(|record| {
        let price = rescaled(i128::from(record.price().0), from.price_exponent, to.price_exponent)?;
        let size = rescaled(i128::from(record.size().0), from.size_exponent, to.size_exponent)?;
        let price = Price(i64::try_from(price).ok()?);
        let size = Size(u64::try_from(size).ok()?);
        (size <= Size::MAX).then(|| LevelRecord::new(price, size, record.side()))
    }));
    into.len() == levels.len()
}

/// The mantissa at exponent `to` of a number whose mantissa at `from` is known; `None` if inexact.
fn rescaled(mantissa: i128, from: i8, to: i8) -> Option<i128> {
    let shift = i32::from(from) - i32::from(to);
    let factor = i128::from(*POW10.get(usize::try_from(shift.unsigned_abs()).ok()?)?);
    if shift >= 0 {
        mantissa.checked_mul(factor)
    } else {
        (mantissa % factor == 0).then(|| mantissa / factor)
    }
}

/// The scale that a `Rescale` message carries.
pub(super) fn scale_of(record: LevelRecord) -> Option<Scale> {
    let (price, size) = record.words();
    Some(Scale {
        price_exponent: i8::try_from(price).ok()?,
        size_exponent: i8::try_from(size.cast_signed()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use tickbook_types::Side;

    use super::*;

    #[test]
    fn levels_move_between_scales_exactly_or_not_at_all() {
        let scale = |price_exponent, size_exponent| Scale { price_exponent, size_exponent };
        let level = |price, size| LevelRecord::new(Price(price), Size(size), Side::Ask);
        let mut into = Vec::new();
        assert!(convert(&[level(-15, 2)], scale(-1, 0), scale(-3, -1), &mut into));
        assert_eq!(into, [level(-1_500, 20)]);
        assert!(convert(&[level(1_500, 20)], scale(-3, -1), scale(-1, 0), &mut into));
        assert_eq!(into, [level(15, 2)]);
        assert!(!convert(&[level(1_501, 20)], scale(-3, -1), scale(-1, 0), &mut into));
        assert!(!convert(&[level(i64::MAX, 1)], scale(0, 0), scale(-1, 0), &mut into));
        assert!(!convert(&[level(1, u64::MAX >> 1)], scale(0, 0), scale(0, -1), &mut into));
    }

    #[test]
    fn a_scale_message_of_nonsense_is_refused() {
        assert_eq!(
            scale_of(LevelRecord::from_words(-2, (-5_i64).cast_unsigned())),
            Some(Scale { price_exponent: -2, size_exponent: -5 })
        );
        assert_eq!(scale_of(LevelRecord::from_words(1_000, 0)), None);
        assert_eq!(scale_of(LevelRecord::from_words(0, 1_000)), None);
    }
}
