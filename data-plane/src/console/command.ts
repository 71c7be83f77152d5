import type { PoolOrder } from "../fleet/index.js";
import { CommandElsewhere, UnknownConsoleCommand } from "./console-failure.js";

export const SHOWN = [
  "help",
  "version",
  "pools",
  "clients",
  "servers",
  "stats",
  "tenants",
  "databases",
  "lists",
  "config",
  "bundle",
  "workers",
] as const;
export type Shown = (typeof SHOWN)[number];

export type Command =
  | { readonly kind: "show"; readonly what: Shown }
  | { readonly kind: "order"; readonly order: PoolOrder; readonly tenant: string | undefined }
  | { readonly kind: "kill-client"; readonly id: string };

/**
 * One command of a simple query: PgBouncer's words, in any case, with or without a semicolon. A name in double quotes
 * is taken as it is. @throws UnknownConsoleCommand, CommandElsewhere
 */
export function parseCommand(text: string): Command {
  // A quote that nobody closed must not turn PAUSE of one into PAUSE of all.
  if (/["']/.test(text.replace(WORD, ""))) throw new UnknownConsoleCommand(text.trim());
  const words = wordsOf(text);
  const [verb = "", argument, ...more] = words;
  const word = verb.toLowerCase();
  if (more.length === 0) {
    if (word === "show" && argument !== undefined) {
      const what = SHOWN.find((known) => known === argument.toLowerCase());
      if (what !== undefined) return { kind: "show", what };
    }
    switch (word) {
      case "pause":
      case "resume":
      case "reconnect":
        return { kind: "order", order: word, tenant: argument };
      case "kill":
        // Ending everybody at once is nobody's intention: PgBouncer wants a name here too.
        if (argument !== undefined) return { kind: "order", order: word, tenant: argument };
        break;
      case "kill_client":
        if (argument !== undefined) return { kind: "kill-client", id: argument };
        break;
    }
  }
  const instead = ELSEWHERE[word];
  if (instead !== undefined) throw new CommandElsewhere(word.toUpperCase(), instead);
  throw new UnknownConsoleCommand(text.trim());
}

const FROM_CONTROL_PLANE = "ban or pause the tenant in the control plane's API";
/** What somebody who knows PgBouncer would type. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  reload:
    "configuration comes from the control plane, and files of certificates and tokens are read again by themselves",
  shutdown: "send SIGTERM to the process, which lets transactions end first",
  suspend: "PAUSE",
  wait_close: "PAUSE and RECONNECT; SHOW SERVERS tells which are left",
  disable: FROM_CONTROL_PLANE,
  enable: FROM_CONTROL_PLANE,
  set: "settings are the process's environment; the log's level is changed by PUT /log-level on the operations port",
};

/** The commands of one simple query. */
export function splitCommands(text: string): readonly string[] {
  return [...text.matchAll(/(?:"(?:[^"]|"")*"|'(?:[^']|'')*'|[^;"']|["'][\s\S]*$)+/g)]
    .map(([part]) => part.trim())
    .filter((part) => part !== "");
}

const WORD = /"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^\s"';]+)/g;

function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(WORD)].map(
    ([, quoted, literal, plain]) =>
      quoted?.replaceAll('""', '"') ?? literal?.replaceAll("''", "'") ?? plain ?? "",
  );
}
