//! A chunk as the store keeps it: compressed, and cut into pieces when it is large.
//!
//! ```text
//! codec u8 (0 as it is, 1 LZ4 block) ‖ pieces u16 BE ‖ raw length u32 BE ‖ data
//! ```
//!
//! The pieces matter for durability: sled keeps up to 17 values in one page, moves a page above
//! a quarter of its segment (2 of 8 MiB) to a file of its own, and never syncs that file. With
//! values of at most [`STORED_BYTES_MAX`] no page comes near.

use sled::Tree;

use crate::error::{ReadError, read_failed};
use crate::keys::Stream;
use crate::ops::Ops;

/// Longest value given to the store: 17 of them make 1 MiB, half of what sled moves out.
pub(crate) const STORED_BYTES_MAX: usize = 60 << 10;

/// Longest chunk that is believed: the largest body allowed, and room around it.
const RAW_BYTES_MAX: usize = 80 << 20;

const HEAD_BYTES: usize = 7;
const AS_IT_IS: u8 = 0;
const LZ4: u8 = 1;

/// Writes a chunk, under the key of its first member.
pub(crate) fn write(into: &mut Ops, stream: Stream, first: u64, raw: &[u8]) {
    let framed = pack(raw);
    let mut pieces = framed.chunks(STORED_BYTES_MAX);
    let head = pieces.next().expect("a frame is never empty: it has its head");
    into.insert(&stream.chunk(first), head);
    for (piece, data) in (1..).zip(pieces) {
        into.insert(&stream.piece(first, piece), data);
    }
}

/// Reads a chunk back, from the value under its key and, for a large one, the pieces after.
pub(crate) fn read(
    tree: &Tree,
    stream: Stream,
    first: u64,
    head: &[u8],
) -> Result<Vec<u8>, ReadError> {
    let corrupt = |detail: String| ReadError::Corrupt { stream: stream.noun(), at: first, detail };
    let pieces = match head.get(1..3) {
        Some(count) => u16::from_be_bytes([count[0], count[1]]),
        None => return Err(corrupt("its chunk is cut short".into())),
    };
    if pieces <= 1 {
        return unpack(head).map_err(corrupt);
    }
    let mut whole = head.to_vec();
    for piece in 1..pieces {
        match tree.get(stream.piece(first, piece)).map_err(|e| read_failed(stream.noun(), &e))? {
            Some(data) => whole.extend_from_slice(&data),
            None => return Err(corrupt(format!("piece {piece} of its {pieces} is missing"))),
        }
    }
    unpack(&whole).map_err(corrupt)
}

/// How many values a chunk has, from the one under its key.
pub(crate) fn pieces(head: &[u8]) -> u16 {
    head.get(1..3).map_or(1, |count| u16::from_be_bytes([count[0], count[1]]))
}

fn pack(raw: &[u8]) -> Vec<u8> {
    let raw_len = u32::try_from(raw.len()).expect("a chunk is far below 4 GiB by the options");
    let mut out = vec![0; HEAD_BYTES + lz4_flex::block::get_maximum_output_size(raw.len())];
    let packed = lz4_flex::block::compress_into(raw, &mut out[HEAD_BYTES..]);
    out[0] = match packed {
        Ok(length) if length < raw.len() => {
            out.truncate(HEAD_BYTES + length);
            LZ4
        }
        _ => {
            out.truncate(HEAD_BYTES);
            out.extend_from_slice(raw);
            AS_IT_IS
        }
    };
    let pieces = u16::try_from(out.len().div_ceil(STORED_BYTES_MAX))
        .expect("the options keep a chunk below 80 MiB, so below 65,536 pieces");
    out[1..3].copy_from_slice(&pieces.to_be_bytes());
    out[3..HEAD_BYTES].copy_from_slice(&raw_len.to_be_bytes());
    out
}

fn unpack(framed: &[u8]) -> Result<Vec<u8>, String> {
    let Some((head, data)) = framed.split_at_checked(HEAD_BYTES) else {
        return Err("its chunk is cut short".into());
    };
    let raw_len = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    if raw_len > RAW_BYTES_MAX {
        return Err(format!("its chunk claims {raw_len} bytes"));
    }
    let raw = match head[0] {
        AS_IT_IS => data.to_vec(),
        LZ4 => lz4_flex::block::decompress(data, raw_len)
            .map_err(|e| format!("its chunk does not decompress: {e}"))?,
        other => return Err(format!("its chunk has the unknown codec {other}")),
    };
    if raw.len() != raw_len {
        return Err(format!("its chunk has {} bytes and should have {raw_len}", raw.len()));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(bytes: usize) -> Vec<u8> {
        let mut out = vec![0; bytes];
        blake3::Hasher::new().finalize_xof().fill(&mut out);
        out
    }

    #[test]
    fn what_goes_in_comes_out() {
        for raw in [vec![], b"a".to_vec(), b"again and ".repeat(900), noise(5_000)] {
            assert_eq!(unpack(&pack(&raw)), Ok(raw));
        }
    }

    #[test]
    fn repetition_is_compressed_and_noise_costs_only_the_head() {
        assert!(pack(&b"again and ".repeat(900)).len() < 200);
        assert_eq!(pack(&noise(5_000)).len(), 5_000 + HEAD_BYTES);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let good = pack(&b"again and ".repeat(900));
        for cut in 0..good.len() {
            assert!(unpack(&good[..cut]).is_err(), "cut to {cut} bytes");
        }
        let mut huge = good.clone();
        huge[3..7].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(unpack(&huge).is_err());
        let mut codec = good;
        codec[0] = 9;
        assert!(unpack(&codec).is_err());
    }
}
