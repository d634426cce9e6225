-- Who did what. Lines outlive what they speak of, so nothing here refers to another table.
CREATE TABLE activity (
    id              UUID        NOT NULL PRIMARY KEY,
    organisation_id UUID,
    happened_at     TIMESTAMPTZ NOT NULL,
    kind            TEXT        NOT NULL,
    actor_kind      TEXT        NOT NULL,
    actor_id        UUID,
    target_kind     TEXT        NOT NULL,
    target_id       TEXT        NOT NULL,
    target_name     TEXT        NOT NULL,
    details         JSONB       NOT NULL
);

CREATE INDEX activity_of_organisation ON activity (organisation_id, happened_at, id);
