-- The embedded warehouse's own tables, beside the open catalog (ducklake.*), which the warehouse makes itself.

-- Ranges of the hidden key columns of each data file that we wrote. A file without a row here has none of our keys.
CREATE TABLE warehouse_file_keys (
    data_file_id bigint NOT NULL PRIMARY KEY,
    table_id bigint NOT NULL,
    qb_min bigint,
    qb_max bigint,
    lod_min bigint,
    lod_max bigint,
    -- Longitudes and latitudes around all geometries of the file.
    west double precision,
    south double precision,
    east double precision,
    north double precision,
    -- Rows whose geometry is null or not finite.
    rows_without_key bigint NOT NULL,
    -- The file has _xmin, _ymin, _xmax, _ymax.
    has_bounds boolean NOT NULL,
    -- The geometry column that the keys were made from.
    column_id bigint NOT NULL,
    -- Files of one election chose their representatives of each grid cell together.
    election uuid NOT NULL
);
CREATE INDEX warehouse_file_keys_table ON warehouse_file_keys (table_id);

-- Servers that write files; one that has not been seen for a while is gone.
CREATE TABLE warehouse_writer (
    id uuid NOT NULL PRIMARY KEY,
    -- The same for all writers of one process.
    process uuid NOT NULL,
    seen_at timestamptz NOT NULL
);

-- Files that stand in the storage, or may, but in no snapshot yet. What a gone writer left here is removed.
CREATE TABLE warehouse_pending_file (
    path text NOT NULL PRIMARY KEY,
    writer uuid NOT NULL,
    -- Somebody is removing the file: it must not be committed any more.
    is_being_removed boolean NOT NULL DEFAULT false
);
CREATE INDEX warehouse_pending_file_writer ON warehouse_pending_file (writer);
