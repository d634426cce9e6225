"""DuckDB for the bench: turns Parquet into CSV, or answers statements from standard input, one JSON object a line.

duckdb_peer.py csv QUERY
duckdb_peer.py serve DATABASE POINTS.parquet COUNTIES.parquet
"""

import glob
import json
import os
import sys

import duckdb


def connect(path=":memory:"):
    connection = duckdb.connect(path, config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    # The extension comes from PyPI as a file and is loaded by path: nothing is downloaded.
    packages = os.path.dirname(os.path.dirname(duckdb.__file__))
    files = glob.glob(f"{packages}/duckdb_extension_spatial/extensions/v{duckdb.__version__}/spatial.duckdb_extension")
    if not files:
        raise RuntimeError("the DuckDB extension spatial is not installed: pip install duckdb-extension-spatial")
    connection.execute(f"LOAD '{files[0]}'")
    return connection


def csv(query):
    connection = connect()
    connection.execute(f"COPY ({query}) TO '/dev/stdout' (FORMAT csv, HEADER false)")


def load(connection, points, counties):
    # Web Mercator beside each point, and rows along a Hilbert curve: the fastest layout that was found for tiles.
    connection.execute(f"""
        CREATE TABLE points AS
        SELECT id, cat, cc, value, seen, mx, my FROM (
            SELECT *, ln(tan(pi() / 4 + radians(ST_Y(geom)) / 2)) * 6378137.0 AS my,
                   radians(ST_X(geom)) * 6378137.0 AS mx FROM read_parquet('{points}'))
        ORDER BY ST_Hilbert(mx, my, {{'min_x': -20037508.34, 'min_y': -20037508.34,
                                     'max_x': 20037508.34, 'max_y': 20037508.34}}::BOX_2D)""")
    connection.execute(f"CREATE TABLE counties AS SELECT geoid, name, geom FROM read_parquet('{counties}')")
    connection.execute("CHECKPOINT")


def serve(database, points, counties):
    connection = connect(database)
    connection.execute("SET threads = 2")
    if not connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'counties'").fetchone()[0]:
        load(connection, points, counties)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        try:
            rows = connection.execute(json.loads(line)["sql"]).fetchall()
            print(json.dumps({"rows": len(rows)}), flush=True)
        except duckdb.Error as error:
            print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    {"csv": csv, "serve": serve}[sys.argv[1]](*sys.argv[2:])
