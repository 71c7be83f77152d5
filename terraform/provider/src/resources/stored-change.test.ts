import { type Clock, Deadline } from "@sluice/shared/time";
import { describe, expect, it } from "vitest";
import { Sluice } from "../client/index.js";
import { createOnce } from "./stored-change.js";

/** Nothing here is waited for in earnest. */
const AT_ONCE: Clock = {
  now: () => 0,
  monotonic: () => 0,
  schedule: (_delayMs, call) => {
    queueMicrotask(call);
    return { cancel: () => undefined };
  },
};

type Fate = "answered" | "lost" | "stolen";

/**
 * A control plane with room for one thing.
 * @param fates of changes, one after the other: `lost`, it is done and its answer is lost; `stolen`, somebody else makes
 *   the very same just before
 */
function controlPlane(there: string | undefined, ...fates: Fate[]) {
  let stored = there;
  const changes: string[] = [];
  const shown = () => ({ status: 200, headers: { etag: '"v"' }, text: JSON.stringify({ data: stored }) });
  const sluice = new Sluice(
    {
      endpoint: "http://x",
      token: "t",
      requestTimeoutMs: 1000,
      retryTimeoutMs: 60_000,
      clock: AT_ONCE,
      call: ({ method, path, headers, body = "" }) => {
        const none = { status: 404, headers: {}, text: '{"error":"not found"}' };
        if (method === "GET") return Promise.resolve(stored === undefined ? none : shown());
        const { tenant } = JSON.parse(body) as { tenant: string };
        if (path.endsWith("dry_run=true")) {
          const outcome = stored === tenant ? "unchanged" : "updated";
          return Promise.resolve({ status: 200, headers: {}, text: JSON.stringify({ outcome }) });
        }
        const fate = fates.shift() ?? "answered";
        if (fate === "stolen") stored = tenant;
        const taken = headers["if-none-match"] === "*" && stored !== undefined;
        changes.push(taken ? "refused" : "made");
        if (!taken) stored = tenant;
        if (fate === "lost") return Promise.reject(new Error("ECONNRESET"));
        return Promise.resolve(
          taken ? { status: 412, headers: {}, text: '{"error":"it is there"}' } : shown(),
        );
      },
    },
    undefined,
  );
  const create = (content: string) =>
    createOnce(
      {
        things: sluice.tenants,
        path: "/api/tenants/a",
        content,
        what: 'tenant "a"',
        deadline: Deadline.after(AT_ONCE, 60_000),
      },
      "sluice_tenant.NAME a",
    );
  return { create, changes };
}

describe("a thing that is to be made", () => {
  it("is made once", async () => {
    const { create, changes } = controlPlane(undefined);
    expect(await create("wanted")).toMatchObject({ record: "wanted" });
    expect(changes).toEqual(["made"]);
  });

  it("is ours when a later try finds what an earlier one made, whose answer was lost", async () => {
    const { create, changes } = controlPlane(undefined, "lost", "lost");
    expect(await create("wanted")).toMatchObject({ record: "wanted" });
    expect(changes).toEqual(["made", "refused", "refused"]);
  });

  it.each(["wanted", "other"])("is not the one that was there before: %s", async (there) => {
    const { create, changes } = controlPlane(there, "lost");
    await expect(create("wanted")).rejects.toThrow('There is a tenant "a" already');
    expect(changes).toEqual([]);
  });

  it("is not one that somebody else made at this moment, and every answer came", async () => {
    const { create } = controlPlane(undefined, "stolen");
    await expect(create("wanted")).rejects.toThrow('There is a tenant "a" already');
  });
});
