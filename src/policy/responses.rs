//! `responses`: what an answer's headers shall be.

use super::reader::Reader;
use crate::response::{REMOVED_BY_DEFAULT, ResponseRules, SecurityHeaders};

/// Headers without which, or with others of which, an answer cannot be read.
const FRAMING: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn read(section: Option<&Reader<'_>>) -> ResponseRules {
    let fields = section.and_then(|section| section.object(&["security_headers", "set", "remove"]));
    let field = |key| fields.as_ref().and_then(|fields| fields.get(key));
    let security = field("security_headers").and_then(|name| name.one_of(&SecurityHeaders::NAMES));
    let set = field("set").and_then(|set| set.entries()).unwrap_or_default();
    let set = set.into_iter().filter_map(|(name, place)| {
        let value = place.string()?;
        let is_value = value.bytes().all(|byte| (0x20..0x7F).contains(&byte));
        if !is_value {
            place.mistake("a header's value has printable ASCII characters only");
        }
        (check_header(&place, name) && is_value).then(|| (name.to_owned(), value.to_owned()))
    });
    let set = set.collect();
    let remove = match field("remove") {
        None => REMOVED_BY_DEFAULT.map(str::to_owned).to_vec(),
        Some(remove) => {
            let places = remove.list().unwrap_or_default();
            let names = places.iter().filter_map(|place| place.string().filter(|name| check_header(place, name)));
            names.map(str::to_owned).collect()
        }
    };
    ResponseRules::new(security.unwrap_or(SecurityHeaders::Api), set, remove)
}

fn check_header(place: &Reader<'_>, name: &str) -> bool {
    // RFC 9110, 5.6.2; in lower case, as HTTP/2 and Envoy have them.
    let is_token = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    if !is_name {
        place.mistake("a header's name has lower-case letters, digits and '-'");
    } else if FRAMING.contains(&name) {
        place.mistake("this header says how the answer is to be read; it cannot be changed");
    }
    is_name
}
