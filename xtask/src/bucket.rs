//! Buckets for one run, on a server that does not make them by itself.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::place::Place;

/// How long a signed URL is good for; each is used at once.
const VALID: Duration = Duration::from_secs(300);

/// How often a server that starts is asked whether it is ready.
const POLL: Duration = Duration::from_millis(50);

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A bucket, and the keys to make and to delete it.
pub(crate) struct OwnBucket {
    bucket: Bucket,
    credentials: Credentials,
    agent: Agent,
    region: String,
}

impl OwnBucket {
    /// The bucket that `place` names, whether it is there or not.
    pub(crate) fn at(place: &Place) -> Result<Self> {
        let endpoint = place
            .endpoint
            .parse()
            .with_context(|| format!("{:?} is no URL", place.endpoint))?;
        let bucket = Bucket::new(
            endpoint,
            UrlStyle::Path,
            place.bucket.clone(),
            place.region.clone(),
        )?;
        Ok(Self {
            bucket,
            credentials: Credentials::new(place.access_key.clone(), place.secret_key.clone()),
            agent: agent(place.ca_file.as_deref())?,
            region: place.region.clone(),
        })
    }

    /// Makes the bucket; one that is there already is an error, as a run deletes what it made.
    pub(crate) fn create(&self) -> Result<()> {
        self.answer("make", self.ask_for_bucket()).map(drop)
    }

    /// Makes the bucket on a server that has just started, and for up to `limit` may answer 503, as
    /// MinIO does even when it calls itself ready, or drop connections, as S3Mock does.
    pub(crate) fn create_when_ready(&self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let mut dropped = false;
        loop {
            match self.ask_for_bucket() {
                Ok(answer) if answer.status() == 503 && start.elapsed() < limit => {}
                Err(ureq::Error::Io(_)) if start.elapsed() < limit => dropped = true,
                // Made by a request whose answer was dropped.
                Ok(answer) if answer.status() == 409 && dropped => return Ok(()),
                answer => return self.answer("make", answer).map(drop),
            }
            std::thread::sleep(POLL);
        }
    }

    fn ask_for_bucket(&self) -> Result<Response<ureq::Body>, ureq::Error> {
        let url = self.bucket.create_bucket(&self.credentials).sign(VALID);
        self.agent.put(url.as_str()).send(self.location())
    }

    /// Deletes every object and then the bucket itself.
    pub(crate) fn remove(&self) -> Result<()> {
        while self.remove_page()? {}
        let url = self.bucket.delete_bucket(&self.credentials).sign(VALID);
        self.answer("delete", self.agent.delete(url.as_str()).call())?;
        Ok(())
    }

    /// Deletes the objects of the first page of a listing; false when there was none.
    fn remove_page(&self) -> Result<bool> {
        let url = self
            .bucket
            .list_objects_v2(Some(&self.credentials))
            .sign(VALID);
        let page = self.answer("list", self.agent.get(url.as_str()).call())?;
        let page = ListObjectsV2::parse_response(&page).context("cannot read the listing")?;
        for object in &page.contents {
            let url = self
                .bucket
                .delete_object(Some(&self.credentials), &object.key)
                .sign(VALID);
            self.answer("empty", self.agent.delete(url.as_str()).call())?;
        }
        Ok(!page.contents.is_empty())
    }

    /// AWS wants a region named that is not its first, and refuses the first one named.
    fn location(&self) -> String {
        if self.region == "us-east-1" {
            return String::new();
        }
        format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            self.region
        )
    }

    fn answer(
        &self,
        verb: &str,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<String> {
        let context = || format!("cannot {verb} the bucket {:?}", self.bucket.name());
        let mut answer = answer.with_context(context)?;
        let text = answer.body_mut().read_to_string().with_context(context)?;
        if !answer.status().is_success() {
            bail!("{}: {} {text}", context(), answer.status());
        }
        Ok(text)
    }
}

/// Waits until `url` answers with success.
pub(crate) fn wait_until_healthy(url: &str, ca_file: Option<&Path>, limit: Duration) -> Result<()> {
    let agent = agent(ca_file)?;
    let start = Instant::now();
    loop {
        let last = match agent.get(url).call() {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        if start.elapsed() > limit {
            bail!("{url} is not healthy after {} s: {last}", limit.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// A client that trusts the authority in `ca_file`, or the public ones where none is given.
pub(crate) fn agent(ca_file: Option<&Path>) -> Result<Agent> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(PATIENCE));
    if let Some(file) = ca_file {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let ca = Certificate::from_pem(&pem)
            .with_context(|| format!("{} holds no certificate", file.display()))?;
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[ca]));
        config = config.tls_config(tls.build());
    }
    Ok(config.build().into())
}
