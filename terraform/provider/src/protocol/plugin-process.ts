import type { GrpcMethods } from "./grpc-server.js";
import { checkStart, handshakeLine, ProtocolNotSpoken, StartedByHand } from "./handshake.js";
import { log } from "./hclog.js";
import { PluginServer } from "./plugin-server.js";

/** What go-plugin tells a plugin that it starts. */
export interface PluginEnvironment {
  readonly magicCookie: string | undefined;
  readonly protocolVersions: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly socketFolder: string;
}

const SHUTDOWN = "/plugin.GRPCController/Shutdown";
/** After the last connection closed: a Terraform that was killed never says Shutdown. */
const LINGER_MS = 1000;
/** Terraform connects at once; if it never does, it is gone. */
const FIRST_CONNECTION_MS = 60_000;

/** Serves as the process that Terraform started, until Terraform is done with it. */
export async function servePlugin(methods: GrpcMethods, environment: PluginEnvironment): Promise<void> {
  try {
    checkStart(environment.magicCookie, environment.protocolVersions);
  } catch (error) {
    if (!(error instanceof StartedByHand || error instanceof ProtocolNotSpoken)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  // Ctrl-C reaches the whole process group: Terraform decides, and waits for the calls under way.
  process.on("SIGINT", () => undefined);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  let linger: NodeJS.Timeout | undefined;
  const shutDown = (): Promise<Uint8Array> => {
    // The answer goes out first.
    setImmediate(() => end(server));
    return Promise.resolve(new Uint8Array(0));
  };
  const server = await PluginServer.listen({
    methods: new Map([...methods, [SHUTDOWN, shutDown]]),
    folder: environment.socketFolder,
    clientCertificate: environment.clientCertificate,
  });
  const endWhenQuiet = (afterMs: number): void => {
    clearTimeout(linger);
    linger = setTimeout(() => {
      if (server.grpc.quiet) end(server);
    }, afterMs);
  };
  server.grpc.onQuiet(() => endWhenQuiet(LINGER_MS));
  endWhenQuiet(FIRST_CONNECTION_MS);
  process.once("SIGTERM", () => end(server));
  // Only Terraform's line may stand on stdout.
  process.stdout.write(handshakeLine(server.socket, server.certificate));
  log("debug", "the provider listens", { pid: process.pid });
}

function end(server: PluginServer): void {
  server.close();
  // Kept-alive connections to the API would hold the process for a while.
  setTimeout(() => process.exit(0), 50);
}
