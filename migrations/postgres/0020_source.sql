-- What an organisation calls its embedded warehouse, once it has renamed it.
CREATE TABLE embedded_connection (
    organisation_id UUID        NOT NULL PRIMARY KEY,
    name            TEXT        NOT NULL,
    renamed_at      TIMESTAMPTZ NOT NULL
);

-- Sources that clients asked to draw, under the hash that stands in tile URLs.
CREATE TABLE source_instantiation (
    hash            TEXT        NOT NULL PRIMARY KEY,
    organisation_id UUID        NOT NULL,
    -- Text and not jsonb, which would lose the order of keys and the spelling of numbers.
    document        TEXT        NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    last_used_at    TIMESTAMPTZ NOT NULL
);

CREATE INDEX source_instantiation_used ON source_instantiation (last_used_at);
