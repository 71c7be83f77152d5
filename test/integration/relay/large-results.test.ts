import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import type { RawClient } from "../../support/raw-client.js";
import { query, Sides } from "./sides.js";

const CLIENTS = 6;
const TURNS = 3;
const WAIT_MS = 20_000;

/** Some 18 MB that only this client asks for: more than the kernel holds of what nobody reads. */
const asks = (client: number): Buffer =>
  query(`select repeat('${String.fromCharCode(97 + client)}', 2977 + n % 311), n
    from generate_series(1, 6000) n`);

/** What one question is answered with; `stops`: whoever reads it begins once that has come true. */
async function answerOf(
  client: RawClient,
  question: Buffer,
  stops?: () => Promise<unknown>,
): Promise<string> {
  const { socket } = client;
  const hash = createHash("sha256");
  let tail = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the answer did not end")), WAIT_MS);
    const take = (segment: Buffer): void => {
      hash.update(segment);
      tail = Buffer.concat([tail, segment]).subarray(-6);
      if (tail.equals(READY)) {
        clearTimeout(late);
        socket.off("data", take);
        resolve();
      }
    };
    socket.on("data", take);
    if (stops !== undefined) {
      socket.pause();
      stops().then(() => socket.resume(), reject);
    }
    client.send(question);
  });
  return hash.digest("hex");
}

const WAITING =
  "select count(*) from pg_stat_activity where wait_event = 'ClientWrite' and datname = current_database()";
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

describe("large results of several clients on fewer servers", () => {
  let sides: Sides;

  beforeAll(async () => {
    sides = await Sides.start(2);
  });
  afterAll(() => sides?.stop());

  it.each(["fast", "slow", "mixed"])("reach each reader as the database sent them: %s", async (kind) => {
    const expected: string[] = [];
    for (let number = 0; number < CLIENTS; number++) {
      const direct = await sides.direct();
      direct.socket.removeAllListeners("data");
      expected.push(await answerOf(direct, asks(number)));
      direct.socket.destroy();
    }
    const watcher = await sides.direct();
    const aServerWaits = (): Promise<unknown> =>
      eventually("a server waits for its reader", async () => {
        watching = watching.then(() => watcher.query(WAITING));
        return (await watching)[0]?.[0] !== "0";
      });
    let watching: Promise<readonly (readonly (string | null)[])[]> = Promise.resolve([]);
    const clients = await Promise.all(expected.map(() => sides.pooled()));
    for (const { socket } of clients) socket.removeAllListeners("data");
    const got = await Promise.all(
      clients.map(async (client, number) => {
        const answers: string[] = [];
        const slow = kind === "slow" || (kind === "mixed" && number % 2 === 1);
        for (let turn = 0; turn < TURNS; turn++)
          answers.push(await answerOf(client, asks(number), slow ? aServerWaits : undefined));
        return answers;
      }),
    );
    expect(got).toEqual(expected.map((answer) => new Array<string>(TURNS).fill(answer)));
    for (const { socket } of [...clients, watcher]) socket.destroy();
  });
});
