-- The durable queue and its schedules.
CREATE TABLE job (
    id               BLOB    NOT NULL PRIMARY KEY,
    kind             TEXT    NOT NULL,
    payload          TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    dedupe_key       TEXT,
    organisation_id  BLOB,
    created_by       TEXT,
    created_at       TEXT    NOT NULL,
    run_at           TEXT    NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    max_attempts     INTEGER NOT NULL,
    worker           TEXT,
    lease_until      TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    progress_done    INTEGER,
    progress_total   INTEGER,
    progress_unit    TEXT,
    result           TEXT,
    error            TEXT,
    finished_at      TEXT
) STRICT;

CREATE INDEX job_to_run ON job (run_at, id) WHERE state = 'queued';
CREATE INDEX job_leased ON job (lease_until) WHERE state = 'running';
CREATE INDEX job_finished ON job (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX job_of_organisation ON job (organisation_id, created_at, id);
-- A key may be used again once its job has ended.
CREATE UNIQUE INDEX job_dedupe ON job (kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running');

CREATE TABLE job_schedule (
    name    TEXT NOT NULL PRIMARY KEY,
    cron    TEXT NOT NULL,
    next_at TEXT NOT NULL
) STRICT;
