//! Protocol buffers' wire format, as much of it as a trace needs: numbers, doubles, texts, messages.

/// A message under way. Fields are known by their numbers, and stand in the order in which they were put.
#[derive(Default)]
pub struct Message {
    bytes: Vec<u8>,
}

/// How a field's value is laid out.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;

impl Message {
    /// An unsigned number, an enum or a boolean.
    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    /// A signed number that is not zigzag-coded.
    pub fn signed(self, field: u64, value: i64) -> Self {
        self.number(field, value as u64)
    }

    pub fn double(mut self, field: u64, value: f64) -> Self {
        self.varint(field << 3 | FIXED_64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub fn text(self, field: u64, value: &str) -> Self {
        self.counted(field, value.as_bytes())
    }

    pub fn message(self, field: u64, value: &Message) -> Self {
        self.counted(field, &value.bytes)
    }

    /// What it is on disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn counted(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | LENGTH);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_laid_out_as_the_encoding_guide_has_them() {
        // The guide's own examples: `a: 150`, `b: "testing"`, and the first as a submessage `c`.
        let number = || Message::default().number(1, 150);
        assert_eq!(number().bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing");
        assert_eq!(text.bytes(), b"\x12\x07testing");
        let nested = Message::default().message(3, &number());
        assert_eq!(nested.bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let negative = Message::default().signed(1, -2);
        assert_eq!(
            negative.bytes()[1..],
            [0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1]
        );
        let double = Message::default().double(16, 1.0);
        assert_eq!(double.bytes(), [0x81, 0x01, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    }
}
