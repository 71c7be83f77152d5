import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";

/** Apart from `postgres`, which is a tenant's in the guide. */
export const EMBEDDED_DATABASE = "sluice";

const DUPLICATE_DATABASE = "42P04";

export interface EmbeddedDatabase {
  readonly url: string;
  stop(): Promise<void>;
}

/** Development without a DATABASE_URL: a real Postgres below this process, and our database in it. */
export async function startEmbeddedDatabase(
  folder: string,
  port: number,
  report: (line: string) => void,
): Promise<EmbeddedDatabase> {
  // One that runs on this folder already is somebody's: it is used, and left running.
  const server = await EmbeddedPostgres.start({ folder, port, report, leftover: "adopt" });
  const stop = (): Promise<void> => (server.adopted ? Promise.resolve() : server.stop());
  const { host, user, password } = server;
  const client = new pg.Client({
    host,
    port: server.port,
    user,
    password,
    database: "postgres",
    connectionTimeoutMillis: 5000,
    query_timeout: 10_000,
  });
  try {
    await client.connect();
    await client.query(`CREATE DATABASE ${EMBEDDED_DATABASE}`).catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError && error.code === DUPLICATE_DATABASE)) throw error;
    });
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
  return {
    url: `postgresql://${user}:${encodeURIComponent(password)}@${host}:${server.port}/${EMBEDDED_DATABASE}`,
    stop,
  };
}
