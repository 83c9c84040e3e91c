//! Objects under a prefix, where clouds put their bills and logs: S3 and what speaks as it does, Azure
//! Blob storage, Google Cloud Storage, a local folder.
//!
//! An [`ObjectStore`] lists page by page and fetches one object at a time; it asks with `GET` only.
//! What of a list is data, and which deliveries are superseded by later ones, [`Plan`] says.
//!
//! # Source
//!
//! Named with each store in its module; the layouts of exports in [`Plan`].

mod azure;
mod folder;
mod google;
mod place;
mod plan;
mod s3;
mod xml;

use std::{fs::File, path::PathBuf};

use jiff::Timestamp;
use secrecy::SecretString;

pub use place::{Place, PlaceError};
pub use plan::{NotData, Plan, Planned};

use crate::client::{Address, Answer, Auth, Client, FetchError, Limits, Question};

/// An object as a list tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, whole; of a local folder, the path below it.
    pub key: String,
    /// Changes when the content does: the entity tag, the generation, or length and time of change.
    pub version: String,
    /// Its length, as it is stored.
    pub bytes: u64,
    /// When it was written last.
    pub modified: Timestamp,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// The objects on it.
    pub objects: Vec<Object>,
    /// Where the list goes on.
    pub next: Option<String>,
    /// The store's clock, where it states one.
    pub date: Option<Timestamp>,
}

/// Who asks a store, and where it is if not where all of its kind are.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The name that belongs to the credential: access key id, storage account.
    pub user: Option<String>,
    /// The credential; without one, the store is asked without.
    pub credential: Option<SecretString>,
    /// Its address, as of a store of one's own.
    pub endpoint: Option<Address>,
    /// The region that a signature names.
    pub region: Option<String>,
}

/// A place whose objects are listed and fetched.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    place: Place,
    remote: Option<Remote>,
}

#[derive(Debug, Clone)]
struct Remote {
    client: Client,
    /// The bucket's or container's own address; of Google, that of the service.
    base: Address,
}

impl ObjectStore {
    /// A store; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`FetchError`] when the credential is none of the store's kind, or the client cannot be made.
    pub fn new(
        place: Place,
        access: Access,
        limits: Limits,
        seed: u64,
        now: fn() -> Timestamp,
    ) -> Result<Self, FetchError> {
        let (auth, base): (Auth, Address) = match &place {
            Place::Folder { .. } => return Ok(Self { place, remote: None }),
            Place::S3 { bucket, .. } => s3::access(bucket, access)?,
            Place::Azure { container, .. } => azure::access(container, access)?,
            Place::Google { .. } => google::access(access)?,
        };
        let client = Client::new(auth, limits, seed, now)?;
        Ok(Self { place, remote: Some(Remote { client, base }) })
    }

    /// Where it is, for people.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The page of the list after another one, or the first.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn page(&self, after: Option<&str>) -> Result<ObjectPage, FetchError> {
        let Some(Remote { client, base }) = &self.remote else {
            let Place::Folder { path } = &self.place else { return Ok(ObjectPage::default()) };
            let objects = folder::list(path)?;
            return Ok(ObjectPage { objects, next: None, date: None });
        };
        let question = match &self.place {
            Place::Azure { prefix, .. } => azure::list(base, prefix, after),
            Place::Google { bucket, prefix } => google::list(base, bucket, prefix, after),
            Place::S3 { prefix, .. } => s3::list(base, prefix, after),
            Place::Folder { .. } => return Ok(ObjectPage::default()),
        }?;
        let answer = client.ask(&question).await?;
        let mut page = self.read_page(&answer, &question)?;
        page.date = answer.date;
        page.objects.retain(|object| self.place.holds(&object.key));
        Ok(page)
    }

    fn read_page(&self, answer: &Answer, question: &Question) -> Result<ObjectPage, FetchError> {
        let read = match &self.place {
            Place::S3 { .. } => s3::read_list(&answer.body),
            Place::Azure { .. } => azure::read_list(&answer.body),
            Place::Google { .. } => google::read_list(&answer.body),
            Place::Folder { .. } => Ok(ObjectPage::default()),
        };
        let address = question.address.to_string();
        read.map_err(|reason| FetchError::Payload { address, reason })
    }

    /// Every object under the prefix.
    ///
    /// # Errors
    ///
    /// [`FetchError`], also for a list that leads in a circle or is longer than `objects_max`.
    pub async fn list(&self, objects_max: usize) -> Result<(Vec<Object>, u64), FetchError> {
        let address = || self.place.to_string();
        let mut objects: Vec<Object> = Vec::new();
        let mut known = std::collections::HashSet::new();
        let (mut after, mut pages) = (None::<String>, 0_u64);
        loop {
            let page = self.page(after.as_deref()).await?;
            pages += 1;
            objects.extend(page.objects);
            if objects.len() > objects_max {
                return Err(FetchError::TooMany { address: address(), objects: objects_max });
            }
            match page.next {
                None => return Ok((objects, pages)),
                Some(next) if known.insert(next.clone()) => after = Some(next),
                Some(_) => {
                    let pages = u32::try_from(pages).unwrap_or(u32::MAX);
                    return Err(FetchError::Repeats { address: address(), pages });
                }
            }
        }
    }

    /// The file of an object of a local folder: it is read where it lies.
    pub fn local_file(&self, object: &Object) -> Option<PathBuf> {
        match &self.place {
            Place::Folder { path } => Some(path.join(&object.key)),
            _ => None,
        }
    }

    /// Fetches an object into a file. Gives its length.
    ///
    /// # Errors
    ///
    /// [`FetchError`].
    pub async fn fetch(
        &self,
        object: &Object,
        bytes_max: u64,
        into: &mut File,
    ) -> Result<u64, FetchError> {
        let Some(Remote { client, base }) = &self.remote else { return Ok(0) };
        let question = match &self.place {
            Place::Azure { .. } => azure::get(base, &object.key),
            Place::Google { bucket, .. } => google::get(base, bucket, &object.key),
            Place::S3 { .. } | Place::Folder { .. } => s3::get(base, &object.key),
        }?;
        client.download(&question, bytes_max, into).await
    }
}

#[cfg(test)]
mod tests;
