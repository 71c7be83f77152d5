import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answers, bind, closeStatement, execute, parse, query, Sides, sync } from "./sides.js";

/** Each leaves an unnamed statement, or none, that is then run on a server that has never seen it. */
const BEGINNINGS: Readonly<Record<string, readonly (readonly Buffer[])[]>> = {
  "a Query that an error made the server skip": [
    [parse("", "select 'kept'"), sync],
    [bind("nowhere"), query("select 1"), sync],
  ],
  "a Query that ran in an open batch": [
    [parse("", "select 'kept'"), sync],
    [bind(""), execute(), query("select 1"), sync],
  ],
  "a Query behind a Parse that was skipped with it": [
    [parse("", "select 'kept'"), sync],
    [bind("nowhere"), parse("", "select 'skipped'"), query("select 1"), sync],
  ],
  "a Parse behind a Close": [
    [parse("", "select 'closed'"), sync],
    [closeStatement(""), parse("", "select 'kept'"), sync],
  ],
  "a Close": [
    [parse("", "select 'closed'"), sync],
    [closeStatement(""), sync],
  ],
};

describe("the unnamed statement on another server", () => {
  let sides: Sides;

  beforeAll(async () => {
    sides = await Sides.start(2);
  });
  afterAll(async () => {
    await sides?.stop();
  });

  for (const [name, turns] of Object.entries(BEGINNINGS)) {
    it(`is what a client without a pool would have: ${name}`, async () => {
      const expected = await ends(sides, turns, false);
      expect(await ends(sides, turns, true)).toEqual(expected);
    });
  }

  it("does not hide a named one that is prepared behind its Close", async () => {
    await sides.same([
      [closeStatement(""), parse("s", "select 1"), sync],
      [bind("s"), execute(), sync],
    ]);
  });
});

/** What the statement gives after these turns; through the pool another client has taken the server that knows it. */
async function ends(
  sides: Sides,
  turns: readonly (readonly Buffer[])[],
  pooled: boolean,
): Promise<readonly string[]> {
  const client = await (pooled ? sides.pooled() : sides.direct());
  const other = await sides.pooled();
  const lines: string[] = [];
  const play = async (messages: readonly Buffer[]): Promise<void> => {
    client.send(...messages);
    const readies = messages.filter((bytes) => bytes[0] === 0x51 || bytes[0] === 0x53).length;
    const skipped = messages[0]?.includes("nowhere") === true ? 1 : 0;
    lines.push(...(await answers(client, "Z", readies - skipped)));
  };
  for (const messages of turns) await play(messages);
  // Servers are used last-in first-out: this is the one that the client has just had.
  await other.query("begin");
  await play([bind(""), execute(), sync]);
  await other.query("commit");
  client.close();
  other.close();
  return lines;
}
