import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataPlaneWorker, type ToPrimary, type WorkerOptions } from "@sluice/data-plane/fleet/index";
import { applyRecords, Directory } from "@sluice/data-plane/tenants/index";
import {
  AddressRanges,
  CertificateFiles,
  type ClientCertificateRule,
  ClientTls,
  type TlsFloor,
} from "@sluice/data-plane/transport/index";
import { AuthQuery, CachedVerifiers } from "@sluice/data-plane/verifiers/index";
import {
  type ClusterRecordContent,
  encodeCluster,
  encodeTenant,
  IpVersion,
  type TenantRecordContent,
  type VerifiedBytes,
} from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";
import { background } from "@sluice/shared/lifecycle";
import type { LogFields, Logger } from "@sluice/shared/observability";
import { formatVerifier, makeDataKey, makeVerifier, sealField } from "@sluice/shared/secrets";
import { systemClock } from "@sluice/shared/time";
import type { Pair } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import type { PostgresCluster } from "../../support/postgres-cluster.js";

const SCOPE = "region:test";

export interface EdgeUser {
  readonly name: string;
  readonly password: string;
  readonly manager?: boolean;
  readonly poolSize?: number;
  readonly maxClients?: number;
  /** Of the verifier in the bundle. */
  readonly iterations?: number;
}

export type EdgeTenant = Omit<TenantRecordContent, "users" | "externalId" | "$typeName"> & {
  readonly users: readonly EdgeUser[];
};

export interface EdgeOptions {
  readonly tls?: {
    readonly pairs: readonly Pair[];
    readonly clientCa?: string;
    readonly rule?: ClientCertificateRule;
    readonly floor?: TlsFloor;
  };
  readonly proxyProtocol?: "off" | "optional" | "required";
  readonly trustedBalancers?: readonly string[];
  readonly worker?: Partial<WorkerOptions>;
  readonly globalCa?: string;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

type Found = Awaited<ReturnType<CachedVerifiers["find"]>>;

/**
 * What clients meet of a data plane, in this process: a worker with its listeners, and in place of the primary the same
 * verifiers behind the same messages. Tenants come as records, sealed as a bundle has them.
 */
export class Edge {
  readonly log: LogLine[] = [];
  readonly #dataKey = makeDataKey();
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-edge-"));
  readonly #directory = new Directory();
  readonly #authQuery: AuthQuery;
  readonly #verifiers: CachedVerifiers;
  readonly #files: CertificateFiles | undefined;
  readonly #worker: DataPlaneWorker;
  #ports: { transaction: number; session: number } | undefined;

  private constructor({
    tls,
    proxyProtocol = "off",
    trustedBalancers = [],
    worker = {},
    globalCa,
  }: EdgeOptions) {
    const dialOptions = { globalCa };
    const logger = this.#logger({});
    this.#authQuery = new AuthQuery(dialOptions, logger);
    this.#directory.listen(this.#authQuery);
    this.#verifiers = new CachedVerifiers(
      (tenant, user) => this.#authQuery.secretOf(tenant, user),
      systemClock,
    );
    this.#files = tls === undefined ? undefined : this.#certificateFiles(tls, logger);
    this.#worker = new DataPlaneWorker({
      host: "127.0.0.1",
      transactionPort: 0,
      sessionPort: 0,
      negotiation: {
        tls: this.#files === undefined ? undefined : new ClientTls(this.#files, tls?.rule ?? "none"),
        proxyProtocol,
        trustedBalancers: AddressRanges.parse(trustedBalancers),
      },
      mostUnauthenticated: 1000,
      mostUnauthenticatedPerAddress: 1000,
      dialOptions,
      node: 0,
      cancelPeers: undefined,
      loginTimeoutMs: 15_000,
      drainTimeoutMs: 1000,
      clock: systemClock,
      logger,
      send: (message) => background(logger, "primary", this.#primary(message)),
      ...worker,
    });
  }

  static async start(options: EdgeOptions = {}): Promise<Edge> {
    const edge = new Edge(options);
    await edge.#worker.start();
    await eventually("the ports of the worker", () => edge.#ports);
    return edge;
  }

  /** Transaction mode's. */
  get port(): number {
    return this.#ports?.transaction ?? 0;
  }

  get sessionPort(): number {
    return this.#ports?.session ?? 0;
  }

  logged(code: string): readonly LogLine[] {
    return this.log.filter(({ fields }) => {
      const { error } = fields;
      return error instanceof SluiceError && error.code === code;
    });
  }

  /** Over the files that are there, as a renewal does. */
  writePairs(pairs: readonly Pair[]): void {
    for (const [at, { cert, key }] of pairs.entries()) {
      writeFileSync(join(this.#folder, `cert-${at}.pem`), cert);
      writeFileSync(join(this.#folder, `key-${at}.pem`), key);
    }
  }

  async put(id: string, tenant: EdgeTenant): Promise<void> {
    const users = await Promise.all(tenant.users.map((user) => this.#userRecord(id, user)));
    const record = encodeTenant({
      defaultPoolSize: 5,
      defaultMaxClients: 1000,
      allowList: ["0.0.0.0/0", "::/0"],
      ipVersion: IpVersion.AUTO,
      ...tenant,
      externalId: id,
      users,
    });
    this.#apply(new Map([[`tenant/${id}`, record]]));
  }

  putCluster(alias: string, cluster: Omit<ClusterRecordContent, "alias" | "$typeName">): void {
    this.#apply(new Map([[`cluster/${alias}`, encodeCluster({ active: true, ...cluster, alias })]]));
  }

  async stop(): Promise<void> {
    this.#files?.stop();
    await this.#worker.stop();
    await this.#authQuery.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #certificateFiles(tls: NonNullable<EdgeOptions["tls"]>, logger: Logger): CertificateFiles {
    const path = (name: string): string => join(this.#folder, `${name}.pem`);
    this.writePairs(tls.pairs);
    if (tls.clientCa !== undefined) writeFileSync(path("client-ca"), tls.clientCa);
    const paths = {
      certs: tls.pairs.map((_, at) => path(`cert-${at}`)),
      keys: tls.pairs.map((_, at) => path(`key-${at}`)),
      clientCa: tls.clientCa === undefined ? undefined : path("client-ca"),
    };
    const files = new CertificateFiles(paths, tls.floor ?? "TLSv1.2", logger);
    files.watch(systemClock, 20);
    return files;
  }

  #apply(upsert: ReadonlyMap<string, Uint8Array>): void {
    const dataKeys = new Map([[this.#dataKey.id, this.#dataKey.key]]);
    const change = { scope: SCOPE, dataKeys, upsert, remove: [] };
    applyRecords(this.#directory, { ...change, upsert: upsert as ReadonlyMap<string, VerifiedBytes> });
    this.#worker.received({ kind: "state", ...change }, () => undefined);
  }

  async #userRecord(tenant: string, user: EdgeUser) {
    const seal = (field: string, text: string) => {
      const place = { scope: SCOPE, tenant, field: `users/${user.name}/${field}` };
      const { keyId, nonce, ciphertext } = sealField(this.#dataKey, place, text);
      return { keyId, nonce: Uint8Array.from(nonce), ciphertext: Uint8Array.from(ciphertext) };
    };
    return {
      dbUser: user.name,
      poolSize: user.poolSize ?? 5,
      isManager: user.manager ?? false,
      maxClients: user.maxClients ?? 0,
      sealedPassword: seal("db_password", user.password),
      sealedVerifier: seal("verifier", formatVerifier(await makeVerifier(user.password, user.iterations))),
    };
  }

  async #primary(message: ToPrimary): Promise<void> {
    if (message.kind === "listening") this.#ports = message.ports;
    if (message.kind === "login-failed") {
      const tenant = this.#directory.find(message.tenant);
      if (tenant !== undefined) this.#verifiers.loginFailed(tenant, message.user);
    }
    if (message.kind !== "verifier-wanted") return;
    const tenant = this.#directory.find(message.tenant);
    const answer = (outcome: { found: Found } | { failed: string }): void =>
      this.#worker.received({ kind: "verifier", id: message.id, outcome }, () => undefined);
    try {
      answer({ found: tenant === undefined ? undefined : await this.#verifiers.find(tenant, message.user) });
    } catch (error) {
      answer({ failed: SluiceError.from(error).clientMessage.replace(/^\(EAUTHQUERY\) /, "") });
    }
  }

  #logger(more: LogFields): Logger {
    const at =
      (level: string) =>
      (message: string, fields: LogFields = {}): void => {
        this.log.push({ level, message, fields: { ...more, ...fields } });
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => this.#logger({ ...more, ...fields }),
    };
  }
}

/** A tenant whose database is the test run's Postgres, with its superuser as manager. */
export function tenantOn(server: PostgresCluster, change: Partial<EdgeTenant> = {}): EdgeTenant {
  return {
    dbHost: server.host,
    dbPort: server.port,
    dbDatabase: "postgres",
    requireUser: true,
    users: [{ name: server.user, password: server.password, manager: true }],
    ...change,
  };
}

export const AUTH_QUERY = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1";
