-- The embedded warehouse's own tables, beside the open catalog (ducklake_*), which the warehouse makes itself.

-- Ranges of the hidden key columns of each data file that we wrote. A file without a row here has none of our keys.
CREATE TABLE warehouse_file_keys (
    data_file_id INTEGER NOT NULL PRIMARY KEY,
    table_id INTEGER NOT NULL,
    qb_min INTEGER,
    qb_max INTEGER,
    lod_min INTEGER,
    lod_max INTEGER,
    -- Longitudes and latitudes around all geometries of the file.
    west REAL,
    south REAL,
    east REAL,
    north REAL,
    -- Rows whose geometry is null or not finite.
    rows_without_key INTEGER NOT NULL,
    -- The file has _xmin, _ymin, _xmax, _ymax.
    has_bounds INTEGER NOT NULL,
    -- The geometry column that the keys were made from.
    column_id INTEGER NOT NULL,
    -- Files of one election chose their representatives of each grid cell together.
    election BLOB NOT NULL
) STRICT;
CREATE INDEX warehouse_file_keys_table ON warehouse_file_keys (table_id);

-- Servers that write files; one that has not been seen for a while is gone.
CREATE TABLE warehouse_writer (
    id BLOB NOT NULL PRIMARY KEY,
    -- The same for all writers of one process.
    process BLOB NOT NULL,
    seen_at TEXT NOT NULL
) STRICT;

-- Files that stand in the storage, or may, but in no snapshot yet. What a gone writer left here is removed.
CREATE TABLE warehouse_pending_file (
    path TEXT NOT NULL PRIMARY KEY,
    writer BLOB NOT NULL,
    -- Somebody is removing the file: it must not be committed any more.
    is_being_removed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX warehouse_pending_file_writer ON warehouse_pending_file (writer);
