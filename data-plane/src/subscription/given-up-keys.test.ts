import { hash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { encodeTenant } from "@sluice/shared/bundle";
import { type DataKey, makeDataKey, rawNodePublicKey } from "@sluice/shared/secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationRig, INSTANCE } from "./configuration-for-tests.js";
import type { Records } from "./signed-for-tests.js";

const HEAD_BYTES = 5;
const HASH_BYTES = 32;

/** A tenant's record with a secret that is sealed by this key. */
function sealedBy({ id }: DataKey, dbUser = "u"): Uint8Array {
  const sealedPassword = { keyId: id, nonce: new Uint8Array(12), ciphertext: new Uint8Array(20) };
  return encodeTenant({ externalId: "t", dbHost: "h", dbPort: 80, users: [{ dbUser, sealedPassword }] });
}

function texts(records: Records): Record<string, string> {
  return Object.fromEntries(
    Object.entries(records).map(([id, body]) => [id, Buffer.from(body as Uint8Array).toString()]),
  );
}

describe("a data key that was replaced", () => {
  const [first, second] = [makeDataKey(), makeDataKey()];
  let rig: ConfigurationRig;

  beforeEach(async () => {
    rig = await ConfigurationRig.open();
    await give(first);
  });
  afterEach(() => rig.close());

  const give = async (...keys: DataKey[]): Promise<void> => {
    const recipient = rawNodePublicKey(rig.nodeKey);
    await rig.configuration.takeKeyring(await rig.signer.keyring(INSTANCE, recipient, keys));
  };
  const held = (): string[] => [...rig.configuration.dataKeyIds].sort();
  const both = [first.id, second.id].sort();

  it("is given up once nothing is sealed by it, and the state opens without it after a restart", async () => {
    const old: Records = { "tenant/a": sealedBy(first), "tenant/b": sealedBy(first) };
    const fresh: Records = { "tenant/a": sealedBy(second), "tenant/b": sealedBy(second) };
    const begun = await rig.begin(old);
    await give(second, first);
    await rig.follow(begun, old, fresh);
    expect(held()).toEqual(both);
    // The control plane has it no more.
    await give(second);
    expect(held()).toEqual([second.id]);
    expect((await readFile(rig.file("keyrings"))).includes(first.id)).toBe(false);
    await rig.restart();
    expect([held(), rig.errors]).toEqual([[second.id], []]);
    expect(rig.sink.all).toEqual(texts(fresh));
  });

  it("stays while one record, or the journal, is sealed by it", async () => {
    const old: Records = { "tenant/a": sealedBy(first), "tenant/b": sealedBy(first) };
    const half: Records = { ...old, "tenant/a": sealedBy(second) };
    const begun = await rig.begin(old);
    await give(second);
    expect(held()).toEqual(both);
    const position = await rig.follow(begun, old, half);
    await give(second);
    expect(held()).toEqual(both);
    await rig.restart();
    expect([held(), rig.errors]).toEqual([both, []]);
    await rig.follow(position, half, { ...half, "tenant/b": sealedBy(second) });
    await give(second);
    expect(held()).toEqual([second.id]);
  });

  it("goes with a snapshot that needs it no more", async () => {
    const begun = await rig.begin({ "tenant/a": sealedBy(first) });
    await give(second);
    const next = await rig.signer.snapshot(2n, { "tenant/a": sealedBy(second) }, begun);
    await rig.snapshot(next);
    expect(held()).toEqual([second.id]);
  });

  it("stays when nobody can tell whether a record needs it", async () => {
    const begun = await rig.begin({ "tenant/a": sealedBy(first), "tenant/b": "no record of a tenant" });
    await give(second);
    const next = await rig.signer.snapshot(2n, { "tenant/b": "no record of a tenant" }, begun);
    await rig.snapshot(next);
    expect(held()).toEqual(both);
    expect(rig.warnings).toContain("replaced data keys cannot be given up yet");
  });

  it("is looked for in no entry of the journal that was dropped; what is written behind it is found again", async () => {
    const [one, two, three]: Records[] = [1, 2, 3].map((n) => ({ "tenant/a": sealedBy(first, `u${n}`) }));
    if (one === undefined || two === undefined || three === undefined) throw new Error("no records");
    const position = await rig.follow(await rig.begin(one), one, two);
    const mark = await readFile(rig.file("mark"));
    const last = await rig.signer.delta(position, two, 3n, three);
    await rig.delta(last);
    // The signature of the last entry is no good, its hash is; as a crash would have it, the mark is the one before.
    const journal = await readFile(rig.file("journal"));
    const [begin, end] = [
      journal.length - HASH_BYTES - last.envelope.length - HEAD_BYTES,
      journal.length - HASH_BYTES,
    ];
    journal.writeUInt8(journal.readUInt8(end - 8) ^ 1, end - 8);
    hash("sha256", journal.subarray(begin, end), "buffer").copy(journal, end);
    await writeFile(rig.file("journal"), journal);
    await writeFile(rig.file("mark"), mark);
    await rig.restart();
    expect(rig.errors).toEqual([
      "an entry of the journal cannot be used; it and what follows it are dropped",
    ]);
    expect(rig.sink.all).toEqual(texts(two));
    await give(second);
    const after: Records = { "tenant/a": sealedBy(second, "u9") };
    await rig.follow(position, two, after);
    await rig.restart();
    expect([rig.sink.all, rig.errors]).toEqual([texts(after), []]);
  });
});
