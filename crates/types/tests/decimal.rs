//! Decimals against naive references: digits as strings, serde_json's grammar, floats by std.
//!
//! Method: texts of three kinds (near-numbers out of a number's own bytes, well-formed numbers of
//! any length, arbitrary bytes); the reference splits them by the written grammar and never
//! computes with anything but strings.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tickbook_types::{Decimal, DecimalError, ScaleError};

/// Sign, digits without leading zeros (none: zero), and power of ten of the last digit.
#[derive(Debug, PartialEq)]
struct Digits {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// The documented grammar, by splitting. `None`: not a number.
fn reference(text: &str) -> Option<Digits> {
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (number, power) = match text.split_once(['e', 'E']) {
        Some((number, power)) => {
            let unsigned = power.strip_prefix(['+', '-']).unwrap_or(power);
            if unsigned.is_empty() || !all_digits(unsigned) {
                return None;
            }
            let digits = unsigned.trim_start_matches('0');
            let size =
                if digits.len() > 9 { 1 << 40 } else { format!("0{digits}").parse().ok()? };
            (number, if power.starts_with('-') { -size } else { size })
        }
        None => (text, 0_i64),
    };
    let unsigned = number.strip_prefix(['+', '-']).unwrap_or(number);
    let (before, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{before}{behind}");
    if digits.is_empty() || !all_digits(&digits) {
        return None;
    }
    Some(Digits {
        negative: number.starts_with('-'),
        digits: digits.trim_start_matches('0').to_owned(),
        exponent: power - i64::try_from(behind.len()).unwrap(),
    })
}

/// What the parser may refuse although it is a number: see [`Decimal::TEXT_MAX`] and the errors.
fn is_beyond_limits(text: &str, digits: &Digits) -> bool {
    let power = digits.exponent + behind_point(text);
    text.len() > Decimal::TEXT_MAX
        || power.abs() > 999
        || format!("0{}", digits.digits).parse::<i128>().is_err()
}

fn behind_point(text: &str) -> i64 {
    let number = text.split(['e', 'E']).next().unwrap_or_default();
    let behind = number.split_once('.').map_or(0, |(_, behind)| behind.len());
    i64::try_from(behind).unwrap()
}

/// `digits * 10^power` as an integer, by writing the zeros. `None`: it does not fit.
fn with_zeros(negative: bool, digits: &str, power: usize) -> Option<i64> {
    let sign = if negative { "-" } else { "" };
    format!("{sign}{digits}{}", "0".repeat(power)).parse().ok()
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let parsed = Decimal::parse(text.as_bytes());
    let Some(digits) = reference(text) else {
        prop_assert!(parsed.is_err(), "took {text:?} for {parsed:?}");
        return Ok(());
    };
    if is_beyond_limits(text, &digits) {
        prop_assert_eq!(parsed, Err(DecimalError::TooLong), "{:?}", text);
        return Ok(());
    }
    let number = parsed.map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
    let shown = number.mantissa().unsigned_abs().to_string();
    prop_assert_eq!(shown.trim_start_matches('0'), digits.digits.as_str());
    prop_assert_eq!(i64::from(number.exponent()), digits.exponent);
    prop_assert_eq!(number.mantissa() < 0, digits.negative && !digits.digits.is_empty());
    Ok(())
}

/// Short texts out of the bytes of numbers: about a third of them are numbers.
fn near_number() -> impl Strategy<Value = String> {
    let alphabet: Vec<char> = "00123456789.+-eE5 x\u{661}".chars().collect();
    prop::collection::vec(prop::sample::select(alphabet), 0..10)
        .prop_map(|chars| chars.into_iter().collect())
}

/// Numbers of every written form, from short ones to some beyond every limit.
fn number() -> impl Strategy<Value = String> {
    let power = prop_oneof![
        3 => Just(String::new()),
        2 => "[eE][+-]?[0-9]{1,2}",
        1 => "[eE][+-]?[0-9]{3,5}",
        1 => "[eE][+-]?0{0,20}[0-9]{1,3}",
    ];
    let digits = prop_oneof![
        3 => "[0-9]{1,12}(\\.[0-9]{0,12})?",
        1 => "\\.[0-9]{1,12}",
        1 => "0{0,30}[0-9]{1,25}(\\.[0-9]{1,20}0{0,10})?",
        1 => "[0-9]{30,42}",
        1 => "17014118346046923173168730371588410572[0-9]{1,2}",
    ];
    ("[+-]?", digits, power).prop_map(|(sign, digits, power)| format!("{sign}{digits}{power}"))
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 50 } else { 20_000 },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/decimal.regressions",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn near_numbers_parse_as_their_digits_say(text in near_number()) {
        check(&text)?;
    }

    #[test]
    fn numbers_parse_as_their_digits_say(text in number()) {
        prop_assert!(reference(&text).is_some());
        check(&text)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let parsed = Decimal::parse(&bytes);
        match std::str::from_utf8(&bytes) {
            Ok(text) => check(text)?,
            Err(_) => prop_assert!(parsed.is_err()),
        }
    }

    #[test]
    fn the_grammar_holds_that_of_json(text in prop_oneof![near_number(), number()]) {
        // serde_json also takes blanks around the number.
        let json = text.trim() == text && serde_json::from_str::<serde_json::Number>(&text).is_ok();
        let parsed = Decimal::parse(text.as_bytes());
        if json {
            prop_assert!(!matches!(parsed, Err(DecimalError::Malformed { .. })), "{:?}", text);
        } else if parsed.is_ok() {
            // What JSON has not, and venues send all the same.
            let unsigned = text.trim_start_matches(['+', '-']);
            let (before, rest) = unsigned.split_at(
                unsigned.find(|it: char| !it.is_ascii_digit()).unwrap_or(unsigned.len()),
            );
            let zero_led = before.len() > 1 && before.starts_with('0');
            let bare_point = rest.starts_with('.')
                && (before.is_empty() || !rest[1..].starts_with(|it: char| it.is_ascii_digit()));
            prop_assert!(text.starts_with('+') || zero_led || bare_point, "{:?}", text);
        }
    }

    #[test]
    fn printing_keeps_the_value(mantissa: i64, exponent in -30_i16..=19) {
        let number = Decimal::new(mantissa.into(), exponent);
        let plain = number.to_string();
        let again = Decimal::parse(plain.as_bytes()).unwrap();
        prop_assert_eq!(again.normalised(), number.normalised());
        prop_assert_eq!(&again.to_string(), &plain);
        prop_assert!(!plain.contains(['e', 'E', '+']));
        prop_assert!(plain.trim_start_matches('-').starts_with(|it: char| it.is_ascii_digit()));
        prop_assert!(!plain.contains('.') || !plain.ends_with(['0', '.']), "{}", plain);
        // An independent parser, though not an exact one.
        let float: f64 = format!("{mantissa}e{exponent}").parse().unwrap();
        prop_assert_eq!(plain.parse::<f64>().unwrap(), float);
    }

    #[test]
    fn printing_ends_whatever_the_number(mantissa: i128, exponent: i16) {
        let number = Decimal::new(mantissa, exponent);
        let plain = number.to_string();
        prop_assert!(plain.len() <= 40 + usize::from(exponent.unsigned_abs()));
        prop_assert_eq!(plain.starts_with('-'), mantissa < 0);
    }

    #[test]
    fn scaling_is_exact_or_refused(
        mantissa in prop_oneof![any::<i64>(), -1_000_i64..1_000],
        zeros in 0_u32..12,
        exponent in -24_i16..24,
        target in -20_i8..20,
    ) {
        let number = Decimal::new(i128::from(mantissa) * 10_i128.pow(zeros), exponent);
        let all = number.mantissa().unsigned_abs().to_string();
        let digits = all.trim_end_matches('0');
        let last = i64::from(exponent) + i64::try_from(all.len() - digits.len()).unwrap();
        let expected = if digits.is_empty() {
            Ok(0)
        } else if let Ok(power) = usize::try_from(last - i64::from(target)) {
            with_zeros(mantissa < 0, digits, power).ok_or(ScaleError::Overflow)
        } else {
            Err(ScaleError::Inexact { exponent: i16::try_from(last).unwrap() })
        };
        prop_assert_eq!(number.to_mantissa(target), expected);
    }

    #[test]
    fn an_integer_survives_its_scale(mantissa: i64, exponent in any::<i8>()) {
        let number = Decimal::new(mantissa.into(), exponent.into());
        prop_assert_eq!(number.to_mantissa(exponent), Ok(mantissa));
    }
}

#[test]
fn the_ends_of_every_range_are_exact() {
    for (text, exponent, mantissa) in [
        ("9223372036854775807", 0, Ok(i64::MAX)),
        ("-9223372036854775808", 0, Ok(i64::MIN)),
        ("9223372036854775808", 0, Err(ScaleError::Overflow)),
        ("-9223372036854775809", 0, Err(ScaleError::Overflow)),
        ("922337203685.4775807", -7, Ok(i64::MAX)),
        ("1e18", 0, Ok(1_000_000_000_000_000_000)),
        ("1e19", 0, Err(ScaleError::Overflow)),
        ("1e19", 1, Ok(1_000_000_000_000_000_000)),
        ("1e999", 127, Err(ScaleError::Overflow)),
        ("1e-999", -128, Err(ScaleError::Inexact { exponent: -999 })),
        ("0e999", -128, Ok(0)),
    ] {
        let number = Decimal::parse(text.as_bytes()).unwrap();
        assert_eq!(number.to_mantissa(exponent), mantissa, "{text}");
    }
    let largest = "170141183460469231731687303715884105727";
    assert_eq!(Decimal::parse(largest.as_bytes()), Ok(Decimal::new(i128::MAX, 0)));
    let beyond = "170141183460469231731687303715884105728";
    assert_eq!(Decimal::parse(beyond.as_bytes()), Err(DecimalError::TooLong));
    assert_eq!(Decimal::new(i128::MIN, 0).to_string(), format!("-{beyond}"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    /// Products, quotients and comparisons against integers at one common exponent.
    #[test]
    fn arithmetic_is_that_of_integers(
        a in -1_000_000_i128..1_000_000,
        b in -1_000_000_i128..1_000_000,
        a_exponent in -9_i16..=3,
        b_exponent in -9_i16..=3,
        digits in 0_u8..=9,
    ) {
        let (left, right) = (Decimal::new(a, a_exponent), Decimal::new(b, b_exponent));
        let power = |exponent: i16| 10_i128.pow(u32::from((exponent + 9).unsigned_abs()));
        let scaled = |value: i128, exponent: i16| value * power(exponent);
        let (a, b) = (scaled(a, a_exponent), scaled(b, b_exponent));
        prop_assert_eq!(left.compare(right), a.cmp(&b));
        let product = left.checked_mul(right).unwrap();
        prop_assert_eq!(product.compare(Decimal::new(a * b, -18)), std::cmp::Ordering::Equal);
        let quotient = left.checked_div(right, digits);
        if b <= 0 {
            prop_assert_eq!(quotient, None);
        } else {
            let expected = Decimal::new(a * 10_i128.pow(digits.into()) / b, -i16::from(digits));
            let quotient = quotient.unwrap();
            prop_assert_eq!(quotient.compare(expected), std::cmp::Ordering::Equal);
        }
    }
}

#[test]
fn numbers_of_any_size_compare() {
    let one = Decimal::new(1, 0);
    let (huge, tiny) = (Decimal::new(7, 900), Decimal::new(7, -900));
    let ascending =
        [Decimal::new(-7, 900), Decimal::new(-1, 0), Decimal::new(-7, -900), tiny, one, huge];
    for (a, left) in ascending.iter().enumerate() {
        for (b, right) in ascending.iter().enumerate() {
            assert_eq!(left.compare(*right), a.cmp(&b), "{a} {b}");
        }
    }
    assert_eq!(Decimal::ZERO.compare(Decimal::new(0, 5)), std::cmp::Ordering::Equal);
    assert_eq!(huge.checked_div(tiny, 0), None);
    assert_eq!(one.checked_div(huge, 12), Some(Decimal::new(0, -12)));
    assert_eq!(Decimal::new(i128::MAX, 0).checked_mul(Decimal::new(3, 0)), None);
}
