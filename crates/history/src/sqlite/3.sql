-- When the log stored the last event written down, in nanoseconds since 1970. It tells the log from
-- another one that was made in its place, and counts from one again.
ALTER TABLE position ADD COLUMN stored_at INTEGER;
