//! ARNs, key identifiers and every other text that is parsed once at the edge: what is accepted prints as what was
//! read, and no context has the canonical form of another.

use std::fmt::Display;
use std::str::FromStr;

use claviger_fuzz::{Campaign, Choices, Driver, Edited, ValueGenerator};
use claviger_types::{
    AccessKeyId, AccountId, AliasArn, AliasName, EncryptionContext, KeyArn, KeyId, KeyRef, KeyRefKind, PrincipalArn,
    Region, Timestamp, UserId, UserName, limits,
};

const SAMPLES: &[&str] = &[
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "1234ABCD-12ab-34cd-56ef-1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "arn:aws:kms:us-gov-west-1:000000000000:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:kms:eu-west-1:111122223333:alias/app/orders",
    "alias/app/orders",
    "alias/aws/s3",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:iam::111122223333:user/a/b/ann",
    "111122223333",
    "ap-southeast-12",
    "AKIAIOSFODNN7EXAMPLE",
    "AIDAIOSFODNN7EXAMPLE",
    "Ann.B+c=d,e@f-g_h",
    "2026-01-31T12:00:00.123Z",
    "2026-01-31T12:00:00+01:00",
];
const WORDS: &[&str] = &[
    "arn:",
    "arn:aws:kms:",
    "arn:aws:iam::",
    "aws-cn",
    ":",
    "::",
    "/",
    "//",
    "key/",
    "alias/",
    "user/",
    "root",
    "mrk-",
    "-",
    "*",
    "é",
    "0",
    "A",
    " ",
    "\n",
    "urn:uuid:",
    "{",
    "}",
    "1234abcd12ab34cd56ef1234567890ab",
    "eu-west-1",
    "111122223333",
    "-9999",
    "+",
    "60",
    "[UTC]",
];

/// Every parser on every text.
pub fn identifiers(campaign: Campaign) {
    campaign.run(Edited::new(SAMPLES, WORDS).text(), |text| {
        let same = str::to_owned;
        let exact = prints_as::<AccountId>(text, same)
            | prints_as::<AliasName>(text, same)
            | prints_as::<Region>(text, same)
            | prints_as::<UserName>(text, same)
            | prints_as::<UserId>(text, same)
            | prints_as::<AccessKeyId>(text, same)
            | prints_as::<PrincipalArn>(text, same)
            | prints_as::<KeyId>(text, str::to_ascii_lowercase);
        exact | key_ref(text) | time(text)
    });
}

fn prints_as<T: FromStr + Display + PartialEq>(text: &str, want: fn(&str) -> String) -> bool {
    let Ok(parsed) = text.parse::<T>() else { return false };
    let printed = parsed.to_string();
    assert_eq!(printed, want(text));
    assert!(printed.parse::<T>().is_ok_and(|again| again == parsed), "{printed}");
    true
}

/// A key identifier means the same whatever case its id has, and echoes the id as it was typed.
fn key_ref(text: &str) -> bool {
    let Ok(parsed) = KeyRef::parse(text.to_owned()) else { return false };
    let typed = parsed.typed_id();
    assert!(text.ends_with(typed) && !typed.is_empty(), "{typed}");
    let printed = match parsed.kind().clone() {
        KeyRefKind::AliasArn { region, account, name } => AliasArn { region, account, name }.to_string(),
        KeyRefKind::AliasName(name) => name.to_string(),
        KeyRefKind::KeyArn { region, account, id } => KeyArn { region, account, id }.to_string(),
        KeyRefKind::KeyId(id) => id.to_string(),
    };
    let id = if parsed.is_alias() { typed.to_owned() } else { typed.to_ascii_lowercase() };
    assert_eq!(printed, format!("{}{id}", text.strip_suffix(typed).unwrap()));
    assert_eq!(KeyRef::parse(printed).unwrap().kind(), parsed.kind());
    true
}

/// Times are kept by the millisecond, and those that print are read again.
fn time(text: &str) -> bool {
    let Ok(time) = text.parse::<Timestamp>() else { return false };
    assert_eq!(time.to_string().parse(), Ok(time));
    let basic = time.to_amz_date();
    assert!(basic.ends_with('Z') && basic.contains('T'), "{basic}");
    true
}

/// Two lists of pairs.
pub fn encryption_contexts(campaign: Campaign) {
    campaign.run(TwoContexts, |(one, other)| {
        let contexts = [one, other].map(|pairs| context(pairs));
        let [Some(one), Some(other)] = contexts else { return false };
        let forms = [&one, &other].map(|context| {
            let mut form = Vec::new();
            context.write_canonical(&mut form);
            assert_eq!(form.len(), context.canonical_len());
            form
        });
        assert_eq!(forms[0] == forms[1], one == other);
        true
    });
}

fn context(pairs: &[(String, String)]) -> Option<EncryptionContext> {
    let context = EncryptionContext::from_pairs(pairs.to_vec());
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let bytes = 2 + pairs.iter().map(|(name, value)| 8 + name.len() + value.len()).sum::<usize>();
    let good = names.len() == pairs.len() && bytes <= limits::ENCRYPTION_CONTEXT_BYTES_MAX;
    assert_eq!(context.is_ok(), good);
    let context = context.ok()?;
    let backwards = EncryptionContext::from_pairs(pairs.iter().rev().cloned().collect());
    assert_eq!(backwards.as_ref(), Ok(&context), "the order of the pairs counts");
    Some(context)
}

type Pairs = Vec<(String, String)>;

/// Few letters, so that names meet, and texts that run into one another where lengths are not kept.
struct TwoContexts;

impl ValueGenerator for TwoContexts {
    type Output = (Pairs, Pairs);

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<(Pairs, Pairs)> {
        let mut choices = Choices::new(driver);
        let one = pairs(&mut choices);
        let other = if choices.one_in(2) { pairs(&mut choices) } else { one.clone() };
        Some((one, other))
    }
}

fn pairs<D: Driver>(choices: &mut Choices<'_, D>) -> Pairs {
    let text = |choices: &mut Choices<'_, D>| {
        let times = if choices.one_in(64) { 5000 } else { choices.below(4) };
        choices.one_of(&["a", "b", "ab", "\0", "\0\0\0\x01a", "é"]).unwrap().repeat(times)
    };
    (0..choices.below(4)).map(|_| (text(choices), text(choices))).collect()
}
