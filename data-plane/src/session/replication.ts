import { BadStartupMessage } from "../wire/index.js";

/** In the order in which PostgreSQL tries them; `o` alone is none. */
const TRUE = ["true", "yes", "on", "1"];
const FALSE = ["false", "no", "off", "0"];

/**
 * Whether the startup parameter `replication` asks for a walsender, as ProcessStartupPacket reads it: `database`, or what
 * parse_bool takes, the beginnings of its words among it. Anything else would be an ordinary session outside every pool.
 * @throws BadStartupMessage
 */
export function asksForReplication(value: string | undefined): boolean {
  if (value === undefined) return false;
  if (value === "database") return true;
  const word = value.toLowerCase();
  if (word !== "" && word !== "o") {
    if (TRUE.some((each) => each.startsWith(word))) return true;
    if (FALSE.some((each) => each.startsWith(word))) return false;
  }
  throw new BadStartupMessage(`invalid value for parameter "replication": ${JSON.stringify(value)}`);
}
