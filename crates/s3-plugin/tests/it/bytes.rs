//! Content for backups.

/// The least size of a part, which the tests set as `backup_multipart_chunksize`: 5 MiB.
pub(crate) const PART: usize = 5 << 20;

/// `length` bytes that look random and are the same for the same `seed`.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
