use domain::{Event, Generation, GenerationId, Tenant};
use jiff::Timestamp;

use crate::sqlite::{Sqlite, Transaction};
use crate::{Error, Page, Search, SpendQuery, SpendReport, fold};

/// The history of everything that was asked for. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct History {
    database: Sqlite,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The sequence of the event there.
    pub sequence: u64,
    /// When the log stored it. It tells the log from another one that was made in its place, and
    /// counts from one again.
    pub stored_at: Timestamp,
}

/// Who asked for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The last generation that did and has something to hand out.
    pub id: Option<GenerationId>,
    /// The last event that was looked at: what happened since is not in it.
    pub recorded_to: u64,
}

/// Events that are written down and not yet committed. Dropped, they never were.
#[derive(Debug)]
#[must_use = "nothing is stored until it is committed"]
pub struct Written {
    transaction: Transaction,
    position: u64,
}

impl History {
    /// Opens the database at `url`, `sqlite://` and a path, and brings its tables up to date. The
    /// folder and the file are made if they are missing. Every commit is synced to disk.
    ///
    /// # Errors
    ///
    /// [`Error::Scheme`], [`Error::NoFile`]: the URL. [`Error::Folder`], [`Error::Open`],
    /// [`Error::NotADatabase`], [`Error::Newer`], [`Error::Migrate`]: what it leads to.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let database = Sqlite::open(url).await?;
        Ok(Self { database })
    }

    /// Writes `events` (sequence in the log, and what happened) down, all or none, and commits.
    /// Returns the position. When the log stored them is not known then, so a reader of the log
    /// begins anew.
    ///
    /// # Errors
    ///
    /// As [`History::write`].
    pub async fn project(&self, events: &[(u64, &Event)]) -> Result<u64, Error> {
        let last = events.iter().map(|(sequence, _)| *sequence).max();
        let written = self.put(events, last.unwrap_or(0), None).await?;
        written.commit().await
    }

    /// Writes `events` down, and that everything up to `position` is, without committing: one
    /// transaction, held by the result. Events that were written before are skipped, and the
    /// position never moves back, so handing in the same twice changes nothing, also if two do it.
    ///
    /// # Errors
    ///
    /// [`Error::Write`], or the stored documents are damaged.
    pub async fn write(
        &self,
        events: &[(u64, &Event)],
        position: Position,
    ) -> Result<Written, Error> {
        let stored_at = Some(position.stored_at);
        self.put(events, position.sequence, stored_at).await
    }

    async fn put(
        &self,
        events: &[(u64, &Event)],
        last: u64,
        stored_at: Option<Timestamp>,
    ) -> Result<Written, Error> {
        let mut transaction = self.database.begin().await?;
        let stored = transaction.stored(&fold::touched(events)).await?;
        let wishes = fold::wishes(events, &stored);
        let twins = transaction.twins(&wishes, &stored).await?;
        let outcome = fold::fold(events, stored, &wishes, twins)?;
        transaction.put(&outcome.changes).await?;
        transaction.put_deliveries(&outcome.deliveries).await?;
        transaction.put_notices(&outcome.notices).await?;
        let position = transaction.advance(last, stored_at).await?;
        Ok(Written {
            transaction,
            position,
        })
    }

    /// The sequence of the last event written down; 0 before the first.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn position(&self) -> Result<u64, Error> {
        self.database.position().await
    }

    /// Where a reader of the log goes on. None before the first event, and if nobody said when the
    /// log had stored the last one, as earlier versions did not.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub async fn reached(&self) -> Result<Option<Position>, Error> {
        self.database.reached().await
    }

    /// Moves the position back to before the first event, because the log is read from there:
    /// another one, perhaps. What is written stays.
    ///
    /// # Errors
    ///
    /// [`Error::Write`].
    pub async fn rewind(&self) -> Result<(), Error> {
        let mut transaction = self.database.begin().await?;
        transaction.rewind().await?;
        transaction.commit().await
    }

    /// The generation of that name, if it is the tenant's.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], or the stored document is damaged.
    pub async fn get(
        &self,
        tenant: &Tenant,
        id: GenerationId,
    ) -> Result<Option<Generation>, Error> {
        self.database.get(tenant, id).await
    }

    /// One page of the generations that meet all conditions, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Question`] names the condition that makes no sense; [`Error::Read`], or the stored
    /// documents are damaged.
    pub async fn search(&self, search: &Search) -> Result<Page, Error> {
        search.check()?;
        self.database.search(search).await
    }

    /// The last generation of `tenant` that asked for the same, as [`domain::Identity`] is written,
    /// and has at least one picture that is stored and not deleted, or words, or was drawn and is
    /// being stored.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], or the stored documents are damaged.
    pub async fn find(&self, tenant: &Tenant, identity: &str) -> Result<Found, Error> {
        // Before the search, so that it never claims more than was searched.
        let recorded_to = self.position().await?;
        let id = self.database.find(tenant, identity).await?;
        Ok(Found { id, recorded_to })
    }

    /// What became of the tenant's money.
    ///
    /// # Errors
    ///
    /// [`Error::Question`] names the condition that makes no sense, or says that there are too many
    /// groups; [`Error::Read`].
    pub async fn spend(&self, query: &SpendQuery) -> Result<SpendReport, Error> {
        query.check()?;
        self.database.spend(query).await
    }

    /// The last `limit` events of provider accounts and budgets, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], or a stored event is damaged.
    pub async fn notices(&self, limit: u32) -> Result<Vec<Event>, Error> {
        self.database.notices(limit).await
    }

    /// Closes all connections. The last thing to do with a history.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl Written {
    /// Makes it last: when this returns, it is on disk. Returns the position.
    ///
    /// # Errors
    ///
    /// [`Error::Write`]: it may or may not be stored, so write it again.
    pub async fn commit(self) -> Result<u64, Error> {
        self.transaction.commit().await?;
        Ok(self.position)
    }
}
