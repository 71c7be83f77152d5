import { Deadline } from "@sluice/shared/time";
import { type DataPlaneRecord, holdsGeneration, type ProgressRecord, type Sluice } from "../client/index.js";
import {
  attribute,
  between,
  bytes,
  type DataSource,
  duration,
  durationMs,
  nestedAttribute,
  problem,
  Refused,
} from "../framework/index.js";
import type { Values } from "../protocol/index.js";
import { explained } from "../resources/index.js";

const TIMEOUT = "5m";

export const fleetData: DataSource<Sluice> = {
  schema: {
    description:
      "The data planes of the fleet, or of a region. With `generation` it waits until all of them hold it, so that what " +
      "depends on it comes after: an apply goes on when the whole region serves the change. The token needs `fleet:read`.",
    attributes: {
      region: attribute("string", "Of this region.", { optional: true, checks: [bytes(63)] }),
      group: attribute("string", "Of this group.", { optional: true, checks: [bytes(63)] }),
      generation: attribute(
        "number",
        "Waits until every one of them holds this generation, such as `sluice_tenant.NAME.generation`.",
        { optional: true, checks: [between(0, Number.MAX_SAFE_INTEGER)] },
      ),
      at_least: attribute("number", "Waits until there are so many that are not away. Default 0.", {
        optional: true,
        checks: [between(0, 1_000_000)],
      }),
      timeout: attribute("string", `How long it waits; then it fails. Default \`${TIMEOUT}\`.`, {
        optional: true,
        checks: [duration],
      }),
      synced: attribute("bool", "Whether every one of them is `SYNCED`.", { computed: true }),
      data_planes: nestedAttribute(
        {
          mode: "list",
          attributes: {
            group: attribute("string", "Its group.", { computed: true }),
            instance: attribute("string", "Its name in the group.", { computed: true }),
            region: attribute("string", "Its region.", { computed: true }),
            status: attribute("string", "`SYNCED`, `BEHIND`, `OFFLINE` and so on.", { computed: true }),
            build: attribute("string", "The version that it runs.", { computed: true }),
            ready: attribute("bool", "Whether it serves clients, as of its last report.", { computed: true }),
            last_seen: attribute("string", "When it was heard of last.", { computed: true }),
            acked_generation: attribute("number", "What it holds; null when it is empty.", {
              computed: true,
            }),
            newest_generation: attribute("number", "The last that changed its region.", { computed: true }),
          },
        },
        "The data planes, ordered by group and instance.",
        { computed: true },
      ),
    },
  },

  async read(sluice, config) {
    const { fleet, api } = sluice;
    const timeoutMs = durationMs(textOr(config.timeout, TIMEOUT)) ?? 0;
    const deadline = Deadline.after(api.clock, timeoutMs);
    let planes: readonly DataPlaneRecord[] = [];
    let missing: readonly string[] = [];
    const look = async (): Promise<true | undefined> => {
      planes = await fleet.list({ region: textOr(config.region), group: textOr(config.group) }, deadline);
      missing = await missingOf(sluice, planes, config, deadline);
      return missing.length === 0 ? true : undefined;
    };
    const done = await explained("look at the data planes", fleet.until(look, deadline));
    if (done === undefined) {
      const within = fleet.isInterrupted
        ? "until the interruption"
        : `within ${textOr(config.timeout, TIMEOUT)}`;
      const text = `Not ${within}: ${missing.join("; ")}.`;
      throw new Refused([problem("The fleet is not there yet", text)]);
    }
    return {
      ...config,
      synced: planes.every(({ status }) => status === "SYNCED"),
      data_planes: planes.map(planeView),
    };
  },
};

/** What is still to be waited for, in words. */
async function missingOf(
  { fleet }: Sluice,
  planes: readonly DataPlaneRecord[],
  { generation = null, at_least: atLeast = null }: Values,
  deadline: Deadline,
): Promise<readonly string[]> {
  const there = planes.filter(({ status }) => status !== "OFFLINE" && status !== "REVOKED");
  const few =
    typeof atLeast === "number" && there.length < atLeast
      ? [`${there.length} of ${atLeast} data planes are there`]
      : [];
  if (typeof generation !== "number") return few;
  const progress = await fleet.progress(generation, deadline);
  const behind = planes.filter((plane) => isBehind(plane, generation, progress));
  return [...few, ...behind.map(({ group, instance, status }) => `${group}/${instance} is ${status}`)];
}

function isBehind(plane: DataPlaneRecord, generation: number, { regions }: ProgressRecord): boolean {
  if (plane.status === "REVOKED") return false;
  // Of a generation that is long gone, the regions are no longer known.
  const concerned = regions.length === 0 || regions.includes(plane.region);
  return concerned && !holdsGeneration(plane, generation);
}

function planeView(plane: DataPlaneRecord): Values {
  const { group, instance, region, status, build, ready, last_seen, acked, newest_generation } = plane;
  const acked_generation = acked?.generation ?? null;
  return { group, instance, region, status, build, ready, last_seen, acked_generation, newest_generation };
}

function textOr(value: Values[string] | undefined): string | undefined;
function textOr(value: Values[string] | undefined, fallback: string): string;
function textOr(value: Values[string] | undefined, fallback?: string): string | undefined {
  return typeof value === "string" ? value : fallback;
}
