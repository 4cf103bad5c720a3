//! A QR code as a PNG image: what an authenticator app photographs. The code comes from the crate `qrcode`; the image is
//! one bit a pixel and not compressed, so that a few lines write it.
//! Sources: PNG specification (W3C), sections 5, 10 and 11; zlib, RFC 1950; stored blocks, RFC 1951, section 3.2.4.

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::error::Error;

/// Pixels of a module's side.
const SCALE: usize = 4;

/// Modules of the light frame. Source: ISO/IEC 18004, the quiet zone.
const FRAME: usize = 4;

/// The image of a text's QR code. The text holds a secret, so the image is one too; what the crate keeps of it meanwhile
/// cannot be wiped.
pub fn image(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| Error::Internal(format!("no QR code: {error}")))?;
    let modules = code.width();
    let dark = code.to_colors();
    let side = (modules + 2 * FRAME) * SCALE;
    let is_dark = |x: usize, y: usize| {
        let module = |pixel: usize| (pixel / SCALE).checked_sub(FRAME).filter(|module| *module < modules);
        let place = module(x).zip(module(y)).map(|(x, y)| y * modules + x);
        place.and_then(|place| dark.get(place)) == Some(&Color::Dark)
    };
    let mut rows = Zeroizing::new(Vec::with_capacity(side * (1 + side / 8)));
    for y in 0..side {
        rows.push(0);
        for byte in 0..side.div_ceil(8) {
            let light = |bit: &usize| byte * 8 + bit < side && !is_dark(byte * 8 + bit, y);
            rows.push((0..8).filter(light).fold(0, |bits, bit| bits | (0x80 >> bit)));
        }
    }
    let side = u32::try_from(side).map_err(|error| Error::Internal(error.to_string()))?.to_be_bytes();
    let mut png = Zeroizing::new(Vec::with_capacity(rows.len() + 128));
    png.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    // One bit a pixel, grey, the standard's compression and filters, not interlaced.
    push_chunk(&mut png, b"IHDR", &[&side[..], &side, &[1, 0, 0, 0, 0]].concat());
    push_chunk(&mut png, b"IDAT", &stored(&rows));
    push_chunk(&mut png, b"IEND", &[]);
    Ok(png)
}

fn push_chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(kind);
    checksum.update(data);
    png.extend_from_slice(&length.to_be_bytes());
    png.extend_from_slice(kind);
    png.extend_from_slice(data);
    png.extend_from_slice(&checksum.finalize().to_be_bytes());
}

/// A zlib stream of blocks that are not compressed.
fn stored(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut stream = Zeroizing::new(Vec::with_capacity(bytes.len() + 32));
    stream.extend_from_slice(&[0x78, 0x01]);
    let blocks = bytes.chunks(usize::from(u16::MAX));
    let last = blocks.len();
    for (number, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(number + 1 == last));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(bytes).to_be_bytes());
    stream
}

/// Source: RFC 1950, section 8.2.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        for (text, want) in [("", 1), ("a", 0x0062_0062), ("Wikipedia", 0x11e6_0398)] {
            assert_eq!(adler32(text.as_bytes()), want, "{text}");
        }
    }

    /// The frame is light, the three finder patterns stand where they must.
    #[test]
    fn a_picture_of_the_code() {
        let png = image("otpauth://totp/Claviger:ann@111122223333?secret=GEZDGNBVGY3TQOJQ&issuer=Claviger").unwrap();
        assert_eq!(png[..16], *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
        let side = u32::from_be_bytes(png[16..20].try_into().unwrap()) as usize;
        assert_eq!((side, &png[20..24]), (u32::from_be_bytes(png[20..24].try_into().unwrap()) as usize, &png[16..20]));
        let row_bytes = 1 + side.div_ceil(8);
        // Behind signature, IHDR and the head of IDAT: two bytes of zlib, then one stored block with five of its own.
        let rows = &png[8 + 25 + 8 + 2 + 5..][..side * row_bytes];
        let dark = |x: usize, y: usize| rows[y * row_bytes + 1 + x / 8] & (0x80 >> (x % 8)) == 0;
        let module = |x: usize, y: usize| dark((x + FRAME) * SCALE, (y + FRAME) * SCALE);
        let modules = side / SCALE - 2 * FRAME;
        for (left, top) in [(0, 0), (modules - 7, 0), (0, modules - 7)] {
            let ring =
                |distance: usize| (0..7 - 2 * distance).all(|step| module(left + distance + step, top + distance));
            assert!(ring(0) && !ring(1) && ring(2), "finder pattern at {left}, {top}");
        }
        assert!((0..side).all(|at| !dark(at, 0) && !dark(0, at) && !dark(at, side - 1) && !dark(side - 1, at)));
    }
}
