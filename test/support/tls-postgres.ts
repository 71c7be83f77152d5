import { X509Certificate } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import pg from "pg";
import type { Pair } from "./certificates.js";
import { eventually } from "./eventually.js";
import type { PostgresCluster } from "./postgres-cluster.js";
import { RawClient } from "./raw-client.js";

/** A Postgres of a suite's own that speaks TLS, and shows another certificate when it is told to. */
export class TlsPostgres implements PostgresCluster {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly #postgres: EmbeddedPostgres;
  readonly #folder: string;

  private constructor(postgres: EmbeddedPostgres, folder: string) {
    this.#postgres = postgres;
    this.#folder = folder;
    this.host = postgres.host;
    this.port = postgres.port;
    this.user = postgres.user;
    this.password = postgres.password;
  }

  static async start(pair: Pair): Promise<TlsPostgres> {
    // Not os.tmpdir(): a private TMPDIR would keep the server's account out.
    const folder = mkdtempSync("/tmp/sluice-test-tls-postgres-");
    chmodSync(folder, 0o711);
    const postgres = await EmbeddedPostgres.start({
      folder: join(folder, "data"),
      port: 0,
      fsync: false,
      maxConnections: 50,
    });
    const server = new TlsPostgres(postgres, folder);
    await server.show(pair);
    return server;
  }

  /** New connections are shown this certificate once it returns. */
  async show({ cert, key }: Pair): Promise<void> {
    const name = `at_${process.hrtime.bigint()}`;
    await this.run(async (client) => {
      const { rows } = await client.query<{ folder: string }>(
        "SELECT current_setting('data_directory') AS folder",
      );
      // Written by the server itself, so that the key is its own.
      for (const [kind, text] of [
        ["crt", cert],
        ["key", key],
      ] as const) {
        const path = join(rows[0]?.folder ?? "", `${name}.${kind}`);
        await client.query(
          `COPY (SELECT unnest(string_to_array(${pg.escapeLiteral(text.trim())}, E'\\n'))) TO ${pg.escapeLiteral(path)}`,
        );
        chmodSync(path, 0o600);
      }
      await client.query(`ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`);
      await client.query(`ALTER SYSTEM SET ssl_key_file = '${name}.key'`);
      await client.query("ALTER SYSTEM SET ssl = on");
      await client.query("SELECT pg_reload_conf()");
    });
    const wanted = new X509Certificate(cert).fingerprint256;
    await eventually("the certificate is shown", async () => {
      const client = await RawClient.connect(this.port);
      try {
        return (await client.requestTls()).getPeerCertificate().fingerprint256 === wanted;
      } finally {
        client.close();
      }
    });
  }

  async run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const { host, port, user, password } = this;
    const client = new pg.Client({ host, port, user, password, database: "postgres" });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async stop(): Promise<void> {
    await this.#postgres.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(this.#postgres.folder, { recursive: true, force: true });
  }
}
