import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type {
  Ack,
  ConfigService,
  Held as HeldMessage,
  Nack,
  ReportRequest,
  Status,
  WatchRequest,
} from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { InstanceName, InstanceRegistry } from "../fleet/index.js";
import type { Held, ScopePublications } from "../publishing/index.js";
import { callerOf, connectionOf } from "./call-context.js";
import type { Caller } from "./data-plane-token.js";
import type { Instances } from "./instances.js";
import type { StreamLimits } from "./limits.js";
import { checkReport, checkWatch, plainText, quarantinedOf, resultsOf } from "./request-checks.js";
import { incompatibilityOf } from "./schema-skew.js";
import { SnapshotSlots } from "./snapshot-slots.js";
import { WatchStream } from "./watch-stream.js";

/** What others want to know of. */
export interface StreamEvents {
  nacked(code: string): void;
  /** Series and bans that a connected data plane has reported. */
  reported(name: InstanceName, status: Status): Promise<void>;
  disconnected(name: InstanceName): void;
}

export interface ConfigServiceOptions {
  readonly publications: ScopePublications;
  readonly instances: Instances;
  readonly registry: InstanceRegistry;
  readonly events: StreamEvents;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly name: string;
}

const MOST_QUARANTINED_IN_LOG = 20;
const LONGEST_DETAIL = 1000;
const LONGEST_BUILD = 100;
const NACK_CODE = /^[A-Z_]{1,40}$/;

/** Watch and Report. Who calls was settled before, by the head of the request. */
export class ConfigStreams implements ServiceImpl<typeof ConfigService> {
  readonly #options: ConfigServiceOptions;
  readonly #slots: SnapshotSlots;
  #streams = 0;
  #draining = false;

  constructor(options: ConfigServiceOptions) {
    this.#options = options;
    this.#slots = new SnapshotSlots(options.limits.snapshots);
  }

  get open(): number {
    return this.#streams;
  }

  /** Tells all data planes to connect elsewhere, and takes no more. */
  drain(): void {
    this.#draining = true;
    this.#options.instances.drainAll();
  }

  async *watch(request: WatchRequest, context: HandlerContext): ReturnType<WatchStream["messages"]> {
    checkWatch(request);
    const { instances, publications, limits, clock, name, registry, events } = this.#options;
    const caller = callerOf(context);
    const { instance } = request;
    const build = plainText(request.build, LONGEST_BUILD);
    const { group, scope } = caller;
    const logger = this.#options.logger.child({ group, scope, instance });
    if (this.#draining) throw new ConnectError("this control plane is going away", Code.Unavailable);
    if (this.#streams >= limits.streams) {
      logger.warn("data plane refused: too many streams", { streams: this.#streams });
      throw new ConnectError(`it has ${limits.streams} streams, and takes no more`, Code.ResourceExhausted);
    }
    this.#streams += 1;
    let disconnected: ((nowMs: number) => void) | undefined;
    try {
      await this.#register(caller, request, build, logger);
      const { address, drop } = connectionOf(context);
      const stream = new WatchStream({
        caller,
        request,
        publications,
        slots: this.#slots,
        limits,
        clock,
        logger,
        name,
        registry,
        signal: context.signal,
        address,
        drop,
        onAhead: (held, { proven, forked }) => {
          instances.inTrouble({ group, instance }, forked ? "FORKED" : "AHEAD");
          logger.error("a data plane holds a state that this history does not know; it is sent nothing", {
            held: describe(held),
            forked,
            // Without a signature it may say what it likes, and only it is held up.
            regionIsClosed: proven,
          });
        },
      });
      const { keysetVersion, reportKey } = request;
      const owner = { credential: caller.credential, reportKey };
      const about = { instance, build, keysetVersion, held: stateOf(request.held) };
      disconnected = instances.connected(caller, about, owner, stream, clock.now());
      // Meanwhile everybody else was told to go.
      if (this.#draining) stream.drain();
      logger.info("data plane connected", { build, held: describe(request.held) });
      yield* stream.messages();
    } catch (error) {
      throw this.#told(error, logger);
    } finally {
      this.#streams -= 1;
      if (disconnected !== undefined) {
        disconnected(clock.now());
        events.disconnected({ group, instance });
        logger.info("data plane disconnected");
      }
    }
  }

  async report(request: ReportRequest, context: HandlerContext): Promise<Record<string, never>> {
    checkReport(request);
    const { group, scope, credential } = callerOf(context);
    const { instance, outcome, reportKey } = request;
    const name = { group, instance };
    const logger = this.#options.logger.child({ group, scope, instance });
    if (this.#options.instances.isOfAnother(name, { credential, reportKey })) {
      logger.warn("a report is refused: it is not from the data plane that has this instance's stream", {
        address: connectionOf(context).address,
        outcome: outcome.case,
      });
      throw new ConnectError("another one has the stream of this instance", Code.PermissionDenied);
    }
    switch (outcome.case) {
      case "ack":
        this.#acked(name, outcome.value, logger);
        break;
      case "nack":
        this.#nacked(name, outcome.value, logger);
        break;
      case "status":
        await this.#reported(name, outcome.value, logger);
        break;
      case undefined:
        break;
      default:
        outcome satisfies never;
    }
    return {};
  }

  #acked(name: InstanceName, ack: Ack, logger: Logger): void {
    const { instances, clock } = this.#options;
    const held = stateOf(ack.held);
    const quarantined = quarantinedOf(ack.quarantined);
    const results = resultsOf(ack.results).map(({ tenant, counts }) => ({
      tenant,
      counts: Object.fromEntries(Object.entries(counts).map(([what, count]) => [what, Number(count)])),
    }));
    instances.acked(name, { held, quarantined, results }, clock.now());
    if (quarantined.length === 0) {
      // One for each data plane and change; GET /api/fleet/generations/N has them all.
      logger.debug("generation acked", { held: describe(held) });
      return;
    }
    logger.warn("generation acked, with records in quarantine", {
      held: describe(held),
      count: quarantined.length,
      quarantined: quarantined.slice(0, MOST_QUARANTINED_IN_LOG),
    });
  }

  #nacked(name: InstanceName, nack: Nack, logger: Logger): void {
    const { instances, clock, events } = this.#options;
    const [held, refused] = [stateOf(nack.held), stateOf(nack.refused)];
    // A label of a metric, so nothing that somebody else makes up.
    const code = NACK_CODE.test(nack.code) ? nack.code : "OTHER";
    const detail = plainText(nack.detail, LONGEST_DETAIL);
    const at = new Date(clock.now());
    instances.nacked(name, { nack: { code, detail, refused, at }, held }, at.getTime());
    events.nacked(code);
    logger.error("configuration nacked", {
      nack: code,
      detail,
      refused: describe(refused),
      held: describe(held),
    });
  }

  async #reported(name: InstanceName, status: Status, logger: Logger): Promise<void> {
    const { instances, clock, events } = this.#options;
    // Late, or of an instance that never came here: there is no stream to it.
    if (!instances.isConnected(name)) throw new ConnectError("it is not connected", Code.FailedPrecondition);
    const { freshnessAgeMs, quarantined, ready, keysetVersion } = status;
    instances.reported(
      name,
      {
        ready,
        keysetVersion,
        held: stateOf(status.held),
        quarantined: quarantinedOf(quarantined),
        freshnessAgeMs: freshnessAgeMs === undefined ? null : Number(freshnessAgeMs),
      },
      clock.now(),
    );
    try {
      await events.reported(name, status);
    } catch (error) {
      logger.warn("a report could not be kept", { error });
      throw new ConnectError("the report could not be kept", Code.Unavailable);
    }
  }

  /** Also one that does not read what is published is registered, so that operators see it. */
  async #register(caller: Caller, request: WatchRequest, build: string, logger: Logger): Promise<void> {
    const { registry, limits } = this.#options;
    const { instance, publicKey, keysetVersion } = request;
    const { group, region, scope } = caller;
    const incompatibility = incompatibilityOf(request);
    const registration = await registry.register({
      group,
      instance,
      region,
      scope,
      publicKey,
      build,
      keysetVersion,
      incompatible: incompatibility !== undefined,
    });
    switch (registration) {
      case "registered":
        break;
      case "other-key":
        logger.error("data plane refused: this instance is known with another key");
        throw new ConnectError(
          "this instance is known with another key; an operator must allow the new one, or remove the data folder of the copy",
          Code.PermissionDenied,
        );
      case "full":
        logger.error("data plane refused: its group has too many instances");
        throw new ConnectError(
          `the group has ${limits.instancesPerGroup} instances, and takes no more`,
          Code.ResourceExhausted,
        );
      case "revoked":
        logger.error("data plane refused: it is revoked");
        throw new ConnectError("this instance is revoked", Code.PermissionDenied);
      default:
        registration satisfies never;
    }
    if (incompatibility === undefined) return;
    logger.error("data plane refused: INCOMPATIBLE", { build, reason: incompatibility });
    throw new ConnectError(`INCOMPATIBLE: ${incompatibility}`, Code.FailedPrecondition);
  }

  #told(error: unknown, logger: Logger): ConnectError {
    if (error instanceof ConnectError) return error;
    logger.error("a stream failed", { error });
    const { kind } = SluiceError.from(error);
    // What went wrong is ours to read; the data plane tries again.
    return kind === "invalid"
      ? new ConnectError("the request cannot be used", Code.InvalidArgument)
      : new ConnectError("configuration is not available at the moment", Code.Unavailable);
  }
}

function stateOf(held: HeldMessage | undefined): Held | undefined {
  if (held === undefined) return undefined;
  return { epoch: held.epoch, generation: held.generation, stateRoot: held.stateRoot };
}

function describe(held: Held | undefined): string {
  if (held === undefined) return "nothing";
  return `generation ${held.generation} of epoch ${held.epoch} (root ${Buffer.from(held.stateRoot).toString("hex", 0, 6)})`;
}
