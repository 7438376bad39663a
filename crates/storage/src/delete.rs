use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;

use crate::{
    Error, Key, Store,
    store::{Place, in_folder},
};

const ACTION: &str = "delete";
/// How many are deleted at the same time.
const AT_ONCE: usize = 8;

impl Store {
    /// Deletes the object and what is kept beside it, and tells whether it was there. It is no error
    /// if there is none. Once it returns, a power cut does not bring it back.
    ///
    /// # Errors
    ///
    /// All are worth another try: it may still be there.
    pub async fn delete(&self, key: &Key) -> Result<bool, Error> {
        match &self.place {
            Place::Folder(folder) => in_folder(ACTION, key, folder.remove(key.as_str())).await,
            Place::Memory | Place::Bucket(_) => self.delete_object(key).await,
        }
    }

    /// Deletes these objects, each as [`delete`](Self::delete) does, and returns those that were
    /// there, in the order given. Nothing else is touched: there is no deleting by prefix.
    ///
    /// # Errors
    ///
    /// The first one met; then some are gone and some are not. Delete them all again, but mind that
    /// only those which are still there are returned then.
    pub async fn delete_all(&self, keys: &[Key]) -> Result<Vec<Key>, Error> {
        // Collected before, since who awaits a lazy `map` over references cannot be sent to a thread.
        let deletions: Vec<_> = keys
            .iter()
            .map(|key| async move { Ok::<_, Error>(self.delete(key).await?.then(|| key.clone())) })
            .collect();
        stream::iter(deletions)
            .buffered(AT_ONCE)
            .try_filter_map(|deleted| async move { Ok(deleted) })
            .try_collect()
            .await
    }

    /// A bucket does not tell whether there was something to delete, so it is asked before.
    async fn delete_object(&self, key: &Key) -> Result<bool, Error> {
        if self.stat(key).await?.is_none() {
            return Ok(false);
        }
        let path = self.path(key);
        match self
            .limited(ACTION, key, self.objects.delete(&path))
            .await?
        {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(err) => Err(Error::of(ACTION, key, err)),
        }
    }
}
