import { ServerReset } from "@sluice/shared/bundle";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bind, execute, parse, query, Sides, sync } from "./sides.js";

/** What a function does to its session, where nobody sees it from outside. */
const HIDDEN = `create function hide() returns void language plpgsql as $$ begin
  perform set_config('app.hidden', 'secret', false);
  perform set_config('work_mem', '7MB', false);
  perform pg_advisory_lock(4711);
  create temp table left_behind (n int);
end $$`;
const FOUND = `select coalesce(current_setting('app.hidden', true), ''), current_setting('work_mem'),
  (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
  (select count(*) from pg_class where relnamespace = pg_my_temp_schema())`;

const start = async (serverReset: ServerReset): Promise<Sides> => {
  const sides = await Sides.start(1, { serverReset });
  const direct = await sides.direct();
  await direct.query(HIDDEN);
  direct.close();
  return sides;
};

describe("server_reset", () => {
  let always: Sides;
  let tracked: Sides;
  beforeAll(async () => {
    [always, tracked] = await Promise.all([start(ServerReset.ALWAYS), start(ServerReset.TRACKED)]);
  });
  afterAll(async () => {
    await always?.stop();
    await tracked?.stop();
  });

  /** What somebody else finds on the only server, behind a function's secrets. */
  async function foundBehindIt(sides: Sides): Promise<string[][]> {
    const [one, other] = [await sides.pooled(), await sides.pooled()];
    await one.query("select hide()");
    const found = await other.query(FOUND);
    one.close();
    other.close();
    return found;
  }

  it("always: leaves nothing of what functions do to the next transaction", async () => {
    expect(await foundBehindIt(always)).toEqual([["", "4MB", "0", "0"]]);
  });

  it("tracked: cannot see it, as the documentation says", async () => {
    expect(await foundBehindIt(tracked)).toEqual([["secret", "7MB", "1", "1"]]);
  });

  it("always: keeps what is a client's own on whatever server comes", async () => {
    const [one, other] = [await always.pooled(), await always.pooled({ TimeZone: "Asia/Tokyo" })];
    await one.query("set work_mem = '9MB'");
    await one.query("set app.own = 'mine'");
    one.send(parse("s", "select $1::text || current_setting('app.own')"), sync);
    await one.expect("1");
    await one.expect("Z");
    for (let turn = 0; turn < 3; turn++) {
      expect(await other.query("select current_setting('timezone'), current_setting('work_mem')")).toEqual([
        ["Asia/Tokyo", "4MB"],
      ]);
      one.send(bind("s", ["all "]), execute(), sync, query("show work_mem"));
      await one.expect("2");
      expect((await one.expect("D")).toString("latin1")).toContain("all mine");
      await one.expect("C");
      await one.expect("Z");
      await one.expect("T");
      expect((await one.expect("D")).toString("latin1")).toContain("9MB");
      await one.expect("C");
      await one.expect("Z");
    }
    one.close();
    other.close();
  });

  it("always: keeps a server for what needs it, and takes all away when its client goes", async () => {
    const one = await always.pooled();
    await one.query("create temp table kept (n int)");
    await one.query("insert into kept values (1)");
    expect(await one.query("select n from kept")).toEqual([["1"]]);
    one.close();
    const next = await always.pooled();
    expect(await next.query("select to_regclass('kept') is null")).toEqual([["t"]]);
    next.close();
  });
});
