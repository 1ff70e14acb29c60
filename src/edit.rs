//! Changes to a body that leave every other byte as the client sent it.

use std::ops::Range;

/// Puts each replacement in place of its span of `body`. Spans must not overlap; one that does not lie in `body` is
/// left out.
#[must_use]
pub fn splice(body: &[u8], mut replacements: Vec<(Range<usize>, Vec<u8>)>) -> Vec<u8> {
    replacements.sort_by_key(|(span, _)| span.start);
    let mut edited = Vec::with_capacity(body.len() + 64);
    let mut copied = 0;
    for (span, text) in replacements {
        let (Some(before), Some(_)) = (body.get(copied..span.start), body.get(span.clone())) else {
            continue;
        };
        edited.extend_from_slice(before);
        edited.extend_from_slice(&text);
        copied = span.end;
    }
    edited.extend_from_slice(body.get(copied..).unwrap_or_default());
    edited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spans_change() {
        let body = br#"{ "model" : "fast" , "n":1 }"#;
        let edited = splice(body, vec![(25..26, b"22".to_vec()), (12..18, br#""slow""#.to_vec())]);
        assert_eq!(edited, br#"{ "model" : "slow" , "n":22 }"#);
        assert_eq!(splice(body, vec![(100..101, vec![])]), body);
    }
}
