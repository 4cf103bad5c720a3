//! Where a client finds its settings: environment, then the profile files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claviger_keyring::SecretAccessKey;
use claviger_types::Region;
use hyper::Uri;
use zeroize::Zeroizing;

use crate::profiles::{DEFAULT_PROFILE, Profiles};

/// What a client needs. It holds a secret, so it cannot be printed.
pub(crate) struct Settings {
    /// Where the server is.
    pub(crate) endpoint: Uri,
    /// The Region that requests are signed for.
    pub(crate) region: Region,
    /// The access key.
    pub(crate) access_key_id: String,
    /// Its secret.
    pub(crate) secret: SecretAccessKey,
    /// The token of temporary credentials.
    pub(crate) session_token: Option<Zeroizing<String>>,
    /// The authorities that are trusted, if not the system's.
    pub(crate) ca_bundle: Option<PathBuf>,
}

/// Something that a client needs is nowhere, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A profile file cannot be read.
    #[error("cannot read the profile file `{path}`: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A value is not of its form. The text is shown only where it cannot be a secret.
    #[error("{what} is wrong: {problem}")]
    Malformed {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// No access key.
    #[error(
        "no access key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE to a file with the profile `{profile}`"
    )]
    NoAccessKey {
        /// The profile that was looked for.
        profile: String,
    },
    /// No endpoint: AWS itself is never asked.
    #[error("no endpoint: set AWS_ENDPOINT_URL to the server's address, such as http://127.0.0.1:4566")]
    NoEndpoint,
    /// No Region.
    #[error("no Region: set AWS_REGION, such as us-east-1")]
    NoRegion,
}

/// The environment and the two profile files.
struct Sources<'a> {
    environment: &'a dyn Fn(&str) -> Option<String>,
    profile: String,
    /// The profile's section in the configuration file.
    section: String,
    credentials: Profiles,
    config: Profiles,
}

impl Settings {
    /// Finds them.
    pub(crate) fn find(environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let sources = Sources::read(environment)?;
        let endpoint = sources.endpoint().ok_or(SettingsError::NoEndpoint)?;
        let region = sources.either(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region").ok_or(SettingsError::NoRegion)?;
        let (access_key_id, secret, session_token) =
            sources.access_key().ok_or_else(|| SettingsError::NoAccessKey { profile: sources.profile.clone() })?;
        let malformed =
            |what, problem: &dyn std::fmt::Display| SettingsError::Malformed { what, problem: problem.to_string() };
        Ok(Self {
            endpoint: endpoint.parse().map_err(|error| malformed("the endpoint", &format!("`{endpoint}`: {error}")))?,
            region: region.parse().map_err(|error| malformed("the Region", &format!("`{region}` is {error}")))?,
            access_key_id,
            secret: SecretAccessKey::from_text(secret).map_err(|error| malformed("the secret access key", &error))?,
            session_token: session_token.map(Zeroizing::new),
            ca_bundle: sources.either(&["AWS_CA_BUNDLE"], "ca_bundle").map(PathBuf::from),
        })
    }
}

impl<'a> Sources<'a> {
    fn read(environment: &'a dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let profile = environment("AWS_PROFILE").unwrap_or_else(|| DEFAULT_PROFILE.to_owned());
        let section = if profile == DEFAULT_PROFILE { profile.clone() } else { format!("profile {profile}") };
        let file = |variable, name| {
            let home = || environment("HOME").map(|home| Path::new(&home).join(".aws").join(name));
            environment(variable)
                .map(PathBuf::from)
                .or_else(home)
                .map_or_else(|| Ok(Profiles::default()), |path| read(&path))
        };
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let config = file("AWS_CONFIG_FILE", "config")?;
        Ok(Self { environment, profile, section, credentials, config })
    }

    /// The first of these variables that is set, else the value of the profile in the configuration file.
    fn either(&self, variables: &[&str], name: &str) -> Option<String> {
        let variable = variables.iter().find_map(|variable| (self.environment)(variable));
        variable.or_else(|| self.config.value(&self.section, name).map(str::to_owned))
    }

    fn endpoint(&self) -> Option<String> {
        let variables = ["AWS_ENDPOINT_URL_CLAVIGER", "AWS_ENDPOINT_URL"];
        if let Some(endpoint) = variables.iter().find_map(|variable| (self.environment)(variable)) {
            return Some(endpoint);
        }
        let own = self
            .config
            .value(&self.section, "services")
            .and_then(|services| self.config.value(&format!("services {services}"), "claviger.endpoint_url"));
        own.or_else(|| self.config.value(&self.section, "endpoint_url")).map(str::to_owned)
    }

    /// Access key id, secret and session token, all from one place.
    fn access_key(&self) -> Option<(String, String, Option<String>)> {
        let variable = |name: &str| (self.environment)(name);
        let from_environment = || {
            let id = variable("AWS_ACCESS_KEY_ID")?;
            Some((id, variable("AWS_SECRET_ACCESS_KEY")?, variable("AWS_SESSION_TOKEN")))
        };
        let from_file = |profiles: &Profiles, section: &str| {
            let value = |name| profiles.value(section, name).map(str::to_owned);
            Some((value("aws_access_key_id")?, value("aws_secret_access_key")?, value("aws_session_token")))
        };
        from_environment()
            .or_else(|| from_file(&self.credentials, &self.profile))
            .or_else(|| from_file(&self.config, &self.section))
    }
}

/// A file that is missing says nothing.
fn read(path: &Path) -> Result<Profiles, SettingsError> {
    match fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => Ok(Profiles::parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Profiles::default()),
        Err(source) => Err(SettingsError::File { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "\
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = default-secret
[second]
aws_access_key_id = SECOND
aws_secret_access_key = second-secret
aws_session_token = second-token
";

    const CONFIG: &str = "\
[default]
region = eu-west-1
endpoint_url = http://default
[profile second]
region = eu-west-2
endpoint_url = http://second
services = own
ca_bundle = second.pem
[profile third]
aws_access_key_id = THIRD
aws_secret_access_key = third-secret
[services own]
kms =
  endpoint_url = http://kms
claviger =
  endpoint_url = http://claviger
";

    /// What was found, as one text: endpoint, Region, access key id, secret, token, bundle.
    fn found(variables: &[(&str, &str)]) -> Result<String, SettingsError> {
        let scratch = tempfile::tempdir().unwrap();
        let aws = scratch.path().join(".aws");
        fs::create_dir(&aws).unwrap();
        fs::write(aws.join("credentials"), CREDENTIALS).unwrap();
        fs::write(aws.join("config"), CONFIG).unwrap();
        let home = scratch.path().to_str().unwrap().to_owned();
        let environment = |name: &str| match variables.iter().find(|(variable, _)| *variable == name) {
            Some((_, value)) => Some((*value).to_owned()),
            None => (name == "HOME").then(|| home.clone()),
        };
        Settings::find(&environment).map(|settings| {
            let token = settings.session_token.as_ref().map_or("-", |token| token.as_str());
            let bundle = settings.ca_bundle.as_ref().map_or("-".into(), |path| path.display().to_string());
            let Settings { endpoint, region, access_key_id, secret, .. } = &settings;
            let endpoint = endpoint.to_string();
            format!("{} {region} {access_key_id} {} {token} {bundle}", endpoint.trim_end_matches('/'), secret.expose())
        })
    }

    #[test]
    fn order_of_the_sources() {
        for (variables, expected) in [
            (&[][..], "http://default eu-west-1 DEFAULT default-secret - -"),
            (
                &[("AWS_PROFILE", "second")][..],
                "http://claviger eu-west-2 SECOND second-secret second-token second.pem",
            ),
            (&[("AWS_REGION", "eu-west-3")][..], "http://default eu-west-3 DEFAULT default-secret - -"),
            (
                &[("AWS_DEFAULT_REGION", "sa-east-1"), ("AWS_REGION", "eu-west-3")][..],
                "http://default eu-west-3 DEFAULT default-secret - -",
            ),
            (
                &[("AWS_PROFILE", "second"), ("AWS_ENDPOINT_URL", "http://x")][..],
                "http://x eu-west-2 SECOND second-secret second-token second.pem",
            ),
            (
                &[("AWS_ENDPOINT_URL_CLAVIGER", "http://y"), ("AWS_ENDPOINT_URL", "http://x")][..],
                "http://y eu-west-1 DEFAULT default-secret - -",
            ),
            (
                &[("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "env-secret"), ("AWS_CA_BUNDLE", "a.pem")][..],
                "http://default eu-west-1 ENV env-secret - a.pem",
            ),
            // Half an access key in the environment is none.
            (&[("AWS_ACCESS_KEY_ID", "ENV")][..], "http://default eu-west-1 DEFAULT default-secret - -"),
            (
                &[("AWS_PROFILE", "third"), ("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://x")][..],
                "http://x us-east-1 THIRD third-secret - -",
            ),
        ] {
            assert_eq!(found(variables).unwrap(), expected, "{variables:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named_without_secrets() {
        let nowhere = [("HOME", "/nowhere")];
        let endpoint = [nowhere[0], ("AWS_ENDPOINT_URL", "http://x")];
        let region = [endpoint[0], endpoint[1], ("AWS_REGION", "us-east-1")];
        for (variables, word) in [
            (&nowhere[..], "AWS_ENDPOINT_URL"),
            (&endpoint[..], "AWS_REGION"),
            (&region[..], "AWS_ACCESS_KEY_ID"),
            (&[("AWS_PROFILE", "fourth"), region[1], region[2]][..], "`fourth`"),
            (&[("AWS_REGION", "moon")][..], "`moon`"),
            (&[("AWS_ENDPOINT_URL", "http://")][..], "the endpoint"),
            (&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "not a secret")][..], "the secret access key"),
            (&[("AWS_CONFIG_FILE", "/")][..], "profile file `/`"),
        ] {
            let error = found(variables).err().unwrap_or_else(|| panic!("{variables:?} is taken")).to_string();
            assert!(error.contains(word), "{variables:?}: {error}");
            assert!(!error.contains("not a secret"), "{variables:?}: {error}");
        }
    }
}
