//! `limits`: named sets of what a client may spend.

use std::collections::BTreeMap;

use super::reader::Reader;
use crate::limit::Quota;

/// A named set.
#[derive(Debug, Clone, Default)]
pub(super) struct LimitSet {
    pub(super) requests: Vec<Quota>,
}

/// Requests in a window.
const MAX_REQUESTS: u64 = 1_000_000_000;

/// Quotas in a set: each makes every decision dearer.
const MAX_QUOTAS: usize = 8;

pub(super) fn read(section: &Reader<'_>) -> BTreeMap<String, LimitSet> {
    let sets = section.entries().unwrap_or_default();
    let read = sets.into_iter().map(|(name, set)| {
        set.check_name(name);
        (name.to_owned(), read_set(&set))
    });
    read.collect()
}

fn read_set(set: &Reader<'_>) -> LimitSet {
    let requests = set.object(&["requests"]).and_then(|fields| fields.required("requests"));
    let Some(requests) = requests else {
        return LimitSet::default();
    };
    let places = requests.one_or_more().unwrap_or_default();
    if places.len() > MAX_QUOTAS {
        requests.mistake(format!("must have at most {MAX_QUOTAS} entries"));
    }
    let mut quotas: Vec<Quota> = Vec::new();
    for place in places {
        let Some(quota) = read_quota(&place) else { continue };
        if quotas.iter().any(|other| other.per == quota.per) {
            place.mistake("an entry before has the same `per`; keep the stricter one");
        }
        quotas.push(quota);
    }
    LimitSet { requests: quotas }
}

fn read_quota(quota: &Reader<'_>) -> Option<Quota> {
    let fields = quota.object(&["max", "per", "burst"])?;
    let max = fields.required("max").and_then(|max| max.integer(1..=MAX_REQUESTS));
    let per = fields.required("per").and_then(|place| place.duration().map(|per| (place, per)));
    let burst = fields.get("burst").map(|burst| burst.integer(1..=max.unwrap_or(MAX_REQUESTS)));
    let (place, per) = per?;
    // Nanoseconds since 1970 fit in 64 bits for centuries; a window of more than a year is a slip.
    let per = u64::try_from(per.as_nanos()).ok().filter(|per| *per <= 366 * 86_400 * 1_000_000_000);
    if per.is_none() {
        place.mistake("must be at most a year (366d)");
    }
    Some(Quota { max: max?, per: per?, burst: burst.unwrap_or(max)? })
}
