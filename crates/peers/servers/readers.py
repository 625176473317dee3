"""Sessions of a lake as engines of others read them: readers.py ENGINE plain|highest FOLDER.

Each row is a line of JSON: tenant, day, id, revision, channel, began (ms), facts, outcome, how many
touches, the source of the first, how many orders, the total of the first as text, how many identities.
"""

import json
import os
import sys

SQL = """
SELECT tenant, CAST(dt AS {text}) AS dt, id, revision, channel, {began} AS began, event_count,
       disposition_name, {size}(touches) AS touches, touches[{one}].source AS source,
       {size}(orders) AS orders, CAST(orders[{one}].total AS {text}) AS total,
       {size}(identities) AS identities
FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY revision DESC) AS place FROM {table})
WHERE {which} ORDER BY id
"""


def sql(which, **words):
    return SQL.format(which="place = 1" if which == "highest" else "true", **words)


def duckdb(which, folder):
    import duckdb as engine

    table = f"read_parquet('{folder}/*/*/*.parquet', hive_partitioning = true)"
    words = {"text": "VARCHAR", "began": "epoch_ms(started_at)", "size": "len", "one": 1, "table": table}
    return engine.sql(sql(which, **words)).fetchall()


def spark(which, folder):
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.ansi.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    session.read.parquet(folder).createOrReplaceTempView("sessions")
    # An index of a list begins at 0 there; sizes of nothing are -1 by its older rules.
    words = {"text": "STRING", "began": "unix_millis(started_at)", "size": "array_size", "one": 0, "table": "sessions"}
    return [tuple(row) for row in session.sql(sql(which, **words)).collect()]


def polars(which, folder):
    import polars as pl

    endpoint = os.environ.get("PEERS_S3_ENDPOINT")
    options = endpoint and {
        "aws_endpoint_url": endpoint,
        "aws_access_key_id": "an-id",
        "aws_secret_access_key": "a-key",
        "aws_region": "us-east-1",
        "aws_allow_http": "true",
    }
    try:
        rows = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True, storage_options=options)
        rows.collect_schema()
    except (pl.exceptions.ComputeError, OSError) as error:
        if endpoint and "expanded paths were empty" in str(error):
            return []
        raise
    if which == "highest":
        rows = rows.sort("id", "revision").unique(subset="id", keep="last", maintain_order=True)
    first = lambda column, member: pl.col(column).list.first().struct.field(member)  # noqa: E731
    rows = rows.sort("id", "revision").select(
        pl.col("tenant"),
        pl.col("dt").cast(pl.String),
        "id",
        "revision",
        "channel",
        pl.col("started_at").dt.epoch("ms").alias("began"),
        "event_count",
        "disposition_name",
        pl.col("touches").list.len().cast(pl.Int64).alias("n_touches"),
        first("touches", "source").alias("source"),
        pl.col("orders").list.len().cast(pl.Int64).alias("n_orders"),
        first("orders", "total").cast(pl.String).alias("total"),
        pl.col("identities").list.len().cast(pl.Int64).alias("n_identities"),
    )
    return rows.collect().rows()


if __name__ == "__main__":
    engines = {"duckdb": duckdb, "polars": polars, "spark": spark}
    for row in engines[sys.argv[1]](sys.argv[2], sys.argv[3]):
        print(json.dumps(list(row)))
