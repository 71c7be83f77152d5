import pg from "pg";

const DUPLICATE_DATABASE = "42P04";

export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

async function run(server: Server, sql: string): Promise<void> {
  const { host, port, user, password } = server;
  const client = new pg.Client({
    ...{ host, port, user, password, database: "postgres" },
    connectionTimeoutMillis: 10_000,
    query_timeout: 30_000,
  });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** `name` comes from our own code: letters, digits and underscores. One that is there already is left as it is. */
export async function createDatabase(server: Server, name: string): Promise<string> {
  try {
    await run(server, `CREATE DATABASE ${name}`);
  } catch (error) {
    const known = error instanceof pg.DatabaseError && error.code === DUPLICATE_DATABASE;
    if (!known) throw error;
  }
  return databaseUrl(server, name);
}

export async function dropDatabase(server: Server, name: string): Promise<void> {
  await run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

export function databaseUrl({ host, port, user, password }: Server, name: string): string {
  return `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${name}`;
}
