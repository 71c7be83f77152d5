import asyncio
import os
import ssl

import asyncpg


async def main():
    tls = os.environ["TLS"]
    conn = await asyncpg.connect(
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        user=os.environ["USER_NAME"],
        password=os.environ["PASSWORD"],
        database=os.environ["DATABASE"],
        server_settings={"application_name": "asyncpg"},
        ssl=False if tls == "off" else ssl.create_default_context(cafile=tls),
    )
    table = os.environ["TABLE"]
    for n in range(5):
        assert await conn.fetchval("select $1::int + 1", n) == n + 1
    await conn.execute(f"create table {table} (n int, t text)")
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(f"insert into {table} values ($1, $2)", 1, "gone")
    await transaction.rollback()
    async with conn.transaction():
        await conn.executemany(f"insert into {table} values ($1, $2)", [(2, "größe 日本"), (3, None)])
    rows = [tuple(row) for row in await conn.fetch(f"select n, t from {table} order by n")]
    assert rows == [(2, "größe 日本"), (3, None)], rows
    try:
        await conn.fetchval("select 1/0")
        raise AssertionError("no error")
    except asyncpg.DivisionByZeroError:
        pass
    assert sum(row[0] for row in await conn.fetch("select generate_series(1, 10000)")) == 50005000
    await conn.execute(f"drop table {table}")
    await conn.close()


asyncio.run(main())
print("ok")
