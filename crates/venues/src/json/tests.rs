//! The reader against serde_json: over any JSON, and over damaged JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The value that the reader finds, as serde_json would have it.
fn read(reader: &mut Reader<'_>) -> Read<Value> {
    Ok(match reader.peek()? {
        b'{' => {
            let mut map = serde_json::Map::new();
            reader.object(|key, value| {
                let key = String::from_utf8_lossy(key).into_owned();
                map.insert(key, read(value)?);
                Ok(())
            })?;
            Value::Object(map)
        }
        b'[' => {
            let mut items = Vec::new();
            reader.array(|item| {
                items.push(read(item)?);
                Ok(())
            })?;
            Value::Array(items)
        }
        b'"' => Value::String(String::from_utf8_lossy(reader.text()?).into_owned()),
        b't' | b'f' => Value::Bool(reader.boolean()?),
        b'n' => reader.null().map(|_| Value::Null)?,
        _ => {
            let digits = reader.digits()?;
            serde_json::from_slice(digits).map_err(|_| Rejected::Number)?
        }
    })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "[0-9]{1,6}\\.[0-9]{1,8}".prop_map(|it| serde_json::from_str(&it).unwrap_or(Value::Null)),
        "[ a-zA-Z0-9/:_{}\\[\\],-]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_as_serde_json_reads_it(value in json(), pretty in any::<bool>()) {
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        let text = text.unwrap();
        let mut reader = Reader::new(text.as_bytes());
        prop_assert_eq!(read(&mut reader), Ok(value));
        prop_assert_eq!(reader.end(), Ok(()));
        let mut reader = Reader::new(text.as_bytes());
        prop_assert_eq!(reader.skip(), Ok(()));
        prop_assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn a_cut_or_damaged_text_never_panics_and_a_cut_one_is_no_value(
        value in json(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let text = serde_json::to_string(&Value::Array(vec![value])).unwrap();
        let cut = cut.index(text.len());
        prop_assert!(read(&mut Reader::new(&text.as_bytes()[..cut])).is_err());
        let mut damaged = text.into_bytes();
        damaged[cut] = byte;
        let mut reader = Reader::new(&damaged);
        let whole = read(&mut reader).and_then(|value| reader.end().map(|()| value));
        if let Ok(theirs) = serde_json::from_slice::<Value>(&damaged)
            && !damaged.contains(&b'\\')
        {
            prop_assert_eq!(whole, Ok(theirs));
        }
    }
}

#[test]
fn numbers_are_taken_bare_and_quoted() {
    let mut reader = Reader::new(br#"[1.50, "1.50", 7e-8, "12", -3]"#);
    let mut seen = Vec::new();
    reader
        .array(|item| {
            seen.push(String::from_utf8_lossy(item.digits()?).into_owned());
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, ["1.50", "1.50", "7e-8", "12", "-3"]);
    for (text, id) in [
        ("18446744073709551615", Ok(u64::MAX)),
        ("\"42\"", Ok(42)),
        ("18446744073709551616", Err(Rejected::Number)),
        ("-1", Err(Rejected::Number)),
        ("1.0", Err(Rejected::Number)),
        ("\"\"", Err(Rejected::Number)),
        ("null", Err(Rejected::Shape)),
    ] {
        assert_eq!(Reader::new(text.as_bytes()).integer(), id, "{text}");
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let text = "[".repeat(1 << 20);
    assert_eq!(Reader::new(text.as_bytes()).skip(), Err(Rejected::Malformed));
}
