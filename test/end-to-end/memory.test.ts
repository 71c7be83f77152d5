import { randomBytes } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { familyOf } from "../benchmark/processes.js";
import { countInMemory } from "../support/process-memory.js";
import { connectTo, putTenant, served } from "../support/tenant-api.js";

function canReadMemory(): boolean {
  try {
    accessSync("/proc/self/mem", constants.R_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** A secret that stands nowhere else. */
const secret = (): string => `Secret-${randomBytes(12).toString("hex")}`;

describe.skipIf(!canReadMemory())(
  "the memory of a data plane (where root can read /proc/PID/mem)",
  { timeout: 120_000 },
  () => {
    const { host, port, user, password } = inject("postgres");
    const unused = { id: `unused_${randomBytes(6).toString("hex")}`, password: secret() };
    const used = {
      id: `used_${randomBytes(6).toString("hex")}`,
      role: `role_${randomBytes(6).toString("hex")}`,
      password: secret(),
    };
    let admin: pg.Client;
    let fleet: Fleet;

    beforeAll(async () => {
      admin = new pg.Client({ host, port, user, password, database: "postgres" });
      await admin.connect();
      await admin.query(`CREATE ROLE ${used.role} LOGIN PASSWORD '${used.password}'`);
      fleet = await startFleet({ postgres: { host, port, user, password } });
      const database = { db_host: host, db_port: port, db_database: "postgres", require_user: true };
      for (const [id, dbUser, dbPassword] of [
        [unused.id, "nobody", unused.password],
        [used.id, used.role, used.password],
      ] as const) {
        const answer = await putTenant(fleet, id, {
          ...database,
          users: [{ db_user: dbUser, db_password: dbPassword, pool_size: 2 }],
        });
        expect(answer.status).toBe(201);
      }
      await served(fleet, used.id, { user: used.role, password: used.password });
    });
    afterAll(async () => {
      await fleet?.stop();
      await admin?.query(`DROP ROLE IF EXISTS ${used.role}`);
      await admin?.end();
    });

    /** In the primary and all workers together. */
    const found = (texts: readonly string[]): number[] => {
      const pids = familyOf(fleet.dataPlane.pid);
      expect(pids.length).toBeGreaterThan(1);
      return pids
        .map((pid) => countInMemory(pid, texts))
        .reduce((sum, counts) => sum.map((count, index) => count + (counts[index] ?? 0)));
    };

    it("has the configuration, and no password of a tenant that nobody has used: neither from the stream nor from disk", async () => {
      const look = (): void => {
        const [record, cleartext] = found([unused.id, unused.password]);
        // The search finds what is there: the record that holds the sealed password.
        expect(record).toBeGreaterThan(0);
        expect(cleartext).toBe(0);
      };
      look();
      // Somebody who does not know it tries: he is held against the verifier.
      await expect(
        connectTo(fleet, unused.id, { user: "nobody", password: "a guess" }),
      ).rejects.toMatchObject({
        code: "28P01",
      });
      look();
      await fleet.dataPlane.stop();
      await fleet.dataPlane.start();
      await served(fleet, used.id, { user: used.role, password: used.password });
      look();
    });
  },
);
