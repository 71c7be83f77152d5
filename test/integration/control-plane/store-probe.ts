import pg from "pg";

/** Looks into the control plane's tables. */
export class StoreProbe {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async rows<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.#url });
    await client.connect();
    try {
      const { rows } = await client.query(sql, [...values]);
      return rows;
    } finally {
      await client.end();
    }
  }

  async generation(): Promise<bigint> {
    const [row] = await this.rows<{ generation: string }>("SELECT generation FROM sluice.fleet");
    return BigInt(row?.generation ?? -1);
  }
}
