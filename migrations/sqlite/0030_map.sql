-- Maps: the draft that people edit and the snapshot that viewers see.
-- Owner, organisation, sharing and the time of the last change stand in asset, under the same id.
CREATE TABLE map (
    id                BLOB    NOT NULL PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
    version           INTEGER NOT NULL,
    title             TEXT    NOT NULL,
    draft             TEXT    NOT NULL,
    published         TEXT,
    published_at      TEXT,
    published_version INTEGER
) STRICT;
