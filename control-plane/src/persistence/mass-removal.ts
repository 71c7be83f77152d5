import type { DataSource } from "typeorm";
import type { Actor } from "../audit/index.js";
import { markScopes, takeGeneration } from "./scope-rows.js";
import { appendAudit } from "./stored-audit.js";

export interface MassRemoval {
  readonly scope: string;
  readonly until: Date;
  readonly actor: Actor;
  readonly now: Date;
}

/**
 * Until then snapshots of the scope say that any number of tenants may vanish. It takes a generation without a change,
 * so that data planes that have refused one are offered another.
 * @returns undefined: there is no such scope
 */
export function allowMassRemoval(
  dataSource: DataSource,
  { scope, until, actor, now }: MassRemoval,
): Promise<bigint | undefined> {
  return dataSource.transaction(async (manager) => {
    const known: unknown[] = await manager.query("SELECT 1 FROM sluice.scopes WHERE scope = $1", [scope]);
    if (known.length === 0) return undefined;
    const generation = await takeGeneration(manager);
    await markScopes(manager, [scope], generation);
    await manager.query("UPDATE sluice.scopes SET mass_removal_until = $2 WHERE scope = $1", [scope, until]);
    await appendAudit(
      manager,
      {
        actor,
        action: "scope.mass_removal_allowed",
        tenant: null,
        cluster: null,
        generation,
        difference: { [scope]: { from: null, to: until.toISOString() } },
      },
      now,
    );
    return generation;
  });
}
