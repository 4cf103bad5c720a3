//! What the configuration decides for requests.

use std::time::Duration;

use claviger_types::{Region, limits};

/// Regions, quotas, clock.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Regions that are served.
    pub regions: ServedRegions,
    /// Keys that an account may have in one Region.
    pub keys_per_account_and_region_max: u64,
    /// Whether the domain clock may be moved.
    pub dev_clock: bool,
    /// How events get into the audit log.
    pub audit: AuditSettings,
    /// What is kept of usage.
    pub usage: UsageSettings,
}

/// What is kept of who used which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSettings {
    /// Keys of encryption contexts whose values name the resource that is protected.
    pub resource_names: Vec<String>,
}

impl Default for UsageSettings {
    fn default() -> Self {
        Self { resource_names: claviger_usage::Settings::default().resource_context_keys }
    }
}

/// How events of reads, uses and refusals get into the audit log.
#[derive(Debug, Clone, Copy)]
pub struct AuditSettings {
    /// How long one may wait for others, to be made durable with them.
    pub group: Duration,
    /// Whether a request waits for its event to be durable before it is answered.
    pub strict: bool,
    /// Whether there are such events at all. Commands and jobs always leave theirs.
    pub requests: bool,
    /// How long entries of the log are kept at least; none keeps all.
    pub keep: Option<Duration>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { group: Duration::from_millis(100), strict: false, requests: true, keep: None }
    }
}

/// Which Regions are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServedRegions {
    /// Every commercial Region of AWS, by its name.
    Commercial,
    /// These.
    Listed(Vec<Region>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            regions: ServedRegions::Commercial,
            keys_per_account_and_region_max: limits::KEYS_PER_ACCOUNT_AND_REGION_MAX,
            dev_clock: false,
            audit: AuditSettings::default(),
            usage: UsageSettings::default(),
        }
    }
}

impl Settings {
    /// Whether requests for `region` are answered.
    pub fn serves(&self, region: Region) -> bool {
        match &self.regions {
            ServedRegions::Commercial => COMMERCIAL_REGIONS.binary_search(&region.as_str()).is_ok(),
            ServedRegions::Listed(regions) => regions.contains(&region),
        }
    }
}

/// In order, to be searched. Source: AWS General Reference, Regions of the `aws` partition.
const COMMERCIAL_REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commercial_regions_can_be_searched() {
        assert!(COMMERCIAL_REGIONS.is_sorted());
    }
}
