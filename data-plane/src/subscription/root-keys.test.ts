import { publicKeyFromRaw } from "@sluice/shared/bundle";
import { rawNodePublicKey } from "@sluice/shared/secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sectionOf, writeBundleFile } from "./bundle-file.js";
import { ConfigurationRig, INSTANCE } from "./configuration-for-tests.js";
import type { Position } from "./position.js";

const BEFORE = { "tenant/a": "1", "tenant/b": "sealed" };
const AFTER = { "tenant/a": "2", "tenant/b": "sealed" };

/** docs/keys.md, "Root keys". */
describe("root keys that are changed", () => {
  let rig: ConfigurationRig;
  let first: Position;

  beforeEach(async () => {
    rig = await ConfigurationRig.open();
    const keyring = await rig.signer.keyring(INSTANCE, rawNodePublicKey(rig.nodeKey));
    await rig.configuration.takeKeyring(keyring);
    first = await rig.begin(BEFORE);
  });

  afterEach(() => rig.close());

  const old = () => publicKeyFromRaw(rig.signer.root.raw);
  const other = () => publicKeyFromRaw(rig.signer.otherRoot.raw);

  it("leave what a data plane holds as it is: the new one, the next keyset by it, the old one out", async () => {
    const { signer } = rig;
    rig.rootKeys = { keys: [old(), other()], threshold: 1 };
    await rig.restart();
    await rig.configuration.takeKeyset(
      await signer.keyset({ version: 2n, roots: [signer.otherRoot.signer] }),
    );
    await rig.follow(first, BEFORE, AFTER);
    rig.rootKeys = { keys: [other()], threshold: 1 };
    await rig.restart();
    expect([rig.sink.all, rig.errors]).toEqual([AFTER, []]);
    // And it goes on from there.
    const third = { "tenant/a": "3", "tenant/b": "sealed" };
    await rig.follow({ ...rig.configuration.held } as Position, AFTER, third);
    await rig.restart();
    expect([rig.sink.all, rig.errors]).toEqual([third, []]);
  });

  it("leave it as it is when more of them have to sign from now on", async () => {
    const { signer } = rig;
    rig.rootKeys = { keys: [old(), other()], threshold: 1 };
    await rig.restart();
    const roots = [signer.root.signer, signer.otherRoot.signer];
    await rig.configuration.takeKeyset(await signer.keyset({ version: 2n, roots }));
    rig.rootKeys = { ...rig.rootKeys, threshold: 2 };
    await rig.restart();
    expect([rig.sink.all, rig.errors]).toEqual([BEFORE, []]);
  });

  it("that are out say nothing any more: neither of a state nor of a keyset, whoever writes them into the folder", async () => {
    const { signer } = rig;
    rig.rootKeys = { keys: [old(), other()], threshold: 1 };
    await rig.restart();
    await rig.configuration.takeKeyset(
      await signer.keyset({ version: 2n, roots: [signer.otherRoot.signer] }),
    );
    rig.rootKeys = { keys: [other()], threshold: 1 };
    const stolen = await signer.keyset({ version: 3n, keys: [signer.otherConfig.raw] });
    const { envelope, chunks } = await signer.snapshot(5n, AFTER, undefined, {
      signer: signer.otherConfig.signer,
    });
    await writeBundleFile(rig.file("state"), [sectionOf(stolen, { snapshot: envelope, chunks })]);
    await rig.restart();
    expect(rig.sink.all).toEqual({});
    expect(rig.errors).toContain(
      "the stored configuration cannot be used; the control plane is asked for it",
    );
  });

  it("that are out, together with the config key of what is held, leave nothing by which it could be known", async () => {
    const { signer } = rig;
    rig.rootKeys = { keys: [old(), other()], threshold: 1 };
    await rig.restart();
    const keys = [signer.otherConfig.raw];
    await rig.configuration.takeKeyset(
      await signer.keyset({ version: 2n, roots: [signer.otherRoot.signer], keys }),
    );
    await rig.restart();
    expect(rig.sink.all).toEqual(BEFORE);
    rig.rootKeys = { keys: [other()], threshold: 1 };
    await rig.restart();
    expect(rig.sink.all).toEqual({});
  });
});
