import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, dropDatabase } from "@sluice/local/create-database";
import { makeFleetSecrets } from "@sluice/local/fleet-secrets";
import { PlaneProcess } from "@sluice/local/plane-process";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";

type PrivateKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

describe("a control plane whose operators have public keys", () => {
  const postgres = inject("postgres");
  const folder = mkdtempSync(join(tmpdir(), "sluice-public-keys-"));
  const database = `sluice_${randomBytes(6).toString("hex")}`;
  let key: PrivateKey;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const secrets = join(folder, "secrets");
    const at = (name: string): string => join(secrets, "control-plane", name);
    await makeFleetSecrets({
      folder: secrets,
      regions: [],
      streamNames: ["localhost"],
      databaseHost: "unused",
    });
    const pair = await generateKeyPair("EdDSA", { extractable: true });
    key = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "EdDSA" }] };
    writeFileSync(join(folder, "jwks.json"), JSON.stringify(jwks));
    environment = {
      SLUICE_ENV: "production",
      PORT: "0",
      STREAM_PORT: "0",
      LISTEN_ADDRESS: "127.0.0.1",
      DATABASE_URL: await createDatabase(postgres, database),
      VAULT_ENC_KEY: `@${at("vault-enc-key")}`,
      TRUST_ROOT_KEYS: `@${at("root-keys")}`,
      CONFIG_KEY_PATH: at("config.pem"),
      KEYSET_PATH: at("keyset"),
      STREAM_TOKEN_KEY_PATH: at("stream-token.pub.pem"),
      STREAM_TLS_CERT_PATH: at("stream.crt"),
      STREAM_TLS_KEY_PATH: at("stream.key"),
    };
  });
  afterAll(async () => {
    await dropDatabase(postgres, database);
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (more: Readonly<Record<string, string>>): Promise<PlaneProcess> =>
    PlaneProcess.start({
      name: "control plane",
      main: "control-plane/dist/main.js",
      environment: { ...environment, ...more },
      onLine: () => undefined,
    });

  it("needs no secret, and takes none", async () => {
    const plane = await start({ API_JWKS_PATH: join(folder, "jwks.json") });
    try {
      const ask = async (path: string, token: string): Promise<number> => {
        const url = `http://127.0.0.1:${plane.ports.http}${path}`;
        return (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status;
      };
      const signed = (algorithm: string, by: PrivateKey | Uint8Array): Promise<string> =>
        new SignJWT({})
          .setProtectedHeader({ alg: algorithm, typ: "JWT", kid: "one" })
          .setExpirationTime("1h")
          .sign(by);
      const operator = await signed("EdDSA", key);
      const guessed = await signed("HS256", Buffer.from("undefined"));
      for (const path of ["/api/tenants", "/metrics"]) {
        expect([path, await ask(path, operator), await ask(path, guessed)]).toEqual([path, 200, 401]);
      }
    } finally {
      await plane.stop(20_000);
    }
  });

  it("is told of both ways when it has neither", async () => {
    await expect(start({})).rejects.toThrow(
      /API_JWT_SECRET: must be set, unless API_JWKS_URL or API_JWKS_PATH names public keys/,
    );
  });
});
