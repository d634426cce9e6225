-- Organisations, their people, and how the first one is set up.
CREATE TABLE organisation (
    id         UUID        NOT NULL PRIMARY KEY,
    name       TEXT        NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE person (
    id              UUID        NOT NULL PRIMARY KEY,
    organisation_id UUID        NOT NULL REFERENCES organisation (id) ON DELETE CASCADE,
    email           TEXT        NOT NULL,
    name            TEXT        NOT NULL,
    password_hash   TEXT,
    is_owner        BOOLEAN     NOT NULL DEFAULT FALSE,
    created_at      TIMESTAMPTZ NOT NULL,
    last_sign_in_at TIMESTAMPTZ
);

-- E-mail addresses are kept in lower case.
CREATE UNIQUE INDEX person_email ON person (email);
CREATE UNIQUE INDEX person_owner ON person (organisation_id) WHERE is_owner;

-- At most one row: the link that claims an installation that has no organisation yet.
CREATE TABLE claim_link (
    number      INTEGER     NOT NULL PRIMARY KEY CHECK (number = 1),
    secret_hash BYTEA       NOT NULL,
    expires_at  TIMESTAMPTZ NOT NULL
);
