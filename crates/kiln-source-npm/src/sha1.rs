//! SHA-1: old lock files know packages by nothing else. It tells that a file is whole, not who made it.

/// Takes the hash of bytes as they stream by.
#[derive(Clone, Debug)]
pub(crate) struct Sha1 {
    state: [u32; 5],
    n_bytes: u64,
    open: Vec<u8>,
}

impl Default for Sha1 {
    fn default() -> Self {
        let state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        Self { state, n_bytes: 0, open: Vec::new() }
    }
}

impl Sha1 {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.n_bytes += bytes.len() as u64;
        self.open.extend_from_slice(bytes);
        let whole = self.open.len() / 64 * 64;
        let rest = self.open.split_off(whole);
        for block in self.open.chunks_exact(64) {
            mix(&mut self.state, block);
        }
        self.open = rest;
    }

    pub(crate) fn finish(mut self) -> [u8; 20] {
        let n_bits = self.n_bytes.wrapping_mul(8);
        self.update(&[0x80]);
        let padding = (64 + 56 - self.open.len()) % 64;
        self.update(&vec![0; padding]);
        self.update(&n_bits.to_be_bytes());
        let mut hash = [0; 20];
        for (place, word) in hash.chunks_exact_mut(4).zip(self.state) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        hash
    }
}

fn mix(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for ix in 16..80 {
        let word = words[ix - 3] ^ words[ix - 8] ^ words[ix - 14] ^ words[ix - 16];
        words[ix] = word.rotate_left(1);
    }
    let [mut first, mut second, mut third, mut fourth, mut fifth] = *state;
    for (ix, word) in words.into_iter().enumerate() {
        let (mixed, constant) = match ix / 20 {
            0 => (second & third | !second & fourth, 0x5a82_7999),
            1 => (second ^ third ^ fourth, 0x6ed9_eba1),
            2 => (second & third | second & fourth | third & fourth, 0x8f1b_bcdc),
            _ => (second ^ third ^ fourth, 0xca62_c1d6_u32),
        };
        let next = first.rotate_left(5).wrapping_add(mixed).wrapping_add(fifth);
        let next = next.wrapping_add(constant).wrapping_add(word);
        (fifth, fourth, third, second, first) =
            (fourth, third, second.rotate_left(30), first, next);
    }
    for (word, add) in state.iter_mut().zip([first, second, third, fourth, fifth]) {
        *word = word.wrapping_add(add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &[&[u8]], expected: &str) {
        let mut state = Sha1::default();
        for part in parts {
            state.update(part);
        }
        let bytes = state.finish();
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = hex.concat();
        assert_eq!(hex, expected);
    }

    #[test]
    fn it_is_the_hash_of_the_standard() {
        check(&[], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check(&[b"a", b"bc"], "a9993e364706816aba3e25717850c26c9cd0d89d");
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        check(&[long], "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
        check(&[&vec![b'a'; 1_000_000]], "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    }
}
