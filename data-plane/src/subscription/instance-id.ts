import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCodeOf } from "@sluice/shared/errors";

/** The id of this instance, made on the first start and kept in the data folder. */
export async function loadOrMakeInstanceId(folder: string): Promise<string> {
  const path = join(folder, "instance-id");
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (systemCodeOf(error) !== "ENOENT") throw error;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const id = randomUUID();
  await writeFile(path, `${id}\n`, { mode: 0o600, flush: true });
  return id;
}
