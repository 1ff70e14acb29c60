//! The text of strings: how far it is plain, and what its escapes mean.

use super::flaw::FlawKind;

/// Bytes looked at together. The comparison of a whole block compiles to vector instructions, in the filter too
/// (`simd128`), so long strings, which most of a prompt's bytes are, pass at the speed of memory.
const BLOCK: usize = 32;

#[expect(
    clippy::needless_bitwise_bool,
    reason = "a lazy operator is a branch, and a loop with branches does not become vectors"
)]
fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// How many bytes at the beginning of `bytes` are neither a quote, nor a backslash, nor a control character.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    // Without a branch for each byte: that is what makes vectors of it.
    let is_plain =
        |block: &&[u8; BLOCK]| block.iter().fold(0, |special, byte| special | u8::from(is_special(*byte))) == 0;
    let run = blocks.iter().take_while(is_plain).count() * BLOCK;
    let rest = bytes.get(run..).unwrap_or_default();
    run + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

/// The bytes of the escape that `bytes` begins with; its first byte is the backslash.
pub(super) fn escape_length(bytes: &[u8]) -> Result<usize, FlawKind> {
    match bytes.get(1) {
        None => Err(FlawKind::Truncated),
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') => match unit(bytes)? {
            0xDC00..=0xDFFF => Err(FlawKind::LoneSurrogate),
            0xD800..=0xDBFF => match unit(bytes.get(6..).unwrap_or_default()) {
                Ok(0xDC00..=0xDFFF) => Ok(12),
                _ => Err(FlawKind::LoneSurrogate),
            },
            _ => Ok(6),
        },
        Some(_) => Err(FlawKind::BadEscape),
    }
}

/// The UTF-16 code unit of the `\uXXXX` that `bytes` begins with.
fn unit(bytes: &[u8]) -> Result<u32, FlawKind> {
    let (Some(b'\\'), Some(b'u')) = (bytes.first(), bytes.get(1)) else {
        return Err(FlawKind::BadEscape);
    };
    let digits = bytes.get(2..6).ok_or(FlawKind::Truncated)?;
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(FlawKind::BadEscape)?;
        Ok(value << 4 | digit)
    })
}

/// Resolves the escapes of the text between a string's quotes, which the scanner found to be sound.
pub(super) fn unescape(raw: &str) -> String {
    let mut resolved = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        resolved.push_str(plain);
        let mut behind = escape.chars();
        let unit_at =
            |text: &str, from: usize| text.get(from..from + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let skip = match behind.next() {
            Some('u') => match unit_at(escape, 1) {
                Some(high @ 0xD800..=0xDBFF) => {
                    let low = unit_at(escape, 7).unwrap_or(0xDC00);
                    let scalar = 0x10000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
                    resolved.push(char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER));
                    11
                }
                Some(unit) => {
                    resolved.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
                    5
                }
                None => 5,
            },
            Some(simple) => {
                resolved.push(match simple {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    same => same,
                });
                1
            }
            None => 0,
        };
        rest = escape.get(skip..).unwrap_or_default();
    }
    resolved.push_str(rest);
    resolved
}
