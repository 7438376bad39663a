use std::{io, time::Duration};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use tokio::time::timeout;

use crate::{
    Error, Store,
    store::{Place, TIMEOUT},
};

/// What a store that does not answer may cost whoever asks. Retries of the client are included.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);
/// Neither is a [`Key`](crate::Key), so nothing can be put over them.
const FIRST: &str = ".darkroom";
const PROBE: &str = ".darkroom-probe";
/// A block of most file systems: a full disk may still take less.
const PROBE_BYTES: Bytes = Bytes::from_static(&[0; 4096]);

impl Store {
    /// Makes sure that the store can be written to and never overwrites. To be asked at start, before
    /// anything is paid for. Leaves one small object named `.darkroom` behind.
    ///
    /// # Errors
    ///
    /// [`Error::NotWritable`], for example for a read-only folder; [`Error::Unconditional`] for a
    /// server without conditional writes.
    pub async fn check_writable(&self) -> Result<(), Error> {
        // The second attempt must find the first, or what an earlier start left.
        for _ in 0..2 {
            match self.put_first().await {
                Ok(()) => {}
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(()),
                Err(err) => {
                    return Err(Error::NotWritable {
                        location: self.location.clone(),
                        source: err.into(),
                    });
                }
            }
        }
        Err(Error::Unconditional {
            location: self.location.clone(),
        })
    }

    /// Whether a picture could be kept now: writes a block and, in a folder, takes it away again; and
    /// there, sees that `min_free` bytes are free. To be asked every few seconds, before anything
    /// more is paid for. A bucket is left with one object named `.darkroom-probe`.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] for too little room or a used-up quota, [`Error::Refused`] for a read-only disk
    /// or missing permission, and [`Error::Failed`] or, after 10 s, [`Error::Timeout`] for a store
    /// that is away. None of them is for ever.
    pub async fn health(&self, min_free: u64) -> Result<(), Error> {
        const ACTION: &str = "write to";

        match timeout(HEALTH_TIMEOUT, self.try_out(min_free)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) => Err(Error::of(ACTION, &self.location, err)),
            Err(_) => Err(Error::Timeout {
                action: ACTION,
                key: self.location.clone(),
            }),
        }
    }

    async fn try_out(&self, min_free: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let path = self.prefix.clone().join(PROBE);
        if let Place::Folder(folder) = &self.place {
            let free = folder.free_bytes().await?;
            if free < min_free {
                let low = format!("{free} bytes are free, and {min_free} must stay free");
                return Err(io::Error::new(io::ErrorKind::StorageFull, low).into());
            }
        }
        self.objects
            .put_opts(&path, PROBE_BYTES.into(), PutMode::Overwrite.into())
            .await?;
        if let Place::Folder(_) = &self.place {
            match self.objects.delete(&path).await {
                // Somebody else tried it out at the same moment.
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }

    async fn put_first(&self) -> object_store::Result<()> {
        let path = self.prefix.clone().join(FIRST);
        let put = self
            .objects
            .put_opts(&path, "darkroom".into(), PutMode::Create.into());
        match timeout(TIMEOUT, put).await {
            Ok(put) => put.map(|_| ()),
            Err(elapsed) => Err(object_store::Error::Generic {
                store: "darkroom",
                source: elapsed.into(),
            }),
        }
    }
}
