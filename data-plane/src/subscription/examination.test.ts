import { readFile, rm, writeFile } from "node:fs/promises";
import { encodeTenant } from "@sluice/shared/bundle";
import { type DataKey, makeDataKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationRig, INSTANCE } from "./configuration-for-tests.js";
import type { Records } from "./signed-for-tests.js";

describe("what was examined before it was written", () => {
  let rig: ConfigurationRig;

  beforeEach(async () => {
    rig = await ConfigurationRig.open();
  });
  afterEach(() => rig.close());

  const give = async (...keys: DataKey[]): Promise<void> => {
    const recipient = rawNodePublicKey(rig.nodeKey);
    await rig.configuration.takeKeyring(await rig.signer.keyring(INSTANCE, recipient, keys));
  };
  const quarantined = (): string[] => [...rig.configuration.quarantined.keys()].sort();

  it("is not examined again at the next start, but for what the journal has changed", async () => {
    const begun: Records = { "tenant/a": "a", "tenant/b": "b", "tenant/c": "c" };
    const after: Records = { ...begun, "tenant/b": "b2", "tenant/d": "d" };
    await rig.follow(await rig.begin(begun), begun, after);
    await rig.restart();
    expect([rig.sink.all, rig.errors]).toEqual([after, []]);
    expect(rig.sink.examined.sort()).toEqual(["tenant/b", "tenant/d"]);
  });

  it("stays in quarantine over restarts, without a good record before it and with one", async () => {
    const begun: Records = { "tenant/a": "a", "tenant/b": "b", "tenant/worse": "bad from the first" };
    const position = await rig.begin(begun);
    const next = await rig.signer.snapshot(2n, { ...begun, "tenant/b": "bad since" }, position);
    await rig.snapshot(next);
    for (const _ of [1, 2]) {
      await rig.restart();
      expect(quarantined()).toEqual(["tenant/b", "tenant/worse"]);
      expect(rig.sink.all).toEqual({ "tenant/a": "a", "tenant/b": "b" });
      expect(new Set(rig.sink.examined)).toEqual(new Set(["tenant/b", "tenant/worse"]));
    }
  });

  it("is known again when the journal was folded into the state file", async () => {
    const large = (name: string): string => name.repeat(500_000);
    let records: Records = { "tenant/a": "a", "tenant/large": "small" };
    let position = await rig.begin(records);
    for (const name of ["1", "2", "3", "4"]) {
      const after: Records = { ...records, "tenant/large": large(name), "tenant/worse": "bad" };
      position = await rig.follow(position, records, after);
      records = after;
    }
    expect((await readFile(rig.file("journal"))).length).toBeLessThan(1_000_000);
    await rig.restart();
    expect([rig.sink.served.get("tenant/a"), quarantined()]).toEqual(["a", ["tenant/worse"]]);
    expect(rig.sink.examined).not.toContain("tenant/a");
  });

  it("is examined again by another build, and where a data key is missing that was held", async () => {
    await give(makeDataKey());
    const records: Records = { "tenant/a": "sealed a", "tenant/b": "b" };
    await rig.begin(records);
    await rig.restart("another");
    expect(rig.sink.examined.sort()).toEqual(["tenant/a", "tenant/b"]);
    expect(rig.sink.all).toEqual(records);
    await rm(rig.file("keyrings"));
    await rig.restart();
    expect(quarantined()).toEqual(["tenant/a"]);
    expect(rig.sink.all).toEqual({ "tenant/b": "b" });
  });

  it("is examined once by another build, with a journal too, and not at every start", async () => {
    const begun: Records = { "tenant/a": "a", "tenant/b": "b", "tenant/worse": "bad" };
    const after: Records = { ...begun, "tenant/b": "b2" };
    await rig.follow(await rig.begin(begun), begun, after);
    await rig.restart("another");
    expect(new Set(rig.sink.examined)).toEqual(new Set(["tenant/a", "tenant/b", "tenant/worse"]));
    await rig.restart("another");
    expect(new Set(rig.sink.examined)).toEqual(new Set(["tenant/b", "tenant/worse"]));
    // What stands in the state file for it was looked at by nobody: without the journal it is.
    await writeFile(rig.file("journal"), "");
    await rm(rig.file("mark"));
    await rig.restart("another");
    expect(rig.sink.all).toEqual({ "tenant/a": "a", "tenant/b": "b" });
    expect(new Set(rig.sink.examined)).toEqual(new Set(["tenant/b", "tenant/worse"]));
  });

  it("is examined no more once a data key that was missing is back", async () => {
    const key = makeDataKey();
    await give(key);
    const records: Records = { "tenant/a": "sealed a", "tenant/b": "b" };
    await rig.begin(records);
    await rm(rig.file("keyrings"));
    await rig.restart();
    expect(quarantined()).toEqual(["tenant/a"]);
    await give(key);
    expect([rig.sink.all, quarantined()]).toEqual([records, []]);
    await rig.restart();
    expect([rig.sink.all, rig.sink.examined]).toEqual([records, []]);
  });

  it("is examined again when the note of it is lost, damaged, or about another state", async () => {
    const first: Records = { "tenant/a": "a", "tenant/b": "bad" };
    const position = await rig.begin(first);
    const note = await readFile(rig.file("examined"));
    // Good once, and so in nobody's note; bad now.
    const second: Records = { "tenant/a": "bad since", "tenant/b": "b" };
    await rig.snapshot(await rig.signer.snapshot(2n, second, position));
    const damaged = Buffer.from(note);
    damaged.writeUInt8(damaged.readUInt8(3) ^ 1, 3);
    for (const content of [undefined, damaged, Buffer.from(""), note]) {
      if (content === undefined) await rm(rig.file("examined"));
      else await writeFile(rig.file("examined"), content);
      await rig.restart();
      expect([rig.sink.all, quarantined()]).toEqual([{ "tenant/a": "a", "tenant/b": "b" }, ["tenant/a"]]);
      expect(rig.sink.examined).toEqual(expect.arrayContaining(["tenant/a", "tenant/b"]));
    }
  });

  it("needs no second look when a data key was given up, since nothing was sealed by it", async () => {
    const [old, fresh] = [makeDataKey(), makeDataKey()];
    const sealedBy = ({ id }: DataKey): Uint8Array => {
      const sealedPassword = { keyId: id, nonce: new Uint8Array(12), ciphertext: new Uint8Array(20) };
      const users = [{ dbUser: "u", sealedPassword }];
      return encodeTenant({ externalId: "a", dbHost: "h", dbPort: 80, users });
    };
    await give(old);
    const position = await rig.begin({ "tenant/a": sealedBy(old) });
    await give(fresh, old);
    await rig.follow(position, { "tenant/a": sealedBy(old) }, { "tenant/a": sealedBy(fresh) });
    await give(fresh);
    expect(rig.configuration.dataKeyIds).toEqual([fresh.id]);
    await rig.restart();
    expect([rig.sink.served.size, rig.sink.examined]).toEqual([1, []]);
  });
});
