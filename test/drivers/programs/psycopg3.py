import os

import psycopg

tls = os.environ["TLS"]
with psycopg.connect(
    host=os.environ["HOST"],
    port=os.environ["PORT"],
    user=os.environ["USER_NAME"],
    password=os.environ["PASSWORD"],
    dbname=os.environ["DATABASE"],
    application_name="psycopg 3",
    **({"sslmode": "disable"} if tls == "off" else {"sslmode": "verify-full", "sslrootcert": tls}),
) as conn:
    conn.autocommit = True
    table = os.environ["TABLE"]
    for n in range(5):
        assert conn.execute("select %s::int + 1", (n,), prepare=True).fetchone() == (n + 1,)
    conn.execute(f"create table {table} (n int, t text)")
    with conn.transaction(force_rollback=True):
        conn.execute(f"insert into {table} values (%s, %s)", (1, "gone"))
    with conn.transaction():
        conn.execute(f"insert into {table} values (%s, %s), (%s, %s)", (2, "größe 日本", 3, None))
    rows = conn.execute(f"select n, t from {table} order by n").fetchall()
    assert rows == [(2, "größe 日本"), (3, None)], rows
    try:
        conn.execute("select 1/0")
        raise AssertionError("no error")
    except psycopg.errors.DivisionByZero:
        pass
    with conn.pipeline():
        first = conn.execute("select 1")
        second = conn.execute("select 2")
    assert (first.fetchone(), second.fetchone()) == ((1,), (2,))
    assert sum(n for (n,) in conn.execute("select generate_series(1, 10000)")) == 50005000
    conn.execute(f"drop table {table}")
print("ok")
