import type { Contestant } from "./contestants/contestant.js";

/** Every contestant in turn, A B A B: what disturbs the machine for a while disturbs all of them. */
export async function inTurns<T>(
  contestants: readonly Contestant[],
  rounds: number,
  once: (contestant: Contestant) => Promise<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const results = new Map<string, T[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, so that nobody always comes after the same neighbour.
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + round) % contestants.length];
      if (contestant === undefined) continue;
      results.get(contestant.name)?.push(await once(contestant));
    }
  }
  return results;
}
