-- What people make and share: maps, connections and, later, more. Content stands in tables of the rooms that share the id.
CREATE TABLE asset (
    id              UUID        NOT NULL PRIMARY KEY,
    kind            TEXT        NOT NULL,
    organisation_id UUID        NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    owner_id        UUID        REFERENCES person (id) ON DELETE SET NULL,
    sharing         TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL
);

CREATE INDEX asset_of_organisation ON asset (organisation_id, kind, updated_at, id);
CREATE INDEX asset_of_owner ON asset (owner_id);

