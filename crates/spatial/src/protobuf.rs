//! The few protobuf rules that tiles are written with: fields are appended to a byte vector.

/// Wire types of protobuf fields.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;

/// Seven bits a byte, the least significant first.
#[inline]
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`varint`] writes.
#[inline]
pub fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Small negative numbers as small unsigned ones.
#[inline]
pub fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// [`zigzag`] of 64 bits.
#[inline]
pub fn zigzag64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// A whole number.
#[inline]
pub fn varint_field(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field << 3 | VARINT));
    varint(out, value);
}

/// A 64-bit floating-point number.
#[inline]
pub fn double_field(out: &mut Vec<u8>, field: u32, value: f64) {
    varint(out, u64::from(field << 3 | FIXED64));
    out.extend_from_slice(&value.to_le_bytes());
}

/// The head of a field of `length` bytes that the caller writes next.
#[inline]
pub fn length_head(out: &mut Vec<u8>, field: u32, length: usize) {
    varint(out, u64::from(field << 3 | LENGTH_DELIMITED));
    varint(out, length as u64);
}

/// Bytes, a text or a message within.
#[inline]
pub fn bytes_field(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    length_head(out, field, bytes.len());
    out.extend_from_slice(bytes);
}

/// How many bytes a length-delimited field takes; field numbers up to 15.
#[inline]
pub fn field_length(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the protobuf encoding guide.
    #[test]
    fn numbers_are_written_as_the_protobuf_guide_says() {
        let mut out = Vec::new();
        varint_field(&mut out, 1, 150);
        assert_eq!(out, [0x08, 0x96, 0x01]);
        out.clear();
        bytes_field(&mut out, 2, b"testing");
        assert_eq!(out, [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        assert_eq!(out.len(), field_length(7));
        assert_eq!([0, -1, 1, -2, i32::MAX].map(zigzag), [0, 1, 2, 3, 4_294_967_294]);
        assert_eq!(zigzag64(-2), 3);
        for value in [0, 127, 128, 16_383, 16_384, u64::MAX] {
            out.clear();
            varint(&mut out, value);
            assert_eq!(out.len(), varint_length(value), "{value}");
        }
    }
}
