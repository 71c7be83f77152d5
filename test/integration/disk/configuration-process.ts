import { createPrivateKey } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { Configuration } from "@sluice/data-plane/subscription/configuration";
import { publicKeyFromRaw } from "@sluice/shared/bundle";
import { silentLogger } from "@sluice/shared/observability";
import { systemClock } from "@sluice/shared/time";
import { operations } from "./dying-files.js";
import { type Message, TextSink } from "./text-sink.js";

/*
 * A data plane's configuration in a process of its own, which may be killed at any moment. It takes the messages of a
 * file in turn, and tells each state that it would have acked.
 */

export interface ConfigurationTask {
  readonly folder: string;
  readonly scope: string;
  readonly instance: string;
  /** PEM. */
  readonly nodeKey: string;
  /** Base64, raw. */
  readonly rootKey: string;
  /** Their bytes in base64. */
  readonly messages: readonly (readonly [Message["kind"], string])[];
}

/** At once, also when the next moment is the last. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

async function main(path: string): Promise<void> {
  const task = JSON.parse(readFileSync(path, "utf8")) as ConfigurationTask;
  const configuration = await Configuration.open({
    build: "test",
    folder: task.folder,
    scope: task.scope,
    instance: task.instance,
    nodeKey: createPrivateKey(task.nodeKey),
    rootKeys: { keys: [publicKeyFromRaw(Buffer.from(task.rootKey, "base64"))], threshold: 1 },
    sink: new TextSink(),
    clock: systemClock,
    logger: silentLogger,
  });
  for (const [kind, text] of task.messages) {
    const bytes = Buffer.from(text, "base64");
    switch (kind) {
      case "keyset":
        await configuration.takeKeyset(bytes);
        break;
      case "keyring":
        await configuration.takeKeyring(bytes);
        break;
      case "snapshot":
        await configuration.takeManifest(bytes);
        break;
      case "chunk":
        await configuration.takeChunk(bytes);
        break;
      case "delta":
        await configuration.takeDelta(bytes);
        break;
      default:
        kind satisfies never;
    }
    if (configuration.held !== undefined) tell(`acked ${configuration.held.generation}`);
  }
  tell(`operations ${JSON.stringify(operations)}`);
}

await main(process.argv[2] ?? "");
