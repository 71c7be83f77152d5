import type { Logger } from "@sluice/shared/observability";
import { type Clock, Deadline } from "@sluice/shared/time";
import type { Ask, AskAnswer } from "../fleet/index.js";
import type { FleetFigures } from "../metrics/index.js";
import type { Directory } from "../tenants/index.js";
import { type Command, parseCommand, type Shown } from "./command.js";
import {
  ConsoleAllPaused,
  ConsoleBusy,
  ConsoleClientUnknown,
  ConsoleRightMissing,
  ConsoleTenantUnknown,
} from "./console-failure.js";
import type { ConsoleUser } from "./console-users.js";
import { DatabaseTotals } from "./database-totals.js";
import { MinuteRates } from "./minute-rates.js";
import {
  clientsTable,
  listsTable,
  poolsTable,
  serversOf,
  serversTable,
  statsTable,
  tenantsTable,
  workersTable,
} from "./shown.js";
import type { Table } from "./table.js";

/** The workers, as the console sees them. */
export interface ConsoleFleet {
  /** Answers of all workers. @throws DeadlinePassed */
  ask(ask: Ask): Promise<readonly AskAnswer[]>;
  /** Undefined: all tenants at once. */
  paused(tenant: string | undefined): boolean;
}

export interface ConsoleOptions {
  readonly fleet: ConsoleFleet;
  readonly figures: FleetFigures;
  readonly directory: Directory;
  /** Name, value and default of each setting; nothing secret. */
  readonly settings: () => readonly (readonly [name: string, value: string, changeable: boolean])[];
  readonly bundle: () => Readonly<Record<string, string | number | undefined>>;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type Outcome = { readonly table: Table } | { readonly tag: string };

/** How long PAUSE waits for servers that are in use. */
const PAUSE_TIMEOUT_MS = 30_000;
const PAUSE_LOOK_MS = 50;

const HELP: Table = {
  columns: ["command", "right", "what"],
  rows: [
    ["SHOW POOLS", "read", "each pool: its clients, its servers, the longest wait"],
    ["SHOW CLIENTS", "read", "each client of this data plane"],
    ["SHOW SERVERS", "read", "each server connection"],
    ["SHOW STATS", "read", "totals, and averages of the last minute"],
    ["SHOW TENANTS", "read", "each tenant (also SHOW DATABASES)"],
    ["SHOW LISTS", "read", "how many there are of what"],
    ["SHOW WORKERS", "read", "each worker: processor time, memory, event loop"],
    ["SHOW CONFIG", "read", "settings of this data plane, without secrets"],
    ["SHOW BUNDLE", "read", "the configuration in force, and how fresh it is"],
    ["SHOW VERSION", "read", "of this data plane"],
    [
      "PAUSE [tenant]",
      "write",
      "clients wait from the next transaction on; returns when no server is in use",
    ],
    ["RESUME [tenant]", "write", "ends PAUSE and KILL; after PAUSE of all only RESUME of all does"],
    ["RECONNECT [tenant]", "write", "servers are opened anew as they come back"],
    ["KILL tenant", "write", "ends its clients and servers now; new clients wait for RESUME"],
    ["KILL_CLIENT id", "write", "ends one client, by the id of SHOW CLIENTS"],
  ],
};

/** What the commands of the console do; no bytes, no sockets. Orders live until this data plane ends. */
export class Console {
  readonly #options: ConsoleOptions;
  readonly #totals: DatabaseTotals;
  readonly #rates: MinuteRates;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#totals = new DatabaseTotals(options.figures);
    this.#rates = new MinuteRates(this.#totals, options.clock);
  }

  /** @throws SluiceError that the user of the console reads */
  async run(text: string, user: ConsoleUser, address: string): Promise<Outcome> {
    const command = parseCommand(text);
    if (command.kind === "show") return { table: await this.#show(command.what) };
    const verb = command.kind === "order" ? command.order.toUpperCase() : "KILL_CLIENT";
    if (user.right !== "write") throw new ConsoleRightMissing(user.name, verb);
    const subject = command.kind === "order" ? (command.tenant ?? "all tenants") : command.id;
    this.#options.logger.info("console order", { order: verb, subject, user: user.name, address });
    await this.#act(command);
    return { tag: verb };
  }

  async #show(what: Shown): Promise<Table> {
    const { fleet, figures, directory, clock } = this.#options;
    switch (what) {
      case "help":
        return HELP;
      case "version":
        return { columns: ["version"], rows: [[`Sluice ${this.#options.version}`]] };
      case "pools":
        return poolsTable(figures);
      case "clients":
        return clientsTable(await fleet.ask({ what: "clients" }), clock.now());
      case "servers":
        return serversTable(await fleet.ask({ what: "servers" }), clock.now());
      case "stats":
        return statsTable(this.#totals.now().values(), (tenant, database) =>
          this.#rates.of(tenant, database),
        );
      case "tenants":
      case "databases":
        return tenantsTable(
          directory.tenants(),
          figures,
          ({ id, orders }) => fleet.paused(id) || orders.pausedUntilMs > clock.now(),
        );
      case "lists":
        return listsTable(figures);
      case "workers":
        return workersTable(figures);
      case "config":
        return {
          columns: ["key", "value", "changeable"],
          rows: this.#options
            .settings()
            .map(([name, value, changeable]) => [name, value, changeable ? "yes" : "no"]),
        };
      case "bundle":
        return { columns: ["key", "value"], rows: Object.entries(this.#options.bundle()) };
      default:
        return what satisfies never;
    }
  }

  async #act(command: Exclude<Command, { kind: "show" }>): Promise<void> {
    const { fleet, directory } = this.#options;
    if (command.kind === "kill-client") {
      const answers = await fleet.ask({ what: "kill-client", id: command.id });
      if (!answers.some((answer) => "done" in answer && answer.done > 0))
        throw new ConsoleClientUnknown(command.id);
      return;
    }
    const { order, tenant } = command;
    if (tenant !== undefined && directory.find(tenant) === undefined) throw new ConsoleTenantUnknown(tenant);
    // It would change nothing: everybody's pause is not parted into those of tenants.
    if (order === "resume" && tenant !== undefined && fleet.paused(undefined))
      throw new ConsoleAllPaused(tenant);
    await fleet.ask({ what: order, tenant });
    if (order === "pause") await this.#idle(tenant);
  }

  /** Waits until no server is left. @throws ConsoleBusy */
  async #idle(tenant: string | undefined): Promise<void> {
    const { fleet, clock } = this.#options;
    const deadline = Deadline.after(clock, PAUSE_TIMEOUT_MS);
    for (;;) {
      const open = serversOf(await fleet.ask({ what: "servers" })).filter(
        (server) => tenant === undefined || server.tenant === tenant,
      );
      if (open.length === 0) return;
      if (deadline.passed) throw new ConsoleBusy(open.length, PAUSE_TIMEOUT_MS);
      await new Promise<void>((resolve) => {
        clock.schedule(PAUSE_LOOK_MS, resolve);
      });
    }
  }
}
