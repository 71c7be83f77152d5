import { Code, ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { SCHEMA_VERSION } from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";
import type { ConfigService, Held as HeldMessage, ReportRequest, WatchRequest } from "@sluice/shared/stream";
import type { Clock } from "@sluice/shared/time";
import type { Held, ScopePublications } from "../publishing/index.js";
import { callerOf, connectionOf } from "./call-context.js";
import type { Caller } from "./data-plane-token.js";
import type { Instances } from "./instances.js";
import type { KnownKeys } from "./known-keys.js";
import type { StreamLimits } from "./limits.js";
import { SnapshotSlots } from "./snapshot-slots.js";
import { WatchStream } from "./watch-stream.js";

export interface ConfigServiceOptions {
  readonly publications: ScopePublications;
  readonly instances: Instances;
  readonly knownKeys: KnownKeys;
  readonly limits: StreamLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly name: string;
}

const INSTANCE = /^[A-Za-z0-9-]{8,64}$/;
const MOST_KEY_IDS = 64;
const MOST_QUARANTINED_IN_LOG = 20;

/** Watch and Report. Who calls was settled before, by the token. */
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
    const { instances, publications, limits, clock, name } = this.#options;
    const caller = callerOf(context);
    const { instance, build } = request;
    const { group, scope } = caller;
    const logger = this.#options.logger.child({ group, scope, instance });
    checkRequest(request);
    if (this.#draining) throw new ConnectError("this control plane is going away", Code.Unavailable);
    if (this.#streams >= limits.streams) {
      logger.warn("data plane refused: too many streams", { streams: this.#streams });
      throw new ConnectError(`it has ${limits.streams} streams, and takes no more`, Code.ResourceExhausted);
    }
    this.#streams += 1;
    let disconnected: ((nowMs: number) => void) | undefined;
    try {
      await this.#register(caller, request, logger);
      const stream = new WatchStream({
        caller,
        request,
        publications,
        slots: this.#slots,
        limits,
        clock,
        logger,
        name,
        signal: context.signal,
        drop: connectionOf(context).drop,
        onAhead: (held) => {
          instances.isAhead(group, instance);
          logger.error("a data plane holds a state that this history does not know; it is sent nothing", {
            held: describe(held),
          });
        },
      });
      const { keysetVersion } = request;
      disconnected = instances.connected(caller, { instance, build, keysetVersion }, stream, clock.now());
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
        logger.info("data plane disconnected");
      }
    }
  }

  report(request: ReportRequest, context: HandlerContext): Record<string, never> {
    const { instances, clock } = this.#options;
    const { group, scope } = callerOf(context);
    const { instance, outcome } = request;
    if (!INSTANCE.test(instance)) throw new ConnectError("bad instance id", Code.InvalidArgument);
    const logger = this.#options.logger.child({ group, scope, instance });
    const atMs = clock.now();
    switch (outcome.case) {
      case "ack": {
        const { held, quarantined } = outcome.value;
        instances.acked(group, instance, { held: stateOf(held), quarantined, atMs });
        if (quarantined.length === 0) logger.info("generation acked", { held: describe(held) });
        else {
          logger.warn("generation acked, with records in quarantine", {
            held: describe(held),
            count: quarantined.length,
            quarantined: quarantined.slice(0, MOST_QUARANTINED_IN_LOG),
          });
        }
        break;
      }
      case "nack": {
        const { code, detail, held, refused } = outcome.value;
        instances.nacked(group, instance, {
          code,
          detail,
          refused: stateOf(refused),
          held: stateOf(held),
          atMs,
        });
        logger.error("configuration nacked", {
          nack: code,
          detail,
          refused: describe(refused),
          held: describe(held),
        });
        break;
      }
      case undefined:
        throw new ConnectError("neither ack nor nack", Code.InvalidArgument);
      default:
        outcome satisfies never;
    }
    return {};
  }

  async #register(caller: Caller, request: WatchRequest, logger: Logger): Promise<void> {
    const { knownKeys, limits } = this.#options;
    switch (await knownKeys.register(caller.group, request.instance, request.publicKey)) {
      case "registered":
        return;
      case "other":
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
    }
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

/** @throws ConnectError */
function checkRequest(request: WatchRequest): void {
  const { instance, publicKey, dataKeyIds, maxSchemaVersion, held } = request;
  if (!INSTANCE.test(instance)) throw new ConnectError("bad instance id", Code.InvalidArgument);
  if (publicKey.length !== 32) throw new ConnectError("bad public key", Code.InvalidArgument);
  if (dataKeyIds.length > MOST_KEY_IDS) throw new ConnectError("too many data keys", Code.InvalidArgument);
  if (held !== undefined && held.stateRoot.length !== 32) {
    throw new ConnectError("bad state root", Code.InvalidArgument);
  }
  if (maxSchemaVersion < SCHEMA_VERSION) {
    throw new ConnectError(
      `INCOMPATIBLE: it reads schema ${maxSchemaVersion}, published is ${SCHEMA_VERSION}; upgrade the data plane`,
      Code.FailedPrecondition,
    );
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
