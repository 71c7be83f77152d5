import { randomUUID } from "node:crypto";
import { readIfThere, writeDurably } from "./durable-file.js";

const INSTANCE_ID = /^[A-Za-z0-9-]{8,64}$/;

/** The name of this data plane in its group; made once, kept in the data folder. */
export async function loadOrMakeInstanceId(path: string): Promise<string> {
  const found = (await readIfThere(path))?.toString("utf8").trim();
  if (found !== undefined) {
    if (!INSTANCE_ID.test(found)) throw new Error(`${path} holds no instance id; remove it to get a new one`);
    return found;
  }
  const made = randomUUID();
  await writeDurably(path, [Buffer.from(`${made}\n`, "utf8")]);
  return made;
}
