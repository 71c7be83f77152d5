import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { expect, inject, it } from "vitest";
import { CHECKOUT } from "../../support/development-run.js";
import { Actor, type ActorOptions, type Way } from "./actor.js";
import { remains, settled } from "./aftermath.js";
import { Census } from "./census.js";
import { DRIVER_WAY } from "./driver-way.js";
import { EPISODES } from "./episodes/index.js";
import { Random } from "./random.js";
import { RAW_WAY } from "./raw-way.js";
import { Verdict } from "./verdict.js";
import { MODES, type Mode, World } from "./world.js";
import { Wrecker } from "./wrecker.js";
import { REALMS } from "./wrecks.js";

/** `make chaos SECONDS=600 SEED=7` sets them; without a seed it takes one that nobody knows. */
const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 60);
const SEED = Number((process.env["CHAOS_SEED"] ?? "7") || Math.floor(Math.random() * 1_000_000_000));
const RAW_CLIENTS = { transaction: 14, session: 7 };
const DRIVER_CLIENTS = { transaction: 4, session: 2 };
/** Over what a data plane needs that has served nobody yet: compiled code, garbage of a moment, what allocators keep. */
const GROWTH_MB = 150;
/** So much longer a run is where not everything has been broken and done yet: on a machine that is busy. */
const MOST_OVERTIME_MS = 60_000;
/** After the last wreck nothing keeps a client for longer than its own waits. */
const LAST_WAIT_MS = 60_000;

it(`loses and mixes nothing while everything breaks, seed ${SEED}`, {
  timeout: (SECONDS + 240) * 1000,
}, async () => {
  console.log(`chaos: seed ${SEED}, ${SECONDS} s`);
  const random = new Random(SEED);
  const verdict = new Verdict();
  const world = await World.start(inject("postgres"));
  try {
    const beforeMb = world.memoryMb;
    const census = new Census(world, verdict);
    const endMs = performance.now() + SECONDS * 1000;
    const ended = (): boolean => performance.now() >= endMs;
    const late = (): boolean => performance.now() >= endMs + MOST_OVERTIME_MS;
    const actors = MODES.flatMap((mode) => [
      ...actorsOf("", RAW_WAY, RAW_CLIENTS[mode], mode, { world, random, verdict }),
      ...actorsOf("d", DRIVER_WAY, DRIVER_CLIENTS[mode], mode, { world, random, verdict }),
    ]);
    const wreckers = REALMS.map((realm) => new Wrecker(realm, random.for(realm.name), verdict));
    let over = false;
    const lives = actors.map((actor) => actor.live(() => over));
    await Promise.all(wreckers.map((wrecker) => wrecker.wreck(world, census, ended, late)));
    while (!late() && MODES.some((mode) => undone(mode, verdict).length > 0)) await after(100);
    over = true;
    await allWithin(actors, lives, verdict);
    await repair(world);
    await settled(world);
    await census.stop();
    for (const mode of MODES) {
      for (const line of await remains(world, mode)) verdict.violated("aftermath", `${mode} mode: ${line}`);
    }
    await settled(world);
    console.log(
      `chaos: ${census.looks} looks, at most ${census.most} servers of a pool, memory ${Math.round(beforeMb)} → ${Math.round(world.memoryMb)} MB\n${verdict.report()}`,
    );
    expect(world.memoryMb, "memory of the data plane, MB").toBeLessThan(beforeMb + GROWTH_MB);
    expect(verdict.violations, verdict.report()).toEqual([]);
    for (const mode of MODES)
      for (const what of undone(mode, verdict))
        expect.soft(what, `never done in ${mode} mode`).toBeUndefined();
  } catch (error) {
    mkdirSync(join(CHECKOUT, "reports"), { recursive: true });
    writeFileSync(join(CHECKOUT, `reports/chaos-${SEED}.log`), world.fleet.logs());
    console.log(`chaos: the planes' log is in reports/chaos-${SEED}.log\n${verdict.report()}`);
    throw error;
  } finally {
    await world.stop();
  }
});

/** What no client has come to do. Few keep a server in transaction mode, so one way of doing so is enough there. */
function undone(mode: Mode, { counts }: Verdict): readonly string[] {
  const done = (name: string): boolean => counts.has(`${mode}: ${name}`);
  const pinning = EPISODES.filter(({ pins }) => pins === true).map(({ name }) => name);
  const names = [...EPISODES.map(({ name }) => name), "pg", "pg.Pool"].filter((name) => !done(name));
  if (mode === "session" || !pinning.some(done)) return names;
  return names.filter((name) => !pinning.includes(name));
}

function actorsOf(
  kind: string,
  way: Way,
  count: number,
  mode: Mode,
  { world, random, verdict }: Pick<ActorOptions, "world" | "random" | "verdict">,
): Actor[] {
  return Array.from({ length: count }, (_, n) => {
    const who = `${mode[0]}${kind}${n}`;
    return new Actor({ who, mode, way, world, random: random.for(who), verdict });
  });
}

/** Every client comes to an end by itself, or says what it waits for. */
async function allWithin(
  actors: readonly Actor[],
  lives: readonly Promise<void>[],
  verdict: Verdict,
): Promise<void> {
  const running = new Set(actors);
  const all = Promise.all(
    lives.map(async (life, n) => {
      await life;
      const actor = actors[n];
      if (actor !== undefined) running.delete(actor);
    }),
  );
  await Promise.race([all, after(LAST_WAIT_MS)]);
  for (const { doing } of running) verdict.violated("clients", `one waits for ever: ${doing}`);
}

/** All that a wreck may have left half done. */
async function repair(world: World): Promise<void> {
  for (const plane of [world.fleet.controlPlane, world.fleet.dataPlane]) {
    if (!plane.running) await plane.start();
  }
  await world.put({ server_lifetime: 0, server_idle_timeout: 600_000 });
  await world.order("resume");
}
