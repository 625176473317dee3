//! JSON by pointers: what is missing reads as null.
use serde_json::Value;

/// The value at a pointer such as `/identities/0/value`.
pub fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}
