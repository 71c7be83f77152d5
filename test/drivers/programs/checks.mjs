import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import pg from "pg";
import postgres from "postgres";

const {
  HOST: host,
  PORT,
  USER_NAME: user,
  PASSWORD: password,
  DATABASE: database,
  TABLE: table,
  TLS,
} = process.env;
const port = Number(PORT);
const ssl = TLS === "off" ? false : { ca: readFileSync(TLS, "utf8"), servername: host };

if (process.argv[2] === "pg") {
  const client = new pg.Client({ host, port, user, password, database, ssl, application_name: "pg" });
  await client.connect();
  for (let n = 0; n < 5; n++) {
    const { rows } = await client.query({ name: "sum", text: "select $1::int + 1 as sum", values: [n] });
    assert.equal(rows[0].sum, n + 1);
  }
  await client.query(`create table ${table} (n int, t text)`);
  await client.query("begin");
  await client.query(`insert into ${table} values ($1, $2)`, [1, "gone"]);
  await client.query("rollback");
  await client.query("begin");
  await client.query(`insert into ${table} values ($1, $2), ($3, $4)`, [2, "größe 日本", 3, null]);
  await client.query("commit");
  const { rows } = await client.query(`select n, t from ${table} order by n`);
  assert.deepEqual(rows, [
    { n: 2, t: "größe 日本" },
    { n: 3, t: null },
  ]);
  await assert.rejects(client.query("select 1/0"), { code: "22012" });
  const many = await client.query("select generate_series(1, 10000) as n");
  assert.equal(
    many.rows.reduce((sum, row) => sum + row.n, 0),
    50005000,
  );
  await client.query(`drop table ${table}`);
  await client.end();
} else {
  const sql = postgres({
    host,
    port,
    user,
    password,
    database,
    ssl,
    max: 1,
    connection: { application_name: "postgres.js" },
  });
  for (let n = 0; n < 5; n++) assert.equal((await sql`select ${n}::int + 1 as sum`)[0].sum, n + 1);
  await sql.unsafe(`create table ${table} (n int, t text)`);
  await sql
    .begin(async (tx) => {
      await tx`insert into ${tx(table)} values (1, 'gone')`;
      throw new Error("on purpose");
    })
    .catch((error) => assert.equal(error.message, "on purpose"));
  await sql.begin((tx) => tx`insert into ${tx(table)} values (2, ${"größe 日本"}), (3, ${null})`);
  const rows = await sql`select n, t from ${sql(table)} order by n`;
  assert.deepEqual(
    [...rows],
    [
      { n: 2, t: "größe 日本" },
      { n: 3, t: null },
    ],
  );
  await assert.rejects(sql`select 1/0`, { code: "22012" });
  const many = await sql`select generate_series(1, 10000) as n`;
  assert.equal(
    many.reduce((sum, row) => sum + row.n, 0),
    50005000,
  );
  await sql`drop table ${sql(table)}`;
  await sql.end();
}
console.log("ok");
