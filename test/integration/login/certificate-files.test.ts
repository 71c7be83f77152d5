import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composePrimary } from "@sluice/data-plane/compose";
import { readConfig } from "@sluice/data-plane/config";
import { Lifecycle } from "@sluice/shared/lifecycle";
import { silentLogger } from "@sluice/shared/observability";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestCa } from "../../support/certificates.js";

describe("a data plane whose certificates cannot be used", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-certificates-"));
  const path = (name: string): string => join(folder, name);

  beforeAll(async () => {
    const ca = await TestCa.make();
    const [one, other] = [await ca.issue(), await ca.issue()];
    writeFileSync(path("one.crt"), one.cert);
    writeFileSync(path("other.key"), other.key);
    writeFileSync(path("empty.crt"), "");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["are not there", "nowhere.crt", "other.key", "nowhere.crt"],
    ["are empty", "empty.crt", "other.key", "GLOBAL_DOWNSTREAM_CERT_PATH"],
    ["do not fit their keys", "one.crt", "other.key", "the private key is not that of the certificate"],
  ])("does not start, and says which, when they %s", async (_, cert, key, told) => {
    const config = readConfig({
      CONTROL_PLANE_URL: "https://127.0.0.1:1",
      TRUST_ROOT_KEYS: Buffer.alloc(32).toString("base64"),
      REGION: "here",
      DATA_DIR: path("data"),
      GLOBAL_DOWNSTREAM_CERT_PATH: path(cert),
      GLOBAL_DOWNSTREAM_KEY_PATH: path(key),
    });
    const started = composePrimary(config, silentLogger, new Lifecycle(silentLogger));
    await expect(started).rejects.toThrow(told);
    await expect(started).rejects.toMatchObject({ code: "ECONFIGURATION" });
  });
});
