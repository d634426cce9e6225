"""DuckDB as the judge of the lake's format: attaches a lake and runs statements on it.

Reads one JSON object from standard input:
    attach      what stands behind `ducklake:`, such as "sqlite:/data/groma.db"
    schema      the metadata schema, for PostgreSQL
    data_path   only when DuckDB is to make the lake
    s3          endpoint, key and secret of a bucket, when the data stands in one
    statements  SQL texts; the lake is called `lake`
Writes one JSON object: {"results": [rows of each statement, values as text]} or {"error": "…"}.

The extensions come from PyPI as files and are loaded by path: nothing is downloaded.
"""

import glob
import json
import os
import sys

import duckdb

EXTENSIONS = ["httpfs", "sqlite_scanner", "postgres_scanner", "spatial", "ducklake"]


def connect():
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    packages = os.path.dirname(os.path.dirname(duckdb.__file__))
    for name in EXTENSIONS:
        pattern = f"{packages}/duckdb_extension_{name}/extensions/v{duckdb.__version__}/{name}.duckdb_extension"
        files = glob.glob(pattern)
        if not files:
            raise RuntimeError(f"the DuckDB extension {name} is not installed ({pattern})")
        connection.execute(f"LOAD '{files[0]}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def attach(connection, request):
    options = []
    if request.get("schema"):
        options.append(f"METADATA_SCHEMA '{request['schema']}'")
    if request.get("data_path"):
        options.append(f"DATA_PATH '{request['data_path']}'")
    suffix = f" ({', '.join(options)})" if options else ""
    bucket = request.get("s3")
    if bucket:
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{bucket['key']}', SECRET '{bucket['secret']}', REGION 'us-east-1', "
            f"ENDPOINT '{bucket['endpoint']}', URL_STYLE 'path', USE_SSL false)"
        )
    connection.execute(f"ATTACH 'ducklake:{request['attach']}' AS lake{suffix}")


def main():
    request = json.load(sys.stdin)
    try:
        connection = connect()
        attach(connection, request)
        results = []
        for statement in request["statements"]:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            results.append([[None if value is None else str(value) for value in row] for row in rows])
        print(json.dumps({"results": results}))
    except Exception as error:  # the caller shows it
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))


main()
