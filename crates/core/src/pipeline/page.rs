//! Pages of listings. A marker is a sealed token, bound to account, Region, operation and filter: it tells nothing,
//! and one that was altered or made for another request is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_keyring::{TokenPurpose, sealed_version};

use crate::error::Error;
use crate::keys::domain_keys;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::Operation;

/// What a request says of the page that it wants.
pub struct Page {
    limit: usize,
    marker: Option<String>,
}

/// A page, with where the next one begins.
pub struct Paged<T> {
    /// The page's items.
    pub items: Vec<T>,
    /// The marker of the next page, if there is more.
    pub next: Option<String>,
}

impl Page {
    /// `limit` is cut to `cap`, which is the operation's own; `default` stands in for an absent one.
    pub fn new(limit: Option<i64>, marker: Option<String>, default: usize, cap: usize) -> Self {
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).map_or(default, |limit| limit.clamp(1, cap));
        Self { limit, marker }
    }

    /// The name of the last item of the page before, if this is not the first.
    pub fn after<O: Operation>(&self, facts: &Facts<'_>, filter: &str) -> Result<Option<String>, Error> {
        let Some(marker) = &self.marker else { return Ok(None) };
        let sealed = URL_SAFE_NO_PAD.decode(marker).map_err(|_| Error::InvalidMarker)?;
        let version = sealed_version(&sealed).ok_or(Error::InvalidMarker)?;
        let cluster = facts.view.cluster_key_version(version).ok_or(Error::InvalidMarker)?;
        let key = cluster.key.token_key(TokenPurpose::Marker)?;
        let last = key.open(&bound_to::<O>(facts, filter), &sealed).ok_or(Error::InvalidMarker)?;
        String::from_utf8(last.as_bytes().to_vec()).map(Some).map_err(|_| Error::InvalidMarker)
    }

    /// Takes one page of `items`, which begin after the marker; `name` is what a marker remembers of an item.
    pub fn take<O: Operation, T>(
        &self,
        facts: &Facts<'_>,
        filter: &str,
        mut items: impl Iterator<Item = T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Paged<T>, Error> {
        let page: Vec<T> = items.by_ref().take(self.limit).collect();
        let next = match (page.last(), items.next()) {
            (Some(last), Some(_)) => Some(marker::<O>(facts, filter, &name(last))?),
            _ => None,
        };
        Ok(Paged { items: page, next })
    }

    /// Takes one page of items that are worked out as they are taken; it ends early when together they weigh so much.
    /// Each item comes with the name that a marker remembers, each result with its weight.
    pub fn take_weighed<O: Operation, T, R>(
        &self,
        facts: &Facts<'_>,
        filter: &str,
        mut items: impl Iterator<Item = (String, T)>,
        weight_max: usize,
        mut work_out: impl FnMut(T) -> Result<(R, usize), Error>,
    ) -> Result<Paged<R>, Error> {
        let (mut results, mut weight, mut last) = (Vec::new(), 0, None);
        while results.len() < self.limit && weight < weight_max {
            let Some((name, item)) = items.next() else { break };
            let (result, weighs) = work_out(item)?;
            results.push(result);
            weight = weight.saturating_add(weighs);
            last = Some(name);
        }
        let next = match (last, items.next()) {
            (Some(last), Some(_)) => Some(marker::<O>(facts, filter, &last)?),
            _ => None,
        };
        Ok(Paged { items: results, next })
    }
}

/// The marker of what comes after the item of this name.
pub fn marker<O: Operation>(facts: &Facts<'_>, filter: &str, last: &str) -> Result<String, Error> {
    let key = domain_keys::cluster_key(facts.view)?.key.token_key(TokenPurpose::Marker)?;
    Ok(URL_SAFE_NO_PAD.encode(key.seal(&bound_to::<O>(facts, filter), last.as_bytes())?))
}

/// Prefix-free: the first four parts hold no zero byte, and the filter comes last.
fn bound_to<O: Operation>(facts: &Facts<'_>, filter: &str) -> Vec<u8> {
    format!("{}\0{}\0{}\0{}\0{filter}", facts.account(), facts.region(), O::SERVICE, O::NAME).into_bytes()
}
