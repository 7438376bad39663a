-- What is known of each generation. `document` is a darkroom.v1.Generation; the other columns say
-- parts of it again, to find it by.
CREATE TABLE generations (
    number     INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    tenant     TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    model      TEXT,
    campaign   TEXT,
    custom_id  TEXT,
    prompt     TEXT,
    created_at INTEGER NOT NULL, -- microseconds since 1970
    sequence   INTEGER NOT NULL, -- of the last event in it
    document   BLOB    NOT NULL
) STRICT;
CREATE INDEX generations_by_time ON generations (tenant, created_at, id);
CREATE INDEX generations_by_campaign ON generations (tenant, campaign, created_at, id)
    WHERE campaign IS NOT NULL;
CREATE INDEX generations_by_custom_id ON generations (tenant, custom_id)
    WHERE custom_id IS NOT NULL;

-- Any part of a prompt from three characters on. The text itself is in `generations`.
CREATE VIRTUAL TABLE prompts USING fts5 (
    prompt, content = '', contentless_delete = 1, tokenize = 'trigram remove_diacritics 1'
);

-- What was asked for and what was drawn from.
CREATE TABLE seeds (
    seed   INTEGER NOT NULL,
    number INTEGER NOT NULL REFERENCES generations (number) ON DELETE CASCADE,
    PRIMARY KEY (seed, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX seeds_by_generation ON seeds (number);

-- Who was told of what.
CREATE TABLE deliveries (
    event_id   TEXT    NOT NULL,
    endpoint   TEXT    NOT NULL,
    generation TEXT    NOT NULL,
    status     INTEGER,          -- what the receiver answered; none if it never took the news
    attempts   INTEGER NOT NULL,
    at         INTEGER NOT NULL, -- microseconds since 1970
    error      TEXT,             -- what went wrong last; none if the receiver took the news
    PRIMARY KEY (event_id, endpoint)
) STRICT, WITHOUT ROWID;

-- The sequence of the last event written down.
CREATE TABLE position (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL
) STRICT;
INSERT INTO position VALUES (1, 0);
