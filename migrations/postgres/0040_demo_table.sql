-- Which version of each demo table was loaded, so that it is loaded once.
CREATE TABLE demo_table (
    name TEXT NOT NULL PRIMARY KEY,
    content TEXT NOT NULL
);
