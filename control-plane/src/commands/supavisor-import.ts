import type { ApiAnswer, ApiClient } from "./api-client.js";
import type { Found, FoundCluster, FoundTenant } from "./supavisor-source.js";

export interface ImportReport {
  /** One for each tenant and cluster, and one for each thing that could not be taken as it is. */
  readonly lines: readonly string[];
  readonly refused: number;
}

/** Tenants. */
const TOLD_EVERY = 100;

type Outcome = "created" | "updated" | "unchanged" | "refused";

/** Brings what was found into a control plane through its API, so that everything is checked as every PUT is. */
export class SupavisorImport {
  readonly #api: ApiClient;
  readonly #apply: boolean;
  readonly #tell: (line: string) => void;
  readonly #lines: string[] = [];
  readonly #outcomes = new Map<string, Outcome>();

  /**
   * @param apply false: nothing is written, the report says what would be.
   * @param tell is told how far it is
   */
  constructor(api: ApiClient, apply: boolean, tell: (line: string) => void) {
    this.#api = api;
    this.#apply = apply;
    this.#tell = tell;
  }

  /** Tenants first: clusters name them. May be run again: what is there already is left as it is. */
  async run({ tenants, clusters }: Found): Promise<ImportReport> {
    for (const [index, tenant] of tenants.entries()) {
      await this.#bringTenant(tenant);
      if ((index + 1) % TOLD_EVERY === 0) this.#tell(`${index + 1} of ${tenants.length} tenants`);
    }
    for (const cluster of clusters) await this.#bringCluster(cluster);
    const counts = { created: 0, updated: 0, unchanged: 0, refused: 0 };
    for (const outcome of this.#outcomes.values()) counts[outcome] += 1;
    const summary = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    this.#lines.push(`${this.#apply ? "" : "dry run, nothing was written: "}${summary.join(", ")}`);
    return { lines: this.#lines, refused: counts.refused };
  }

  async #bringTenant({ externalId, input, ban, notes }: FoundTenant): Promise<void> {
    const name = `tenant ${externalId}`;
    const path = `/api/tenants/${encodeURIComponent(externalId)}`;
    for (const note of notes) this.#lines.push(`${name}: note: ${note}`);
    const outcome = await this.#put(name, path, { tenant: input });
    if (ban !== undefined && outcome !== "refused") await this.#ban(name, path, ban);
  }

  async #ban(name: string, path: string, ban: NonNullable<FoundTenant["ban"]>): Promise<void> {
    const { status, body } = await this.#api.get(path);
    const { data = {} } = body as { readonly data?: Readonly<Record<string, unknown>> };
    if (status === 200 && data.ban_reason === ban.reason && sameMoment(data.banned_until, ban.until)) return;
    this.#lines.push(`${name}: banned: ${ban.reason}`);
    if (!this.#apply) return;
    const answer = await this.#api.patch(path, {
      banned: true,
      ban_reason: ban.reason,
      banned_until: ban.until,
    });
    if (answer.status !== 200) this.#refuse(name, answer);
  }

  async #bringCluster({ alias, input }: FoundCluster): Promise<void> {
    const name = `cluster ${alias}`;
    const waits = input.cluster_tenants.some(
      ({ tenant_external_id }) => this.#outcomes.get(`tenant ${tenant_external_id}`) === "created",
    );
    if (!this.#apply && waits) {
      // Its tenants are not there yet, and the API would say so.
      this.#settle(name, "created", " after its tenants");
      return;
    }
    await this.#put(name, `/api/clusters/${encodeURIComponent(alias)}`, { cluster: input });
  }

  async #put(name: string, path: string, body: unknown): Promise<Outcome> {
    const looked = await this.#api.put(`${path}?dry_run=true`, body);
    if (looked.status !== 200) return this.#refuse(name, looked);
    const { outcome, difference } = looked.body as {
      readonly outcome: Outcome;
      readonly difference: Readonly<Record<string, unknown>>;
    };
    if (this.#apply && outcome !== "unchanged") {
      const done = await this.#api.put(path, body);
      if (done.status >= 300) return this.#refuse(name, done);
    }
    const changes = outcome === "updated" ? `: ${Object.keys(difference).join(", ")}` : "";
    return this.#settle(name, outcome, changes);
  }

  #refuse(name: string, { status, body }: ApiAnswer): Outcome {
    const { errors = {}, error } = body as { readonly errors?: object; readonly error?: string };
    const fields = Object.entries(errors).map(([field, texts]) => `${field} ${String(texts)}`);
    return this.#settle(name, "refused", `: ${fields.join("; ") || error || `status ${status}`}`);
  }

  #settle(name: string, outcome: Outcome, more: string): Outcome {
    this.#outcomes.set(name, outcome);
    this.#lines.push(`${name}: ${outcome}${more}`);
    return outcome;
  }
}

function sameMoment(shown: unknown, wanted: string | null): boolean {
  if (wanted === null || typeof shown !== "string") return (shown ?? null) === wanted;
  return Date.parse(shown) === Date.parse(wanted);
}
