//! What a server writes: its answers as structs, fields in its order, and what is empty left out.
//! [`go_json`](super::go_json) gives them their form.

pub mod error;
pub mod ollama;
pub mod openai;

/// For measurements that are written only when there is one.
fn is_zero(number: &i64) -> bool {
    *number == 0
}
