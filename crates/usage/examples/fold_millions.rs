//! Measures what folding costs and takes: `fold_millions [USES] [KEYS] [DIR]` folds 100 million uses of 10,000 keys over 120
//! days, writes a snapshot to a file and reads it again.
#![expect(clippy::print_stdout, reason = "what it is for")]

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;

use claviger_types::{AccountId, KeyArn, KeyId, Timestamp};
use claviger_usage::{Addressed, Day, Entry, Operation, Settings, Usage, Use};

const DAYS: u64 = 120;
const DAY_MILLIS: u64 = 86_400_000;
const START: u64 = 1_788_220_800_000;

/// Texts of an organization: 2,000 roles of 60 applications in 5 environments.
struct Names {
    principals: Vec<(String, String)>,
    applications: Vec<String>,
    tenants: Vec<String>,
}

const ENVIRONMENTS: [&str; 5] = ["prod", "staging", "test", "dev", "sandbox"];
const SOURCES: [&str; 6] = ["eu-central-1", "eu-west-1", "us-east-1", "office", "vpn", "ci"];

/// The ways in which one key is used: what repeats every day.
struct Way<'a> {
    key: KeyArn,
    operation: Operation,
    addressed: Addressed,
    material: [u8; 32],
    principal: &'a (String, String),
    source: &'a str,
    environment: &'a str,
    application: &'a str,
    context: Vec<(&'a str, &'a str)>,
    error_code: Option<&'a str>,
}

/// Numbers that look random, and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) * bound) >> 31
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> Result<&'a T, &'static str> {
        let place = usize::try_from(self.below(choices.len() as u64)).unwrap_or_default();
        choices.get(place).ok_or("no choices")
    }

    /// As words of a language: the nth one is drawn in proportion to 1/n (Zipf's law).
    fn zipf(&mut self, bound: u64) -> u64 {
        let part = self.below(1 << 30) as f64 / f64::from(1 << 30);
        (bound as f64 + 1.0).powf(part) as u64 - 1
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let uses: u64 = arguments.next().map_or(Ok(100_000_000), |uses| uses.parse())?;
    let keys: u64 = arguments.next().map_or(Ok(10_000), |keys| keys.parse())?;
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);

    let names = names();
    let mut numbers = Numbers(7);
    let ways = (0..keys).map(|key| ways(key, &names, &mut numbers)).collect::<Result<Vec<_>, _>>()?;
    let per_key = ways.iter().map(Vec::len).sum::<usize>() as u64 / keys;
    println!("{keys} keys, each used in {per_key} ways; {} MiB before folding", status("VmRSS")?);

    let started = seconds()?;
    let mut total = 0;
    for index in 0..uses / 10 {
        total += used(index * 10, uses, &ways, &mut numbers)?.principal.len();
    }
    let making = (seconds()? - started) * 1e10 / uses as f64;
    println!("making a use: {making:.0} ns ({total})");

    let mut usage = Usage::new(Settings::default(), 0, Timestamp::from_millis(START.try_into()?));
    let started = seconds()?;
    for index in 0..uses {
        let one = used(index, uses, &ways, &mut numbers)?;
        usage.fold(&Entry { index, request_id: [7; 16], access_key: None, uses: &[one] })?;
    }
    let folding = (seconds()? - started) * 1e9 / uses as f64 - making;
    println!("folding a use: {folding:.0} ns, days that become months included");
    report(&usage)?;

    let path = directory.join("usage-snapshot");
    let started = seconds()?;
    usage.write_snapshot(BufWriter::new(File::create(&path)?))?;
    let written = std::fs::metadata(&path)?.len() >> 20;
    println!("snapshot of {written} MiB written in {:.1} s of CPU", (seconds()? - started));
    println!("{} MiB at most, writing included", status("VmHWM")?);
    drop(usage);

    let started = seconds()?;
    let usage = Usage::read_snapshot(Settings::default(), BufReader::new(File::open(&path)?))?;
    println!("snapshot read in {:.1} s of CPU", (seconds()? - started));
    report(&usage)?;
    std::fs::remove_file(path)?;

    let started = seconds()?;
    let count = usage.of_principal(&names.principals.first().ok_or("none")?.1, Day::FIRST..=Day::LAST).count();
    println!("uses of one principal: {count} rows in {:.1} ms", (seconds()? - started) * 1e3);
    Ok(())
}

fn report(usage: &Usage) -> Result<(), Box<dyn Error>> {
    let (rows, merged) = (usage.row_count(), usage.merged().total());
    let reckoned = usage.memory_bytes() >> 20;
    println!("{rows} rows, {merged} uses merged, reckoned {reckoned} MiB, resident {} MiB", status("VmRSS")?);
    Ok(())
}

/// Seconds that this process has computed: other work on the machine does not count.
fn seconds() -> Result<f64, Box<dyn Error>> {
    let times = std::fs::read_to_string("/proc/self/schedstat")?;
    Ok(times.split_whitespace().next().ok_or("no time")?.parse::<f64>()? / 1e9)
}

/// MiB of this process.
fn status(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? >> 10)
}

fn names() -> Names {
    let principal = |number: u64| {
        let arn = format!("arn:aws:iam::{:012}:role/service/application-{number}", 111_122_223_333 + number % 40);
        (format!("AROA{number:016}"), arn)
    };
    Names {
        principals: (0..2_000).map(principal).collect(),
        applications: (0..60).map(|number| format!("application-{number}")).collect(),
        tenants: (0..3_000).map(|number| format!("tenant-{number:08}")).collect(),
    }
}

/// 2 to some 60 ways, half of the keys at most 8.
fn ways<'a>(key: u64, names: &'a Names, numbers: &mut Numbers) -> Result<Vec<Way<'a>>, Box<dyn Error>> {
    let arn = KeyArn {
        region: numbers.one_of(&["eu-central-1", "us-east-1"])?.parse()?,
        account: AccountId::from_u64(111_122_223_333 + key % 40).ok_or("no account")?,
        id: KeyId::single_region((u128::from(key) << 64 | 5).to_be_bytes()),
    };
    let (application, environment) = (numbers.one_of(&names.applications)?, *numbers.one_of(&ENVIRONMENTS)?);
    let principals = 1 + numbers.zipf(24);
    let mut ways = Vec::new();
    for _ in 0..principals {
        let principal = numbers.one_of(&names.principals)?;
        let encrypts = [Operation::Encrypt, Operation::GenerateDataKey];
        let context = match numbers.below(3) {
            0 => vec![],
            1 => vec![("tenant", numbers.one_of(&names.tenants)?.as_str())],
            _ => vec![("purpose", "backup"), ("aws:s3:arn", "arn:aws:s3:::reports")],
        };
        for (operation, error_code) in [
            (*numbers.one_of(&encrypts)?, None),
            (Operation::Decrypt, None),
            (Operation::Decrypt, (numbers.below(4) == 0).then_some("AccessDenied")),
        ] {
            let by_alias = [Addressed::AliasName, Addressed::AliasName, Addressed::KeyArn];
            let decrypts = operation == Operation::Decrypt;
            ways.push(Way {
                key: arn,
                operation,
                addressed: if decrypts { Addressed::Ciphertext } else { *numbers.one_of(&by_alias)? },
                material: [numbers.below(2).to_le_bytes()[0]; 32],
                principal,
                source: numbers.one_of(&SOURCES)?,
                environment,
                application,
                context: context.clone(),
                error_code,
            });
        }
    }
    Ok(ways)
}

/// The use at this place: time goes on evenly, and a few keys are used most.
fn used<'a>(index: u64, uses: u64, ways: &'a [Vec<Way<'a>>], numbers: &mut Numbers) -> Result<Use<'a>, Box<dyn Error>> {
    let key = usize::try_from(numbers.zipf(ways.len() as u64))?;
    let way = numbers.one_of(ways.get(key).ok_or("no key")?)?;
    let at = START + index * DAYS / uses * DAY_MILLIS + index * DAYS % uses * DAY_MILLIS / uses;
    Ok(Use {
        at: Timestamp::from_millis(at.try_into()?),
        key: way.key,
        operation: way.operation,
        addressed: way.addressed,
        backing_key: Some(way.material),
        principal_id: &way.principal.0,
        principal: &way.principal.1,
        source: Some(way.source),
        environment: Some(way.environment),
        application: Some(way.application),
        encryption_context: &way.context,
        error_code: way.error_code,
        event_copy: 0,
    })
}
