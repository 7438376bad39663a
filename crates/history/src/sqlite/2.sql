-- `identity` is what is asked for, as domain::Identity is written; none of what was refused at the
-- door. `ledger` is the calls of the provider as history::ledger::Ledger writes them.
ALTER TABLE generations ADD COLUMN identity TEXT;
ALTER TABLE generations ADD COLUMN ledger BLOB NOT NULL DEFAULT x'';
-- Within one identity by number, which is the order of the log.
CREATE INDEX generations_by_identity ON generations (tenant, identity)
    WHERE identity IS NOT NULL;

-- What became of the money of each call, and what was saved. It follows from `generations`, and is
-- narrow because reports read all of it. Amounts are in millionths of a US dollar.
CREATE TABLE spend (
    generation INTEGER NOT NULL REFERENCES generations (number),
    call       INTEGER NOT NULL, -- its name within the generation
    tenant     TEXT    NOT NULL,
    at         INTEGER NOT NULL, -- when the call began, in microseconds since 1970
    campaign   TEXT,
    api_key    TEXT,
    model      TEXT,
    tags       TEXT,             -- a JSON array, each tag once; none if there are none
    images     INTEGER NOT NULL,
    reserved   INTEGER NOT NULL,
    settled    INTEGER NOT NULL,
    unknown    INTEGER NOT NULL,
    withheld   INTEGER NOT NULL,
    duplicate  INTEGER NOT NULL,
    late       INTEGER NOT NULL,
    saved      INTEGER NOT NULL,
    PRIMARY KEY (generation, call)
) STRICT, WITHOUT ROWID;
CREATE INDEX spend_by_time ON spend (tenant, at);

-- What was told of provider accounts and budgets.
CREATE TABLE notices (
    id      TEXT    NOT NULL PRIMARY KEY, -- of the event
    subject TEXT    NOT NULL,             -- the account, or the scope of the budget
    name    TEXT    NOT NULL,             -- of the event
    at      INTEGER NOT NULL,             -- microseconds since 1970
    body    BLOB    NOT NULL              -- the event in protobuf
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_by_time ON notices (at);
