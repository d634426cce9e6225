-- Tables that a person keeps at hand.
CREATE TABLE table_bookmark (
    person_id     BLOB NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    connection_id BLOB NOT NULL,
    table_name    TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    PRIMARY KEY (person_id, connection_id, table_name)
) STRICT;
