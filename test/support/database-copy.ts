import pg from "pg";
import { inject } from "vitest";
import { createDatabase, type Database } from "./database.js";

/** A copy of a database as it is now, as a dump would be. Nobody may be connected to it. */
export async function copyOfDatabase(database: Database): Promise<Database> {
  const copy = await createDatabase();
  await copy.drop();
  const { host, port, user, password } = inject("postgres");
  const client = new pg.Client({ host, port, user, password, database: "postgres" });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${copy.database} TEMPLATE ${database.database} STRATEGY FILE_COPY`);
  } finally {
    await client.end();
  }
  return copy;
}
