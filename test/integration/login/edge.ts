import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DataPlaneWorker,
  Primary,
  type PrimaryOptions,
  type WorkerOptions,
} from "@sluice/data-plane/fleet/index";
import { ClientPort } from "@sluice/data-plane/listener/index";
import { FleetFigures } from "@sluice/data-plane/metrics/index";
import { Directory } from "@sluice/data-plane/tenants/index";
import {
  AddressRanges,
  CertificateFiles,
  type ClientCertificateRule,
  ClientTls,
  type NameLookups,
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
import type { LogFields, Logger } from "@sluice/shared/observability";
import { formatVerifier, makeDataKey, makeVerifier, sealField } from "@sluice/shared/secrets";
import type { PoolMode } from "@sluice/shared/tenant";
import { Deadline, systemClock } from "@sluice/shared/time";
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
  readonly checkoutTimeoutMs?: number;
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
  readonly primary?: Partial<PrimaryOptions>;
  readonly worker?: Partial<WorkerOptions>;
  /** Where the ports are. Default 127.0.0.1. */
  readonly host?: string;
  /** Of the first worker's listener for transaction mode. */
  readonly port?: number;
  /** Each with ports of its own. Default 1. */
  readonly workers?: number;
  readonly globalCa?: string;
  readonly names?: NameLookups;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

interface Worker {
  readonly worker: DataPlaneWorker;
  readonly ports: Record<PoolMode, ClientPort | undefined>;
  takesClients: boolean;
}

/**
 * What clients meet of a data plane, in this process: workers with their listeners, and the primary behind the same
 * messages. Tenants come as records, sealed as a bundle has them.
 */
export class Edge {
  readonly log: LogLine[] = [];
  readonly #dataKey = makeDataKey();
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-edge-"));
  readonly #directory = new Directory();
  /** What /metrics is made from. */
  readonly figures = new FleetFigures(1000);
  readonly #authQuery: AuthQuery;
  readonly #primary: Primary;
  readonly #files: CertificateFiles | undefined;
  readonly #workers: readonly Worker[];
  #generation = 0n;

  private constructor({
    tls,
    proxyProtocol = "off",
    trustedBalancers = [],
    primary = {},
    worker = {},
    workers = 1,
    globalCa,
    names,
  }: EdgeOptions) {
    const dialOptions = { globalCa, ...(names === undefined ? {} : { names }) };
    const logger = this.#logger({});
    this.#authQuery = new AuthQuery(dialOptions, logger);
    this.#directory.listen(this.#authQuery);
    this.#primary = new Primary({
      directory: this.#directory,
      verifiers: new CachedVerifiers((tenant, user) => this.#authQuery.secretOf(tenant, user), systemClock),
      figures: this.figures,
      scope: SCOPE,
      regionDataPlanes: worker.regionDataPlanes ?? 1,
      node: worker.node ?? 0,
      cancelPeers: undefined,
      clock: systemClock,
      logger,
      ...primary,
    });
    this.#files = tls === undefined ? undefined : this.#certificateFiles(tls, logger);
    const options = {
      negotiation: {
        tls: this.#files === undefined ? undefined : new ClientTls(this.#files, tls?.rule ?? "none"),
        proxyProtocol,
        trustedBalancers: AddressRanges.parse(trustedBalancers),
      },
      dialOptions,
      regionDataPlanes: 1,
      node: 0,
      mostUnauthenticated: 1000,
      mostUnauthenticatedPerAddress: 1000,
      loginTimeoutMs: 15_000,
      drainTimeoutMs: 1000,
      clock: systemClock,
      logger,
      workers,
      ...worker,
    };
    this.#workers = Array.from({ length: workers }, (_, number) => this.#makeWorker(number, options));
  }

  #makeWorker(number: number, options: Omit<WorkerOptions, "send" | "worker">): Worker {
    const made: Worker = {
      worker: new DataPlaneWorker({
        ...options,
        worker: number,
        send: (message) => {
          // As between processes: the answer never comes in the same turn.
          setImmediate(() => {
            if (message.kind === "taking-clients") made.takesClients = true;
            if (message.kind === "hello")
              this.#primary.attach(
                number,
                (answer, sent) => {
                  setImmediate(() => made.worker.received(answer, () => undefined));
                  sent?.();
                },
                () =>
                  setImmediate(() =>
                    made.worker.received({ kind: "take-clients", from: undefined }, () => undefined),
                  ),
              );
            else this.#primary.received(number, message);
          });
        },
      }),
      ports: { transaction: undefined, session: undefined },
      takesClients: false,
    };
    return made;
  }

  static async start(options: EdgeOptions = {}): Promise<Edge> {
    const edge = new Edge(options);
    for (const { worker } of edge.#workers) worker.start();
    await eventually("the workers", () => edge.#workers.every(({ takesClients }) => takesClients));
    const { host = "127.0.0.1" } = options;
    for (const [number, { worker, ports }] of edge.#workers.entries()) {
      const first = number === 0 ? (options.port ?? 0) : 0;
      for (const mode of ["transaction", "session"] as const)
        ports[mode] = await ClientPort.open(host, mode === "transaction" ? first : 0, (socket) =>
          worker.received({ kind: "client", number: 0, mode }, () => undefined, socket),
        );
    }
    return edge;
  }

  /** Transaction mode's. */
  get port(): number {
    return this.portOf(0);
  }

  get sessionPort(): number {
    return this.portOf(0, "session");
  }

  portOf(worker: number, mode: "transaction" | "session" = "transaction"): number {
    return this.#workers[worker]?.ports[mode]?.number ?? 0;
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
    for (const { worker, ports } of this.#workers) {
      const deadline = Deadline.after(systemClock, 2000);
      await Promise.all([ports.transaction?.close(deadline), ports.session?.close(deadline)]);
      await worker.stop();
    }
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

  #apply(records: ReadonlyMap<string, Uint8Array>): void {
    const dataKeys = new Map([[this.#dataKey.id, this.#dataKey.key]]);
    const upsert = records as ReadonlyMap<string, VerifiedBytes>;
    this.#generation += 1n;
    this.#primary.apply({
      scope: SCOPE,
      epoch: 0n,
      generation: this.#generation,
      dataKeys,
      upsert,
      remove: [],
    });
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
      ...(user.checkoutTimeoutMs === undefined ? {} : { poolCheckoutTimeoutMs: user.checkoutTimeoutMs }),
      sealedPassword: seal("db_password", user.password),
      sealedVerifier: seal("verifier", formatVerifier(await makeVerifier(user.password, user.iterations))),
    };
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
