-- Who did what. Lines outlive what they speak of, so nothing here refers to another table.
CREATE TABLE activity (
    id              BLOB NOT NULL PRIMARY KEY,
    organisation_id BLOB,
    happened_at     TEXT NOT NULL,
    kind            TEXT NOT NULL,
    actor_kind      TEXT NOT NULL,
    actor_id        BLOB,
    target_kind     TEXT NOT NULL,
    target_id       TEXT NOT NULL,
    target_name     TEXT NOT NULL,
    details         TEXT NOT NULL
) STRICT;

CREATE INDEX activity_of_organisation ON activity (organisation_id, happened_at, id);
