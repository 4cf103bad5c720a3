//! Files of the audit log's index, as a disk may damage them: no event is hidden by one.

use std::cell::RefCell;
use std::io;
use std::ops::Range;

use claviger_core::history::{Attribute, Bundles, Filter, GroupId, Query, Rows, StoredFilter, Times};
use claviger_core::records::{EventKind, EventRecord};
use claviger_fuzz::{Bytes, Campaign, Edited};

const ACCOUNT: u64 = 111_122_223_333;
const REGION: &str = "us-east-1";

/// Files of one group, edited, asked for each thing that is in it.
pub fn event_filters(campaign: Campaign) {
    let names = ["CreateKey", "Encrypt", "ListKeys"];
    let group = GroupId { number: 3, root: [0x5a; 32] };
    let mut filter = Filter::default();
    for (place, name) in (0..256).zip(names.iter().cycle()) {
        let event = event(name, place);
        filter.add(place, event.at, &Rows::of(&event));
    }
    let whole = filter.to_bytes(group);
    let queries: Vec<_> = names.iter().flat_map(|name| [query(name, None), query(name, Some(90))]).collect();
    let answers = |parts: &Parts| -> (Option<Times>, Vec<Option<Bundles>>) {
        let stored = StoredFilter::new(group, |at, part: &mut [u8]| parts.read(at, part));
        let candidates = queries.iter().map(|query| stored.candidates(query, filter.times()));
        (stored.times(), candidates.collect())
    };
    let recorder = Parts { whole: Some(&whole), ..Parts::default() };
    let (times, right) = answers(&recorder);
    assert!(times == Some(filter.times()) && right.iter().all(Option::is_some));
    let places = recorder.places.into_inner();
    let asked: Vec<u8> = places.iter().flat_map(|place| whole[place.clone()].to_vec()).collect();
    let words: [&[u8]; 4] = [b"clvfilt1", &[0; 32], &[0xff; 36], &[0; 8]];
    campaign.run(Edited::new([&asked], words), |Bytes(bytes)| {
        let parts = Parts { whole: None, edited: bytes, places: RefCell::new(places.clone()) };
        let (times, found) = answers(&parts);
        assert!(times.is_none_or(|times| times == filter.times()));
        let same = found.iter().zip(&right).all(|(found, right)| found.is_none() || found == right);
        assert!(same, "a damaged part is taken for a whole one");
        found.iter().any(Option::is_some)
    });
}

/// The parts of a file that are asked for: few of many, so that edits meet them.
#[derive(Default)]
struct Parts<'b> {
    /// The file, of which the places are noted down.
    whole: Option<&'b [u8]>,
    /// Otherwise what stands at those places.
    edited: &'b [u8],
    places: RefCell<Vec<Range<usize>>>,
}

impl Parts<'_> {
    fn read(&self, at: u64, part: &mut [u8]) -> io::Result<()> {
        let place = usize::try_from(at).unwrap()..usize::try_from(at).unwrap() + part.len();
        let mut places = self.places.borrow_mut();
        let found = match self.whole {
            Some(whole) => {
                if !places.contains(&place) {
                    places.push(place.clone());
                }
                whole.get(place)
            }
            None => {
                let before = places.iter().take_while(|other| **other != place).map(Range::len).sum();
                self.edited.get(before..before + part.len())
            }
        };
        part.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn event(name: &str, place: u64) -> EventRecord<'_> {
    EventRecord {
        service: Some("kms"),
        operation: Some(name),
        account: Some(ACCOUNT),
        region: Some(REGION),
        ..EventRecord::new(EventKind::Call, i64::try_from(place).unwrap() * 1000, [7; 16])
    }
}

fn query(name: &str, from: Option<i64>) -> Query {
    let account = ACCOUNT.to_string().parse().unwrap();
    let from = from.map(|second| claviger_types::Timestamp::from_millis(second * 1000));
    let attribute = Some((Attribute::EventName, name.to_owned()));
    Query::new((account, REGION.parse().unwrap()), attribute, (from, None), 50)
}
