//! Usage as bytes: what is read instead of the whole log when the service starts.
//!
//! `docs/formats.md` describes them. The bytes follow from what was folded alone, and usage that is read from them goes on
//! as the one that was written. They say of themselves how far they go: the rest of the log is folded again.

use std::io::{self, Read, Write};

use claviger_types::{AccountId, KeyArn, KeyId, Region, ServiceName, Timestamp};
use minicbor::{Decode, Encode};

use crate::entry::{AccessKeyUse, Origin};
use crate::frames::{FrameReader, FrameWriter};
use crate::limits::{Cost, Merged, Settings};
use crate::period::Day;
use crate::rows::{Rows, Tally};
use crate::table::{Detail, Dimensions, KeyTable, LastUse, Pool};
use crate::texts::{TextId, Texts};
use crate::usage::Usage;
use crate::values::Values;

/// What a snapshot begins with: its name and the version of its form.
const OPENING: &[u8; 16] = b"claviger-usage 2";

/// Why what was stored cannot be used. Without a snapshot usage is folded from the log and the imports that were kept.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// It is not what was written.
    #[error("it is damaged: it {0}")]
    Damaged(&'static str),
    /// It is something else, or of a version that is not known.
    #[error("it is none, or of another version")]
    Unknown,
    /// It cannot be read; the disk says why.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
}

impl From<io::Error> for StoredError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("ends early"),
            _ => Self::Read(error),
        }
    }
}

#[derive(Encode, Decode)]
struct Head {
    #[n(0)]
    next_entry: u64,
    #[cbor(n(1), with = "millis")]
    tracking_since: Timestamp,
    #[n(2)]
    last_day: Day,
    #[n(3)]
    merged: Merged,
    #[n(4)]
    texts: u32,
    #[n(5)]
    keys: u64,
    #[n(6)]
    access_keys: u64,
    #[n(7)]
    next_import: u64,
    #[n(8)]
    imported_uses: u64,
}

#[derive(Encode, Decode)]
struct KeyItem<'a> {
    #[b(0)]
    key: KeyName<'a>,
    #[n(1)]
    last_use: Option<LastUse>,
    #[n(2)]
    merged: Merged,
    #[n(3)]
    dimensions: u32,
    #[n(4)]
    values: u32,
}

/// A key's ARN.
#[derive(Encode, Decode)]
pub(crate) struct KeyName<'a> {
    #[b(0)]
    region: &'a str,
    #[n(1)]
    account: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(3)]
    multi_region: bool,
}

impl<'a> KeyName<'a> {
    pub(crate) fn of(arn: &'a KeyArn) -> Self {
        let KeyArn { region, account, id } = arn;
        Self {
            region: region.as_str(),
            account: account.as_u64(),
            id: *id.as_bytes(),
            multi_region: id.is_multi_region(),
        }
    }

    pub(crate) fn arn(&self) -> Result<KeyArn, StoredError> {
        let id = if self.multi_region { KeyId::multi_region(self.id) } else { KeyId::single_region(self.id) };
        let account = AccountId::from_u64(self.account);
        let account = account.ok_or(StoredError::Damaged("holds no key where one belongs"))?;
        let region: Region =
            self.region.parse().map_err(|_| StoredError::Damaged("holds no Region where one belongs"))?;
        Ok(KeyArn { region, account, id })
    }
}

#[derive(Encode, Decode)]
struct DimensionsItem {
    #[n(0)]
    dimensions: Dimensions,
    #[n(1)]
    rows: u32,
}

#[derive(Encode, Decode)]
struct ValuesItem<'a> {
    #[n(0)]
    origin: Origin,
    #[b(1)]
    context_key: &'a str,
    #[n(2)]
    texts: u64,
    #[n(3)]
    uses_beyond: u64,
}

#[derive(Encode, Decode)]
struct AccessKeyItem<'a> {
    #[b(0)]
    id: &'a str,
    #[cbor(n(1), with = "millis")]
    at: Timestamp,
    #[b(2)]
    region: &'a str,
    #[b(3)]
    service: &'a str,
}

/// Times as milliseconds since the epoch.
pub(crate) mod millis {
    use claviger_types::Timestamp;
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(crate) fn encode<C, W: Write>(
        time: &Timestamp,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.i64(time.as_millis())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Timestamp, DecodeError> {
        d.i64().map(Timestamp::from_millis)
    }
}

impl Usage {
    /// Writes a snapshot piece by piece. Texts that no row names any more are left out.
    pub fn write_snapshot(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(OPENING)?;
        let mut arns: Vec<&KeyArn> = self.keys.keys().collect();
        arns.sort_unstable();
        let tables: Vec<_> = arns.into_iter().filter_map(|arn| self.keys.get(arn).map(|table| (arn, table))).collect();
        let texts = Renumbered::of(tables.iter().map(|(_, table)| *table), &self.pool.texts);

        let mut out = FrameWriter::new(out);
        out.item(Head {
            next_entry: self.next_entry,
            tracking_since: self.tracking_since,
            last_day: self.last_day,
            merged: self.merged,
            texts: u32::try_from(texts.order.len()).map_err(io::Error::other)?,
            keys: self.keys.len() as u64,
            access_keys: self.access_keys.len() as u64,
            next_import: self.next_import,
            imported_uses: self.imported_uses,
        })?;
        texts.order.iter().try_for_each(|id| out.item(self.pool.texts.text(*id).unwrap_or_default()))?;
        tables.iter().try_for_each(|(arn, table)| write_key(&mut out, arn, table, &texts))?;

        let mut access_keys: Vec<&AccessKeyUse> = self.access_keys.values().collect();
        access_keys.sort_unstable_by_key(|used| used.id);
        for AccessKeyUse { id, at, region, service } in access_keys {
            let (id, region, service) = (id.as_str(), region.as_str(), service.as_str());
            out.item(AccessKeyItem { id, at: *at, region, service })?;
        }
        out.finish()
    }

    /// Reads a snapshot. The settings are those of now.
    pub fn read_snapshot(settings: Settings, mut input: impl Read) -> Result<Self, StoredError> {
        let mut opening = [0; OPENING.len()];
        input.read_exact(&mut opening)?;
        if opening != *OPENING {
            return Err(StoredError::Unknown);
        }
        let mut input = FrameReader::new(input);
        let head: Head = input.item()?;
        let mut usage = Self::new(settings, head.next_entry, head.tracking_since);
        usage.last_day = head.last_day;
        usage.merged = head.merged;
        (usage.next_import, usage.imported_uses) = (head.next_import, head.imported_uses);
        for number in 0..head.texts {
            let kept = usage.pool.texts.keep(input.item()?);
            let is_new = kept.is_some_and(|id| id.index() == number as usize);
            is_new.then_some(()).ok_or(StoredError::Damaged("holds a text twice"))?;
        }
        for _ in 0..head.keys {
            let (arn, table) = read_key(&mut input, &usage.pool)?;
            usage.pool.rows += table.row_count;
            usage.pool.memory_bytes += table.memory_bytes();
            let twice = usage.keys.insert(arn, table).is_some();
            (!twice).then_some(()).ok_or(StoredError::Damaged("holds a key twice"))?;
        }
        for _ in 0..head.access_keys {
            let used = access_key(&input.item()?)?;
            usage.pool.memory_bytes += Cost::ACCESS_KEY;
            let twice = usage.access_keys.insert(used.id, used).is_some();
            (!twice).then_some(()).ok_or(StoredError::Damaged("holds an access key twice"))?;
        }
        input.finish()?;
        Ok(usage)
    }
}

/// Texts in the order in which rows name them first: the same for usage that was folded and that was read.
struct Renumbered {
    order: Vec<TextId>,
    numbers: Vec<Option<TextId>>,
}

impl Renumbered {
    fn of<'a>(tables: impl Iterator<Item = &'a KeyTable>, texts: &Texts) -> Self {
        let mut all = Self { order: Vec::new(), numbers: vec![None; texts.len()] };
        let details = tables.flat_map(|table| table.rows.keys()).filter_map(|dimensions| dimensions.detail);
        for id in details.flat_map(|detail| detail.texts).flatten() {
            if let Some(number @ None) = all.numbers.get_mut(id.index()) {
                *number = TextId::of_index(all.order.len());
                all.order.push(id);
            }
        }
        all
    }

    fn dimensions(&self, dimensions: Dimensions) -> Dimensions {
        let number = |id: TextId| self.numbers.get(id.index()).copied().flatten();
        let detail =
            dimensions.detail.map(|detail| Detail { texts: detail.texts.map(|text| text.and_then(number)), ..detail });
        Dimensions { detail, ..dimensions }
    }
}

fn write_key<W: Write>(out: &mut FrameWriter<W>, arn: &KeyArn, table: &KeyTable, texts: &Renumbered) -> io::Result<()> {
    out.item(KeyItem {
        key: KeyName::of(arn),
        last_use: table.last_use,
        merged: table.merged,
        dimensions: u32::try_from(table.rows.len()).map_err(io::Error::other)?,
        values: u32::try_from(table.values.len()).map_err(io::Error::other)?,
    })?;
    for (dimensions, rows) in &table.rows {
        let dimensions = texts.dimensions(*dimensions);
        out.item(DimensionsItem { dimensions, rows: u32::try_from(rows.len()).map_err(io::Error::other)? })?;
        rows.iter().try_for_each(|row| out.item(row))?;
    }
    for values in &table.values {
        let Values { origin, context_key, texts, uses_beyond } = values;
        let (origin, uses_beyond) = (*origin, *uses_beyond);
        out.item(ValuesItem { origin, context_key, texts: texts.len() as u64, uses_beyond })?;
        values.sorted().into_iter().try_for_each(|text| out.item(text))?;
    }
    Ok(())
}

fn read_key<R: Read>(input: &mut FrameReader<R>, pool: &Pool) -> Result<(KeyArn, KeyTable), StoredError> {
    let mut table = KeyTable::default();
    let KeyItem { key, last_use, merged, dimensions, values } = input.item()?;
    let arn = key.arn()?;
    (table.last_use, table.merged) = (last_use, merged);
    for _ in 0..dimensions {
        let (dimensions, rows) = read_rows(input, pool)?;
        table.push(dimensions, rows).ok_or(StoredError::Damaged("holds dimensions twice"))?;
    }
    for _ in 0..values {
        table.values.push(read_values(input)?);
    }
    Ok((arn, table))
}

fn read_rows<R: Read>(input: &mut FrameReader<R>, pool: &Pool) -> Result<(Dimensions, Rows), StoredError> {
    let DimensionsItem { dimensions, rows: count } = input.item()?;
    let mut texts = dimensions.detail.iter().flat_map(|detail| detail.texts).flatten();
    if !texts.all(|id| id.index() < pool.texts.len()) {
        return Err(StoredError::Damaged("names a text that is not there"));
    }
    let mut rows = Rows::new(read_row(input)?);
    let more = count.checked_sub(1).ok_or(BAD_ROW)?;
    rows.reserve(more);
    for _ in 0..more {
        rows.push(read_row(input)?).ok_or(BAD_ROW)?;
    }
    Ok((dimensions, rows))
}

const BAD_ROW: StoredError = StoredError::Damaged("holds a row that cannot be");

fn read_row<R: Read>(input: &mut FrameReader<R>) -> Result<Tally, StoredError> {
    let row: Tally = input.item()?;
    row.is_sound().then_some(row).ok_or(BAD_ROW)
}

fn read_values<R: Read>(input: &mut FrameReader<R>) -> Result<Values, StoredError> {
    let ValuesItem { origin, context_key, texts, uses_beyond } = input.item()?;
    let mut values = Values { uses_beyond, ..Values::new(origin, context_key) };
    for _ in 0..texts {
        let is_new = values.texts.insert(input.item::<&str>()?.into());
        is_new.then_some(()).ok_or(StoredError::Damaged("holds a value twice"))?;
    }
    Ok(values)
}

fn access_key(item: &AccessKeyItem<'_>) -> Result<AccessKeyUse, StoredError> {
    let bad = StoredError::Damaged("holds no use of an access key where one belongs");
    match (item.id.parse(), item.region.parse(), ServiceName::from_name(item.service)) {
        (Ok(id), Ok(region), Some(service)) => Ok(AccessKeyUse { id, at: item.at, region, service }),
        _ => Err(bad),
    }
}
