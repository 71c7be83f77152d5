import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RawClient } from "../../support/raw-client.js";
import { query, Sides } from "./sides.js";

const CLIENTS = 6;
const TURNS = 8;
const WAIT_MS = 20_000;

/** Some 2 MB that only this client asks for, in messages that no segment ends with. */
const asks = (client: number): Buffer =>
  query(`select repeat('${String.fromCharCode(97 + client)}', 177 + n % 311), n
    from generate_series(1, 6000) n`);

/** What one question is answered with, read by turns as fast as it comes and not at all. */
async function answerOf(client: RawClient, question: Buffer, slow: boolean): Promise<string> {
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
      } else if (slow) {
        socket.pause();
        void setImmediate().then(() => socket.resume());
      }
    };
    socket.on("data", take);
    client.send(question);
  });
  return hash.digest("hex");
}

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
      expected.push(await answerOf(direct, asks(number), false));
      direct.socket.destroy();
    }
    const clients = await Promise.all(expected.map(() => sides.pooled()));
    for (const { socket } of clients) socket.removeAllListeners("data");
    const got = await Promise.all(
      clients.map(async (client, number) => {
        const answers: string[] = [];
        const slow = kind === "slow" || (kind === "mixed" && number % 2 === 1);
        for (let turn = 0; turn < TURNS; turn++) answers.push(await answerOf(client, asks(number), slow));
        return answers;
      }),
    );
    expect(got).toEqual(expected.map((answer) => new Array<string>(TURNS).fill(answer)));
    for (const { socket } of clients) socket.destroy();
  });
});
