import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "@sluice/local/certificates";
import { type Fleet, startFleet } from "@sluice/local/fleet";
import { EmbeddedPostgres } from "@sluice/shared/postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECOND_PUT, SECOND_PUT_WITHOUT_COMMENTS } from "../integration/control-plane/guide.js";
import { eventually } from "../support/eventually.js";
import { callApi, connectTo, endOf, putTenant, served } from "../support/tenant-api.js";

describe("the guide's second tenant, and changes of a tenant", () => {
  const plain = inject("postgres");
  const folder = mkdtempSync(join(tmpdir(), "sluice-guide-"));
  const files = (name: string) => ({
    certPath: join(folder, `${name}.crt`),
    keyPath: join(folder, `${name}.key`),
  });
  const login = { password: "postgres" };
  let fleet: Fleet;
  let secure: EmbeddedPostgres;

  beforeAll(async () => {
    await makeCertificate("database", files("database"));
    await makeCertificate("stranger", files("stranger"));
    secure = await EmbeddedPostgres.start({
      folder: `/tmp/sluice-secure-${process.pid}`,
      port: 0,
      fsync: false,
      tls: files("database"),
    });
    fleet = await startFleet({ postgres: plain });
  });
  afterAll(async () => {
    await fleet?.stop();
    await secure?.stop();
    for (const each of [folder, secure?.folder ?? folder]) rmSync(each, { recursive: true, force: true });
  });

  const put = (id: string, body: string): Promise<Response> =>
    callApi(fleet, "PUT", `/api/tenants/${id}`, body);
  /** The guide's request with another database, and what its author meant by the certificate. */
  const secondPut = (ca: string, more: object = {}): string => {
    const { tenant } = JSON.parse(SECOND_PUT_WITHOUT_COMMENTS) as { tenant: object };
    return JSON.stringify({ tenant: { ...tenant, db_port: secure.port, upstream_tls_ca: ca, ...more } });
  };
  const pem = (name: string): string => readFileSync(files(name).certPath, "utf8");

  it("is refused as the guide prints it: 400 shows where the comments are, 422 names the certificate", async () => {
    const withComments = await put("secure", SECOND_PUT);
    expect(withComments.status).toBe(400);
    expect(await withComments.text()).toMatch(/line 6\b/);
    const placeholder = await put("secure", SECOND_PUT_WITHOUT_COMMENTS);
    expect(placeholder.status).toBe(422);
    expect(Object.keys(((await placeholder.json()) as { errors: object }).errors)).toEqual([
      "upstream_tls_ca",
    ]);
  });

  it("works with a real certificate: TLS to the database, checked, in both modes", async () => {
    expect((await put("secure", secondPut(pem("database")))).status).toBe(201);
    await served(fleet, "secure", login);
    // The guide's pool_checkout_timeout of 100 ms is short for the first server of a pool.
    await served(fleet, "secure", { ...login, mode: "session" });
    for (const mode of ["transaction", "session"] as const) {
      const client = await connectTo(fleet, "secure", { ...login, mode });
      const { rows } = await client.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
      expect(rows).toEqual([{ ssl: true }]);
      await client.end();
    }
  });

  it("does not talk to a database whose certificate is another's, or of another name", async () => {
    await put("stranger", secondPut(pem("stranger")));
    await put("misnamed", secondPut(pem("database"), { upstream_tls_name: "db.example.com" }));
    for (const id of ["stranger", "misnamed"]) {
      const error = await eventually("a refusal", () =>
        connectTo(fleet, id, login).then(
          () => undefined,
          (thrown: { code?: string; message: string }) =>
            thrown.message.includes("ENOTFOUND") ? undefined : { code: thrown.code, message: thrown.message },
        ),
      );
      expect(error).toMatchObject({
        code: "08006",
        message: expect.stringContaining("Failed to connect to database"),
      });
    }
    expect(fleet.logs()).toMatch(/"cause":"self-signed certificate[^"]*".*could not connect to a server/);
    expect(fleet.logs()).toMatch(
      /db\.example\.com\. is not in the cert's altnames.*could not connect to a server/,
    );
  });

  it("takes no generation and disconnects nobody when a PUT changes nothing", async () => {
    const client = await connectTo(fleet, "secure", { ...login, mode: "session" });
    const generation = async (): Promise<string> =>
      /^sluice_config_generation\S* (\d+)/m.exec(
        await (await fetch(`http://127.0.0.1:${fleet.dataPlane.ports.operations}/metrics`)).text(),
      )?.[1] ?? "";
    await put("marker", secondPut(pem("database")));
    await served(fleet, "marker", login);
    const before = Number(await generation());
    expect((await put("secure", secondPut(pem("database")))).status).toBe(200);
    expect((await put("marker", secondPut(pem("database"), { default_pool_size: 3 }))).status).toBe(200);
    await eventually(
      "the next change is the next generation",
      async () => Number(await generation()) > before,
    );
    await eventually("and there is one more only", async () => Number(await generation()) === before + 1);
    expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  it("merges: what a PUT leaves out stays, users are replaced as a whole, and logins follow", async () => {
    const user = { db_user: "postgres", db_password: "postgres", pool_size: 2, pool_checkout_timeout: 200 };
    const first = await putTenant(fleet, "changing", {
      db_host: "127.0.0.1",
      db_port: plain.port,
      db_database: "postgres",
      require_user: true,
      default_max_clients: 7,
      users: [user],
    });
    expect(first.status).toBe(201);
    await served(fleet, "changing", login);

    const changed = await putTenant(fleet, "changing", { users: [{ ...user, pool_size: 1 }] });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ data: { default_max_clients: 7, db_host: "127.0.0.1" } });
    await eventually("the pool is smaller", async () => {
      const [one, two] = await Promise.all([1, 2].map(() => connectTo(fleet, "changing", login)));
      try {
        await one?.query("begin");
        return await two?.query("select 1").then(
          () => false,
          (error: { code?: string }) => error.code === "53300",
        );
      } finally {
        await Promise.all([one?.end(), two?.end()]);
      }
    });

    // The database itself keeps its password: only the pooler's users change.
    const wrong = { ...user, db_password: "another" };
    await putTenant(fleet, "changing", { users: [wrong] });
    await eventually("the old password is refused", () =>
      connectTo(fleet, "changing", login).then(
        () => false,
        (error: { code?: string }) => error.code === "28P01",
      ),
    );
  });

  it("moves sessions to another database server when it changes, at the end of their transaction", async () => {
    const at = (port: number, ssl: boolean) => ({
      db_host: "127.0.0.1",
      db_port: port,
      db_database: "postgres",
      require_user: true,
      upstream_ssl: ssl,
      users: [{ db_user: "postgres", db_password: "postgres", pool_size: 2 }],
    });
    await putTenant(fleet, "moving", at(plain.port, false));
    await served(fleet, "moving", login);
    const client = await connectTo(fleet, "moving", login);
    const ended = endOf(client);
    const portNow = async (): Promise<number> =>
      (await client.query<{ port: number }>("select inet_server_port() as port")).rows[0]?.port ?? 0;
    expect(await portNow()).toBe(plain.port);
    await client.query("begin");
    await putTenant(fleet, "moving", at(secure.port, true));
    await eventually("new clients go there", async () => {
      const other = await connectTo(fleet, "moving", login);
      try {
        const { rows } = await other.query<{ port: number }>("select inet_server_port() as port");
        return rows[0]?.port === secure.port;
      } finally {
        await other.end();
      }
    });
    expect(await portNow()).toBe(plain.port);
    await client.query("commit");
    expect(await portNow()).toBe(secure.port);
    await client.end();
    expect(await ended).toEqual({});
  });
});
