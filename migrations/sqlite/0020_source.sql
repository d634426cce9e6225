-- What an organisation calls its embedded warehouse, once it has renamed it.
CREATE TABLE embedded_connection (
    organisation_id BLOB NOT NULL PRIMARY KEY,
    name            TEXT NOT NULL,
    renamed_at      TEXT NOT NULL
) STRICT;

-- Sources that clients asked to draw, under the hash that stands in tile URLs.
CREATE TABLE source_instantiation (
    hash            TEXT NOT NULL PRIMARY KEY,
    organisation_id BLOB NOT NULL,
    document        TEXT NOT NULL,
    created_at      TEXT NOT NULL,
    last_used_at    TEXT NOT NULL
) STRICT;

CREATE INDEX source_instantiation_used ON source_instantiation (last_used_at);
