-- Sessions and API access tokens; of their secrets only SHA-256 hashes.
CREATE TABLE session (
    id           UUID        NOT NULL PRIMARY KEY,
    person_id    UUID        NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    secret_hash  BYTEA       NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX session_secret ON session (secret_hash);
CREATE INDEX session_of_person ON session (person_id, created_at, id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE api_token (
    id              UUID        NOT NULL PRIMARY KEY,
    organisation_id UUID        NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    -- Null for the token of a public map.
    owner_id        UUID        REFERENCES person (id) ON DELETE CASCADE,
    name            TEXT        NOT NULL,
    secret_hash     BYTEA       NOT NULL,
    -- The last characters of the secret, so that its owner recognises it.
    hint            TEXT        NOT NULL,
    apis            JSONB       NOT NULL,
    grants          JSONB       NOT NULL,
    referers        JSONB       NOT NULL,
    -- The asset that it lets strangers read, if it is the token of one.
    asset_id        UUID        REFERENCES asset (id) ON DELETE CASCADE,
    created_at      TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX api_token_secret ON api_token (secret_hash);
CREATE UNIQUE INDEX api_token_name ON api_token (owner_id, name) WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX api_token_asset ON api_token (asset_id) WHERE asset_id IS NOT NULL;
