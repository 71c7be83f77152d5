import { randomBytes, randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import {
  cancelRequest,
  cstring,
  GSSENC_REQUEST,
  int32,
  message,
  packet,
  SSL_REQUEST,
  startup,
} from "../support/protocol.js";
import { saslInitial } from "../support/raw-client.js";

/** The token of Supavisor's guide. */
const TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIiwiaWF0IjoxNjQ1MTkyODI0LCJleHAiOjE5NjA3Njg4MjR9.M9jrxyvPLkUxWgOYSf5dNdJ8v_eRrq810ShFRT8N-6M";
/** For a long run: FUZZ_CONNECTIONS=1000000. */
const CONNECTIONS = Number(process.env["FUZZ_CONNECTIONS"] ?? 8000);
const LONG = CONNECTIONS >= 100_000;
/** A short run is still filling its heap; it finds a leak of 50 KB a connection, a long one that of 100 bytes. */
const MOST_GROWTH_MB = LONG ? 50 : 200;
const AT_ONCE = 50;
const TIMEOUT_MS = 60_000 + CONNECTIONS;

const VALID = [
  startup({ user: "postgres.fuzz", database: "postgres" }),
  startup({ user: "nobody.fuzz", database: "postgres" }),
  startup({ user: "postgres.nobody" }),
  startup({ user: "postgres.fuzz", options: "-c search_path=x" }, 0x0003_0002),
  SSL_REQUEST,
  GSSENC_REQUEST,
  Buffer.concat([SSL_REQUEST, SSL_REQUEST]),
  cancelRequest(1, randomBytes(4)),
  cancelRequest(-1, randomBytes(32)),
  Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
  Buffer.from("1603010200010001fc0303", "hex"),
];
const FOLLOWING = [
  saslInitial("SCRAM-SHA-256", "n,,n=,r=abcdefgh"),
  saslInitial("SCRAM-SHA-256", "n,,n=,r=abcdefgh", 0x7fff_ffff),
  message("p", Buffer.from("c=biws,r=abcdefgh,p=AAAA")),
  message("p", Buffer.alloc(0), 0x7fff_ffff),
  message("Q", cstring("select 1")),
  message("X"),
  packet(0x0003_0000),
  int32(-1),
];

function pick<T>(items: readonly T[]): T {
  return items[randomInt(items.length)] as T;
}

/** Something valid, something damaged, or nothing of the kind. */
function attack(): Buffer {
  const parts = [pick(VALID)];
  while (randomInt(2) === 0) parts.push(pick(FOLLOWING));
  const whole = Buffer.concat(parts);
  switch (randomInt(4)) {
    case 0:
      return randomBytes(randomInt(1, 400));
    case 1:
      return whole;
    case 2:
      return whole.subarray(0, randomInt(whole.length + 1));
    default: {
      for (let i = randomInt(1, 5); i > 0; i--) whole[randomInt(whole.length)] = randomInt(256);
      return whole;
    }
  }
}

/** One bad connection to its end: written in up to three pieces, then left, reset or waited for. */
function strike(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const bytes = attack();
    const timer = setTimeout(() => socket.destroy(), randomInt(1, 40));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    socket.on("connect", () => {
      const at = randomInt(bytes.length + 1);
      socket.write(bytes.subarray(0, at));
      socket.write(bytes.subarray(at));
      if (randomInt(3) === 0) socket.resetAndDestroy();
      else if (randomInt(2) === 0) socket.end();
    });
  });
}

/** Of a process and its children, in MB. */
function residentMb(pid: number): number | undefined {
  try {
    const children = readdirSync("/proc").filter((name) => {
      if (!/^\d+$/.test(name)) return false;
      try {
        return Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]?.split(" ")[1]) === pid;
      } catch {
        return false;
      }
    });
    return [String(pid), ...children]
      .map((name) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${name}/status`, "utf8"))?.[1]) / 1024)
      .reduce((sum, mb) => sum + mb, 0);
  } catch {
    // No /proc on this system.
    return undefined;
  }
}

describe("a data plane among bad connections", () => {
  const server = inject("postgres");
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await startFleet({
      postgres: server,
      dataPlaneEnvironment: { LOG_LEVEL: "error", CANCEL_PEERS: "localhost:1" },
    });
    const answer = await fetch(`${fleet.controlPlane.url}/api/tenants/fuzz`, {
      method: "PUT",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({
        tenant: {
          db_host: "127.0.0.1",
          db_port: server.port,
          db_database: "postgres",
          require_user: true,
          users: [{ db_user: server.user, db_password: server.password, pool_size: 5 }],
        },
      }),
    });
    expect(answer.status).toBe(201);
    await eventually("a login", async () => {
      await (await logIn()).end();
      return true;
    });
  });
  afterAll(async () => {
    await fleet?.stop();
  });

  const logIn = async (): Promise<pg.Client> => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: fleet.dataPlane.ports.transaction,
      user: `${server.user}.fuzz`,
      password: server.password,
      database: "postgres",
    });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  const storm = async (connections: number): Promise<void> => {
    let left = connections;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await strike(randomInt(2) === 0 ? fleet.dataPlane.ports.transaction : fleet.dataPlane.ports.session);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };

  it(
    "does not fall, does not grow, and disturbs nobody",
    async () => {
      const { pid } = fleet.dataPlane;
      const client = await logIn();
      let attacking = true;
      let answers = 0;
      const bystander = (async () => {
        while (attacking) {
          const { rows } = await client.query("select $1::int as n", [answers]);
          expect(rows).toEqual([{ n: answers }]);
          answers += 1;
        }
      })();
      // The heap has found its size once garbage comes as fast as it goes; from there on it must not grow.
      await storm(CONNECTIONS / 2);
      const half = residentMb(pid);
      await storm(CONNECTIONS / 2);
      const end = residentMb(pid);
      attacking = false;
      await bystander;
      await client.end();
      expect(answers).toBeGreaterThan(20);
      expect(fleet.dataPlane.running).toBe(true);
      expect(fleet.dataPlane.pid).toBe(pid);
      expect(fleet.logs()).not.toMatch(/EINTERNAL|a worker ended|unhandled/i);
      // A new client logs in as before.
      await (await logIn()).end();
      if (half !== undefined && end !== undefined) expect(end - half).toBeLessThan(MOST_GROWTH_MB);
      if (LONG) console.log({ connections: CONNECTIONS, halfMb: half, endMb: end, answers });
    },
    TIMEOUT_MS,
  );
});
