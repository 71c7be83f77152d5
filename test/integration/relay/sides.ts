import { randomBytes } from "node:crypto";
import { expect, inject } from "vitest";
import { createDatabase, type Database } from "../../support/database.js";
import { cstring, errorFields, int32, message, query, type RawMessage } from "../../support/protocol.js";
import { RawClient } from "../../support/raw-client.js";
import { Edge, type EdgeTenant, tenantOn } from "../login/edge.js";

/** Messages of the extended protocol, written by hand. */
export const parse = (name: string, sql: string, types: readonly number[] = []): Buffer =>
  message("P", Buffer.concat([cstring(name), cstring(sql), int16(types.length), ...types.map(int32)]));
export const bind = (statement: string, values: readonly (string | null)[] = [], portal = ""): Buffer =>
  message(
    "B",
    Buffer.concat([
      cstring(portal),
      cstring(statement),
      int16(0),
      int16(values.length),
      ...values.map((value) =>
        value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
      ),
      int16(0),
    ]),
  );
export const describeStatement = (name: string): Buffer => message("D", Buffer.from(`S${name}\0`));
export const describePortal = (name = ""): Buffer => message("D", Buffer.from(`P${name}\0`));
export const execute = (portal = "", rows = 0): Buffer =>
  message("E", Buffer.concat([cstring(portal), int32(rows)]));
export const closeStatement = (name: string): Buffer => message("C", Buffer.from(`S${name}\0`));
export const closePortal = (name: string): Buffer => message("C", Buffer.from(`P${name}\0`));
export const sync = message("S");
export const flush = message("H");
export const copyData = (text: string): Buffer => message("d", Buffer.from(text));
export const copyDone = message("c");
export const copyFail = (why: string): Buffer => message("f", cstring(why));
export { query };

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** One write, and how many ReadyForQuery (or other messages) end the wait for its answers. */
export interface Turn {
  readonly send: readonly Buffer[];
  /** Default: one ReadyForQuery for each Query and Sync in it. */
  readonly until?: readonly [type: string, count: number];
}

export type Script = readonly (Turn | readonly Buffer[])[];

/** A database, and the ways to it: directly, and through a data plane with a pool of the given size. */
export class Sides {
  readonly edge: Edge;
  readonly database: Database;
  readonly tenant: string;

  private constructor(edge: Edge, database: Database, tenant: string) {
    this.edge = edge;
    this.database = database;
    this.tenant = tenant;
  }

  static async start(poolSize = 1, change: Partial<EdgeTenant> = {}): Promise<Sides> {
    const server = inject("postgres");
    const database = await createDatabase();
    const edge = await Edge.start();
    const tenant = `t${randomBytes(4).toString("hex")}`;
    const users = [{ name: server.user, password: server.password, manager: true, poolSize }];
    await edge.put(tenant, tenantOn(server, { dbDatabase: database.database, users, ...change }));
    return new Sides(edge, database, tenant);
  }

  async stop(): Promise<void> {
    await this.edge.stop();
    await this.database.drop();
  }

  async direct(startup: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const { port, user, password, database } = this.database;
    const client = await RawClient.connect(port);
    await client.logIn({ user, database, ...startup }, { password });
    return client;
  }

  async pooled(
    startup: Readonly<Record<string, string>> = {},
    mode: "transaction" | "session" = "transaction",
  ): Promise<RawClient> {
    const { user, password, database } = this.database;
    const client = await RawClient.connect(mode === "session" ? this.edge.sessionPort : this.edge.port);
    await client.logIn({ user: `${user}.${this.tenant}`, database, ...startup }, { password });
    return client;
  }

  /** The script's answers, the same from both; returned for further questions. */
  async same(script: Script, startup: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
    const direct = await this.direct(startup);
    const expected = await play(direct, script);
    direct.close();
    const pooled = await this.pooled(startup);
    const got = await play(pooled, script).catch((error: unknown) => {
      throw new Error(`expected ${JSON.stringify(expected)}`, { cause: error });
    });
    pooled.close();
    expect(got).toEqual(expected);
    return got;
  }
}

/** Sends turn by turn, and tells what came as one line a message. */
export async function play(client: RawClient, script: Script): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const step of script) {
    const turn: Turn = "send" in step ? step : { send: step };
    client.send(...turn.send);
    const [type, count] = turn.until ?? ["Z", readiesOf(turn.send)];
    lines.push(...(await answers(client, type, count)));
  }
  // Whatever came too much would be in front of this.
  client.send(query("select 'the end'"));
  lines.push(...(await answers(client, "Z", 1)));
  return lines;
}

export async function answers(client: RawClient, type: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for (let left = count; left > 0; ) {
    const got = await client.message().catch((error: unknown) => {
      throw new Error(`after ${JSON.stringify(lines)}`, { cause: error });
    });
    lines.push(lineOf(got));
    if (got.type === type) left -= 1;
  }
  return lines;
}

function readiesOf(messages: readonly Buffer[]): number {
  return messages.filter((bytes) => bytes[0] === 0x51 || bytes[0] === 0x53).length;
}

function lineOf({ type, body }: RawMessage): string {
  if (type === "E" || type === "N") {
    const { S, C, M, P } = errorFields(body);
    return `${type} ${S} ${C} ${M}${P === undefined ? "" : ` at ${P}`}`;
  }
  const shown = type === "T" ? withoutTables(body) : body;
  return `${type} ${shown.toString("latin1").replaceAll("\0", "·")}`;
}

/** A RowDescription, without the numbers of the tables that its columns come from. */
function withoutTables(body: Buffer): Buffer {
  const shown = Buffer.from(body);
  let at = 2;
  for (let left = shown.readInt16BE(0); left > 0; left--) {
    at = shown.indexOf(0, at) + 1;
    shown.fill(0, at, at + 4);
    at += 18;
  }
  return shown;
}
