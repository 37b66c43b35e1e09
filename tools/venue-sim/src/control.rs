//! What clients say on a WebSocket: subscriptions and properties, and the venue's answers.
//!
//! Pure: a text in, an answer and a change out.

use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};

use crate::streams::Stream;

/// What a message asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    SetCombined(bool),
    GetCombined,
}

/// A message understood, or the answer to one that is not.
pub(crate) type Parsed = Result<(Request, Id), String>;

/// The id of a request as JSON, to be repeated in the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Id(String);

/// The codes of the venue's errors.
#[derive(Clone, Copy, Debug)]
enum Code {
    UnknownProperty = 0,
    InvalidType = 1,
    InvalidRequest = 2,
    InvalidJson = 3,
}

/// Longest id that is text.
const ID_TEXT_MAX: usize = 36;

/// Takes a client's message apart.
pub(crate) fn parse(text: &str) -> Parsed {
    let Ok(message) = sonic_rs::from_str::<Value>(text) else {
        return Err(error(Code::InvalidJson, "Invalid JSON: expected value", None));
    };
    if !message.is_object() {
        return Err(error(Code::InvalidRequest, "Invalid request: not an object", None));
    }
    let Some(id) = parse_id(message.get("id")) else {
        let what = "Invalid request: request ID must be an integer, text or null";
        return Err(error(Code::InvalidRequest, what, None));
    };
    let Some(method) = message.get("method").and_then(|it| it.as_str().map(str::to_owned)) else {
        let what = "Invalid request: missing field `method`";
        return Err(error(Code::InvalidRequest, what, Some(&id)));
    };
    let params = message.get("params");
    let request = match method.as_str() {
        "SUBSCRIBE" | "UNSUBSCRIBE" => {
            let Some(names) = names(params) else {
                let what = "Invalid request: params must be an array of stream names";
                return Err(error(Code::InvalidRequest, what, Some(&id)));
            };
            if method == "SUBSCRIBE" {
                Request::Subscribe(names)
            } else {
                Request::Unsubscribe(names)
            }
        }
        "LIST_SUBSCRIPTIONS" => Request::List,
        "SET_PROPERTY" | "GET_PROPERTY" => {
            let list = params.and_then(|it| it.as_array());
            let part = |index| list.and_then(|it| it.get(index));
            if part(0).and_then(JsonValueTrait::as_str) != Some("combined") {
                return Err(error(Code::UnknownProperty, "Unknown property", Some(&id)));
            }
            if method == "GET_PROPERTY" {
                Request::GetCombined
            } else if let Some(on) = part(1).and_then(JsonValueTrait::as_bool) {
                Request::SetCombined(on)
            } else {
                let what = "Invalid value type: expected Boolean";
                return Err(error(Code::InvalidType, what, Some(&id)));
            }
        }
        _ => {
            let what = format!("Invalid request: unknown variant `{}`", printable(&method));
            return Err(error(Code::InvalidRequest, &what, Some(&id)));
        }
    };
    Ok((request, id))
}

/// Refuses a subscription to more streams than a connection may have.
pub(crate) fn too_many_streams(id: &Id) -> String {
    error(Code::InvalidRequest, "Invalid request: too many streams", Some(id))
}

/// The answer that says yes.
pub(crate) fn acknowledge(id: &Id) -> String {
    format!("{{\"result\":null,\"id\":{}}}", id.0)
}

/// The answer that says whether the connection is combined.
pub(crate) fn property(on: bool, id: &Id) -> String {
    format!("{{\"result\":{on},\"id\":{}}}", id.0)
}

/// The answer that lists streams.
pub(crate) fn list(streams: &[Stream], id: &Id) -> String {
    let quoted = |stream: &Stream| format!("\"{}\"", printable(&stream.to_string()));
    let names: Vec<_> = streams.iter().map(quoted).collect();
    format!("{{\"result\":[{}],\"id\":{}}}", names.join(","), id.0)
}

fn error(code: Code, what: &str, id: Option<&Id>) -> String {
    match id {
        Some(id) => format!("{{\"code\":{},\"msg\":\"{what}\",\"id\":{}}}", code as u8, id.0),
        None => format!("{{\"code\":{},\"msg\":\"{what}\"}}", code as u8),
    }
}

fn parse_id(id: Option<&Value>) -> Option<Id> {
    let Some(id) = id else { return Some(Id("null".to_owned())) };
    if id.is_null() {
        return Some(Id("null".to_owned()));
    }
    if let Some(number) = id.as_i64() {
        return Some(Id(number.to_string()));
    }
    let text = id.as_str()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    (text.len() <= ID_TEXT_MAX && is_plain).then(|| Id(format!("\"{text}\"")))
}

fn names(params: Option<&Value>) -> Option<Vec<String>> {
    let list = params?.as_array()?;
    list.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Text that can stand inside JSON quotes as it is.
fn printable(text: &str) -> String {
    text.chars().filter(|it| !it.is_control() && !"\"\\".contains(*it)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_understood_with_their_ids() {
        for (text, request, id) in [
            (
                r#"{"method":"SUBSCRIBE","params":["a@depth","b@trade"],"id":1}"#,
                Request::Subscribe(vec!["a@depth".into(), "b@trade".into()]),
                "1",
            ),
            (
                r#"{"id":"x-1","method":"UNSUBSCRIBE","params":[]}"#,
                Request::Unsubscribe(vec![]),
                "\"x-1\"",
            ),
            (r#"{"method":"LIST_SUBSCRIPTIONS","id":null}"#, Request::List, "null"),
            (
                r#"{"method":"SET_PROPERTY","params":["combined",true]}"#,
                Request::SetCombined(true),
                "null",
            ),
            (
                r#"{"method":"GET_PROPERTY","params":["combined"],"id":-5}"#,
                Request::GetCombined,
                "-5",
            ),
        ] {
            assert_eq!(parse(text), Ok((request, Id(id.to_owned()))), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_gets_the_venues_code() {
        for (text, code) in [
            ("{", 3),
            ("", 3),
            ("[]", 2),
            ("{}", 2),
            (r#"{"method":"PUBLISH","id":1}"#, 2),
            (r#"{"method":"SUBSCRIBE","id":1}"#, 2),
            (r#"{"method":"SUBSCRIBE","params":"a","id":1}"#, 2),
            (r#"{"method":"SUBSCRIBE","params":[1],"id":1}"#, 2),
            (r#"{"method":"SUBSCRIBE","params":[],"id":1.5}"#, 2),
            (r#"{"method":"SUBSCRIBE","params":[],"id":[]}"#, 2),
            (r#"{"method":"SET_PROPERTY","params":["colour",true],"id":1}"#, 0),
            (r#"{"method":"SET_PROPERTY","params":["combined",1],"id":1}"#, 1),
        ] {
            let answer = parse(text).unwrap_err();
            let answer: Value = sonic_rs::from_str(&answer).unwrap();
            assert_eq!(answer.get("code").unwrap().as_i64(), Some(code), "{text}");
        }
    }
}
