import os

import psycopg2

tls = os.environ["TLS"]
conn = psycopg2.connect(
    host=os.environ["HOST"],
    port=os.environ["PORT"],
    user=os.environ["USER_NAME"],
    password=os.environ["PASSWORD"],
    dbname=os.environ["DATABASE"],
    application_name="psycopg2",
    **({"sslmode": "disable"} if tls == "off" else {"sslmode": "verify-full", "sslrootcert": tls}),
)
table = os.environ["TABLE"]
cur = conn.cursor()
for n in range(5):
    cur.execute("select %s::int + 1", (n,))
    assert cur.fetchone() == (n + 1,)
cur.execute(f"create table {table} (n int, t text)")
conn.commit()
cur.execute(f"insert into {table} values (%s, %s)", (1, "gone"))
conn.rollback()
cur.execute(f"insert into {table} values (%s, %s), (%s, %s)", (2, "größe 日本", 3, None))
conn.commit()
cur.execute(f"select n, t from {table} order by n")
assert cur.fetchall() == [(2, "größe 日本"), (3, None)]
try:
    cur.execute("select 1/0")
    raise AssertionError("no error")
except psycopg2.errors.DivisionByZero:
    conn.rollback()
cur.execute("select generate_series(1, 10000)")
assert sum(n for (n,) in cur.fetchall()) == 50005000
cur.execute(f"drop table {table}")
conn.commit()
conn.close()
print("ok")
