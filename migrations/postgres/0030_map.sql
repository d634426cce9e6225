-- Maps: the draft that people edit and the snapshot that viewers see.
-- Owner, organisation, sharing and the time of the last change stand in asset, under the same id.
CREATE TABLE map (
    id                uuid   NOT NULL PRIMARY KEY REFERENCES asset (id) ON DELETE CASCADE,
    version           bigint NOT NULL,
    title             text   NOT NULL,
    draft             jsonb  NOT NULL,
    published         jsonb,
    published_at      timestamptz,
    published_version bigint
);
