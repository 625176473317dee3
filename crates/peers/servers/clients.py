"""What clients of PostgreSQL make of a server: clients.py psycopg|sqlalchemy, a JSON object on standard output.

Where it is comes from PGHOST, PGPORT, PGUSER and PGPASSWORD. Each member is what one use of the client gave.
"""

import datetime
import decimal
import json
import os
import sys

WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def told(value):
    if isinstance(value, (datetime.datetime, datetime.date, decimal.Decimal)):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value))


def psycopg():
    import psycopg

    answer = {}
    with psycopg.connect("", autocommit=True) as connection:
        answer["parameters"] = {name: connection.info.parameter_status(name) for name in ("server_version", "TimeZone")}
        for binary in (False, True):
            cursor = connection.cursor(binary=binary)
            ask = lambda text, *values: cursor.execute(text, values).fetchall()  # noqa: E731
            answer["binary" if binary else "text"] = {
                "values": ask("SELECT %s AS a, %s AS b, %s AS c, %s::text AS d, %s AS e", 1, "x", 1.5, None, True),
                "channels": ask("SELECT channel, count(*) FROM sessions WHERE channel = %s GROUP BY 1", "web"),
                "since": ask("SELECT count(*) FROM sessions WHERE started_at >= %s AND event_count > %s", WHEN, 0),
                "listed": ask("SELECT count(*) FROM sessions WHERE channel = ANY(%s)", ["web", "voice"]),
                "began": ask("SELECT started_at FROM sessions ORDER BY started_at LIMIT 1"),
                "totals": ask("SELECT sum(total) FROM orders"),
                "touches": ask("SELECT touches FROM sessions WHERE array_length(touches) > 0 ORDER BY id LIMIT 1")[0][0][0]["source"],
            }
        again = [connection.execute("SELECT %s::int8 + 1", (n,), prepare=True).fetchone()[0] for n in range(7)]
        answer["prepared"] = again
        codes = {}
        for text in ("INSERT INTO sessions VALUES (1)", "SELECT * FROM nothing", "SELECT nothing FROM sessions", "SELEC"):
            try:
                connection.execute(text)
            except psycopg.Error as error:
                codes[text] = error.sqlstate
        answer["codes"] = codes
    with psycopg.connect("") as connection:
        with connection.cursor("walker") as cursor:
            cursor.itersize = 7
            cursor.execute("SELECT id FROM sessions")
            answer["cursor"] = len(list(cursor))
    return answer


def sqlalchemy():
    import pandas
    import sqlalchemy as sa

    url = sa.URL.create(
        "postgresql+psycopg",
        os.environ["PGUSER"],
        os.environ["PGPASSWORD"],
        os.environ["PGHOST"],
        int(os.environ["PGPORT"]),
        "sessionary",
    )
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    columns = {column["name"]: str(column["type"]) for column in inspector.get_columns("sessions")}
    frame = pandas.read_sql(
        sa.text("SELECT channel, count(*) AS sessions, min(started_at) AS first FROM sessions WHERE channel = :c GROUP BY 1"),
        engine,
        params={"c": "web"},
    )
    orders = pandas.read_sql_table("orders", engine, columns=["session_id", "total"])
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = [len(chunk) for chunk in pandas.read_sql(sa.text("SELECT id FROM sessions"), connection, chunksize=20)]
    return {
        "tables": sorted(inspector.get_table_names()),
        "views": inspector.get_view_names(),
        "schemas": inspector.get_schema_names(),
        "has": [inspector.has_table("sessions"), inspector.has_table("nothing")],
        "columns": {name: columns[name] for name in ("id", "started_at", "event_count", "touches", "merged_ids")},
        "reflected": len(sa.Table("sessions", sa.MetaData(), autoload_with=engine).columns) == len(columns),
        "primary_key": inspector.get_pk_constraint("sessions")["constrained_columns"],
        "others": [
            inspector.get_foreign_keys("sessions"),
            inspector.get_indexes("sessions"),
            inspector.get_unique_constraints("sessions"),
            inspector.get_check_constraints("sessions"),
        ],
        "frame": frame.to_dict("records"),
        "types": [str(kind) for kind in frame.dtypes],
        "orders": len(orders),
        "chunks": sum(chunks),
    }


if __name__ == "__main__":
    clients = {"psycopg": psycopg, "sqlalchemy": sqlalchemy}
    print(json.dumps(clients[sys.argv[1]](), default=told))
