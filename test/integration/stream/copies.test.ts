import { cp } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.js";
import { holds, StreamRig } from "./stream-rig.js";

describe("two data planes of one image", () => {
  let rig: StreamRig;

  beforeEach(async () => {
    rig = await StreamRig.open();
  });

  afterEach(() => rig.close());

  it("do not chase each other: the superseded one waits, and both planes say what is wrong", async () => {
    const first = await rig.startDataPlane();
    await holds(first, 1n);
    const folder = join(rig.folder, "copy");
    // An image has no sockets.
    await cp(first.folder, folder, { recursive: true, filter: (path) => basename(path) !== "lock" });
    const copy = await rig.startDataPlane({ folder });
    const lost = await eventually("the first one has lost its stream", () =>
      first.logger.find("not connected to the control plane"),
    );
    expect(lost.fields["reason"]).toMatch(
      /another data plane has connected with the same instance id and node key/,
    );
    expect(lost.fields["retryInMs"]).toBeGreaterThanOrEqual(30_000);
    const address = expect.stringMatching(/127\.0\.0\.1$/);
    const said = rig.controlPlaneLog.entries.find(({ message }) => message.startsWith("a newer stream"));
    expect(said).toMatchObject({
      message: expect.stringContaining("two data planes have the same data folder and node key"),
      fields: { address, newerAddress: address },
    });
    rig.publications.publish({ acme: "later.example" });
    await holds(copy, 2n);
    expect(rig.server.instances()).toHaveLength(1);
    expect(rig.publications.subscribers).toBe(1);
  });
});
