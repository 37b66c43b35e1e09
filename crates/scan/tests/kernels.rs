//! All kernels find the same, and what they find is what a general parser finds.
//!
//! Method: arrays of levels as venues write them (numbers of steady and of changing shapes), whole
//! and damaged, at every scale and in every form, several with one scanner so that it brings along
//! what it learned. The scalar kernel is the definition; `serde_json` and [`Decimal`] are the proof
//! of the definition.

use proptest::collection::vec;
use proptest::prelude::*;
use tickbook_scan::{Form, Kernel, LevelScanner, Levels};
use tickbook_types::{Decimal, LevelRecord, Price, Scale, Side, Size};

const FORMS: [Form; 3] = [Form::Quoted, Form::QuotedAndMore, Form::Bare];

/// Further fields: OKX's, none, `KuCoin`'s, some, and what is none.
const MORE: [&str; 5] = [",\"0\",\"1\"", "", ",\"1613277183875\"", ",\"x\",1.5", ",01"];

/// Records before any array is scanned; those that are not written must stay so.
const UNTOUCHED: LevelRecord = LevelRecord::from_words(-1, u64::MAX);

fn scanner(scale: Scale, form: Form, kernel: Kernel) -> LevelScanner {
    LevelScanner::with(scale, form, kernel).expect("a scanner of this scale")
}

fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// Texts of numbers that look alike or not, with what venues do and what they should not.
fn numbers() -> impl Strategy<Value = Vec<String>> {
    let steady = (1..8_usize, 0..9_usize).prop_flat_map(|(whole, part)| {
        let usual = shaped(whole..whole + 2, part..part + 1);
        vec(usual, 2..40)
    });
    let changing = vec(shaped(1..10, 0..11), 2..40);
    let odd =
        vec(prop_oneof![shaped(1..21, 0..21), "[0-9.]{0,6}", "[-+]?[0-9]{1,3}e?[0-9]?"], 2..6);
    prop_oneof![4 => steady, 4 => changing, 1 => odd]
}

/// Numbers with so many digits before and behind the point, often with zeros at their end.
fn shaped(
    whole: std::ops::Range<usize>,
    part: std::ops::Range<usize>,
) -> impl Strategy<Value = String> {
    (whole, part, any::<u128>(), 0..9_usize).prop_map(|(whole, part, digits, zeros)| {
        let digits = format!("{digits:039}");
        let mut text = digits[39 - whole..].trim_start_matches('0').to_owned();
        if text.is_empty() {
            text.push('0');
        }
        if part > 0 {
            let kept = part.saturating_sub(zeros);
            text.push('.');
            text.push_str(&digits[..kept]);
            text.push_str(&"0".repeat(part - kept));
        }
        text
    })
}

/// The array of these numbers, two and two.
fn array(numbers: &[String], form: Form, more: &str) -> String {
    let levels = numbers.chunks_exact(2).map(|pair| match form {
        Form::Quoted => format!("[\"{}\",\"{}\"]", pair[0], pair[1]),
        Form::QuotedAndMore => format!("[\"{}\",\"{}\"{more}]", pair[0], pair[1]),
        _ => format!("[{},{}]", pair[0], pair[1]),
    });
    format!("[{}]", levels.collect::<Vec<_>>().join(","))
}

/// One change of a text: a byte replaced, put in or taken away, or the rest cut off.
#[derive(Clone, Debug)]
struct Damage {
    place: prop::sample::Index,
    kind: u8,
    byte: u8,
}

fn damage() -> impl Strategy<Value = Option<Damage>> {
    let byte = prop_oneof![
        3 => prop::sample::select(&b"\"[],.0123456789:;/ -+eE{}"[..]),
        1 => any::<u8>(),
    ];
    let damage = (any::<prop::sample::Index>(), 0..4_u8, byte);
    proptest::option::of(damage.prop_map(|(place, kind, byte)| Damage { place, kind, byte }))
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = self.place.index(bytes.len());
        match self.kind {
            0 => bytes[place] = self.byte,
            1 => bytes.insert(place, self.byte),
            2 => drop(bytes.remove(place)),
            _ => bytes.truncate(place),
        }
    }
}

/// What a kernel makes of an array, and the records it wrote.
fn scan(
    scanner: &mut LevelScanner,
    bytes: &[u8],
    room: usize,
) -> Option<(Levels, Vec<LevelRecord>)> {
    let mut out = vec![UNTOUCHED; room + 1];
    let levels = scanner.levels(bytes, 0, Side::Ask, &mut out[..room]);
    assert_eq!(out[room], UNTOUCHED, "a record behind the given ones");
    let levels = levels?;
    out.truncate(levels.count);
    Some((levels, out))
}

/// The records that a general parser finds in an array that has nothing behind it.
fn general(text: &[u8], scale: Scale, form: Form) -> Option<Vec<LevelRecord>> {
    let array: Vec<Vec<serde_json::Value>> = serde_json::from_slice(text).ok()?;
    let number = |value: &serde_json::Value, exponent: i8| {
        let text = match value {
            serde_json::Value::String(text) if form != Form::Bare => text.clone(),
            serde_json::Value::Number(number) if form == Form::Bare => number.to_string(),
            _ => return None,
        };
        Decimal::parse(text.as_bytes()).ok()?.to_mantissa(exponent).ok()
    };
    let level = |level: &Vec<serde_json::Value>| {
        if level.len() < 2 || (level.len() > 2 && form != Form::QuotedAndMore) {
            return None;
        }
        let price = number(&level[0], scale.price_exponent)?;
        let size = number(&level[1], scale.size_exponent)?;
        Some(LevelRecord::new(Price(price), Size(size.try_into().ok()?), Side::Ask))
    };
    array.iter().map(level).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 20 } else { 4_000 }))]

    #[test]
    fn every_kernel_finds_what_the_scalar_one_finds(
        arrays in vec((numbers(), damage(), 0..100_usize), 1..4),
        form in prop::sample::select(&FORMS[..]),
        more in prop::sample::select(&MORE[..]),
        price_exponent in -18..=0_i8,
        size_exponent in -18..=0_i8,
        common in any::<bool>(),
    ) {
        let scale = if common {
            Scale { price_exponent: price_exponent / 2, size_exponent: size_exponent / 2 }
        } else {
            Scale { price_exponent, size_exponent }
        };
        let mut defining = scanner(scale, form, Kernel::Scalar);
        let mut others: Vec<_> =
            kernels().map(|kernel| (kernel, scanner(scale, form, kernel))).collect();
        for (numbers, damage, behind) in arrays {
            let mut text = array(&numbers, form, more).into_bytes();
            if let Some(damage) = damage {
                damage.apply(&mut text);
            }
            let whole = text.len();
            // From no byte behind the message to more than any vector reads.
            text.extend(b"},\"a\":[[\"1\",\"2".iter().cycle().take(behind));
            for room in [numbers.len() / 2, numbers.len() / 2 + 3, numbers.len() / 4] {
                let expected = scan(&mut defining, &text, room);
                for (kernel, scanner) in &mut others {
                    let found = scan(scanner, &text, room);
                    prop_assert_eq!(&found, &expected, "{} in {:?}", kernel.name(), text);
                }
                if let Some((levels, records)) = &expected
                    && levels.end <= whole
                {
                    let general = general(&text[..levels.end], scale, form);
                    prop_assert_eq!(Some(records), general.as_ref(), "{:?}", text);
                }
            }
        }
    }

    #[test]
    fn no_usual_array_is_refused(
        numbers in vec((1..1_000_000_u64, 0..100_000_000_u64), 1..30),
        form in prop::sample::select(&FORMS[..]),
    ) {
        let texts: Vec<_> = numbers
            .iter()
            .flat_map(|(whole, part)| [format!("{whole}.{part:08}"), whole.to_string()])
            .collect();
        let scale = Scale { price_exponent: -8, size_exponent: -3 };
        let mut text = array(&texts, form, "").into_bytes();
        text.extend([0; 64]);
        for kernel in kernels() {
            let mut scanner = scanner(scale, form, kernel);
            let (levels, records) = scan(&mut scanner, &text, numbers.len()).expect("recognised");
            prop_assert_eq!(levels.count, numbers.len());
            for ((whole, part), record) in numbers.iter().zip(records) {
                prop_assert_eq!(record.price().0, (whole * 100_000_000 + part).cast_signed());
                prop_assert_eq!(record.size().0, whole * 1_000);
                prop_assert_eq!(record.side(), Side::Ask);
            }
        }
    }
}

#[test]
fn every_other_way_to_write_an_array_is_left_to_the_general_path() {
    let odd = [
        "[[\"1\",\"2\"]",
        "[[\"1\",\"2\"],]",
        "[[\"1\",\"2\",[]]]",
        "[[\"1\", \"2\"]]",
        "[[\"1\",\"2\"] ]",
        "[[1,2]]",
        "[[\"1\"]]",
        "[[]]",
        "[[\"1.5\",\"2\"]]",
        "[[\"1\",\"0.001\"]]",
        "[[\"1\",\"92233720368547758.08\"]]",
        "[[\"-1\",\"2\"]]",
        "[[\"1\",\"+2\"]]",
        "[[\"1e2\",\"2\"]]",
        "[[\"5.\",\"2\"]]",
        "[[\"5\",\"2.\"]]",
        "[[\".5\",\"2\"]]",
        "[[\"\",\"2\"]]",
        "[[\"1.0.0\",\"2\"]]",
    ];
    let scale = Scale { price_exponent: 0, size_exponent: -2 };
    for kernel in kernels() {
        for text in odd {
            let mut scanner = scanner(scale, Form::Quoted, kernel);
            assert_eq!(scan(&mut scanner, &text_of(text), 8), None, "{text} by {}", kernel.name());
        }
        let mut bare = scanner(scale, Form::Bare, kernel);
        for text in ["[[01,2]]", "[[1,2.]]", "[[1 ,2]]", "[[-1,2]]", "[[1,2e1]]", "[[\"1\",2]]"] {
            assert_eq!(scan(&mut bare, &text_of(text), 8), None, "{text} by {}", kernel.name());
        }
        let two = "[[\"1\",\"2\"],[\"3\",\"4\"]]";
        let mut scanner = scanner(scale, Form::Quoted, kernel);
        assert_eq!(scan(&mut scanner, &text_of(two), 1), None, "no room");
        assert!(scan(&mut scanner, &text_of(two), 2).is_some());
        assert!(scan(&mut scanner, &text_of("[]"), 0).is_some_and(|(it, _)| it.count == 0));
    }
}

/// Every byte at every place of an array of like levels: the kernel that guesses the shape looks
/// at each byte as closely as the others do.
#[test]
fn no_byte_escapes_any_kernel() {
    let scale = Scale { price_exponent: -2, size_exponent: -5 };
    let level = "[\"61837.64000000\",\"3.78826000\"]";
    let whole = format!("[{}]", [level; 6].join(","));
    let mut text = [whole.as_bytes(), &[b'}'; 64]].concat();
    let places = if cfg!(miri) { 64..70 } else { 0..whole.len() };
    for place in places {
        let before = text[place];
        for byte in 0..=255 {
            text[place] = byte;
            let expected = scan(&mut scanner(scale, Form::Quoted, Kernel::Scalar), &text, 8);
            for kernel in kernels() {
                let mut scanner = scanner(scale, Form::Quoted, kernel);
                // Once to learn the shape of the levels.
                assert!(scan(&mut scanner, text_of(&whole).as_slice(), 8).is_some());
                assert_eq!(
                    scan(&mut scanner, &text, 8),
                    expected,
                    "{} with {byte} at {place}",
                    kernel.name()
                );
            }
        }
        text[place] = before;
    }
}

fn text_of(whole: &str) -> Vec<u8> {
    [whole.as_bytes(), &[0; 64]].concat()
}
