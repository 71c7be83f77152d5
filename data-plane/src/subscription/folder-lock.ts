import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { SluiceError, systemCodeOf } from "@sluice/shared/errors";
import type { Logger } from "@sluice/shared/observability";

/** Another process works in the data folder. */
export class FolderInUse extends SluiceError {
  constructor(folder: string, holder: string) {
    super({
      code: "EDATADIR",
      kind: "conflict",
      clientMessage: `DATA_DIR ${folder} is in use by another data plane`,
      detail: holder,
    });
  }
}

/** What fits into a socket's address, on every system that we know. */
const LONGEST_PATH_BYTES = 100;
const ANSWER_TIMEOUT_MS = 1000;
const LONGEST_ANSWER = 200;
const MOST_TRIES = 5;
/** Of file systems that hold no sockets. */
const NO_SOCKETS: ReadonlySet<string | undefined> = new Set(["EOPNOTSUPP", "ENOTSUP", "EPERM", "ENOSYS"]);

/**
 * A folder for one process alone. Who holds it listens on a socket in it: the kernel takes that back with the process,
 * however it ends, so a name that nobody listens behind is nobody's. A number of a process would be another's, or one's own
 * in the next container. On a disk that several machines share it tells nothing of the others.
 */
export class FolderLock {
  readonly #server: Server;
  readonly #folder: FileHandle;

  private constructor(server: Server, folder: FileHandle) {
    this.#server = server;
    this.#folder = folder;
  }

  /** Undefined: the folder's file system holds no sockets, which is told. @throws FolderInUse */
  static async take(path: string, logger: Logger): Promise<FolderLock | undefined> {
    const folder = await open(path, "r");
    try {
      for (let tries = 1; ; tries += 1) {
        try {
          return new FolderLock(await listenOn(addressIn(folder, path, "lock")), folder);
        } catch (error) {
          if (systemCodeOf(error) !== "EADDRINUSE" || tries === MOST_TRIES) throw error;
          await removeIfDead(folder, path);
        }
      }
    } catch (error) {
      await folder.close();
      if (!NO_SOCKETS.has(systemCodeOf(error))) throw error;
      logger.warn("the data folder cannot be locked: no second data plane may be started in it", { error });
      return undefined;
    }
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await this.#folder.close();
  }
}

/** Node removes the socket when the server closes. */
function listenOn(address: string): Promise<Server> {
  const server = createServer((connection) => {
    connection.on("error", () => connection.destroy());
    // Whoever asks and does not go keeps no stop waiting.
    connection.end(`process ${process.pid} on ${hostname()}`, () => connection.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.unref();
      resolve(server);
    });
  });
}

/**
 * Moved away first: of two that find the same dead socket one alone removes it, and what a third has put in its place
 * meanwhile is seen to live and is put back.
 * @throws FolderInUse
 */
async function removeIfDead(folder: FileHandle, path: string): Promise<void> {
  const holder = await holderOf(addressIn(folder, path, "lock"));
  if (holder !== undefined) throw new FolderInUse(path, holder);
  const [lock, dead] = [join(path, "lock"), `lock.${randomUUID()}`];
  try {
    await rename(lock, join(path, dead));
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return;
    throw error;
  }
  const another = await holderOf(addressIn(folder, path, dead));
  if (another !== undefined) {
    await rename(join(path, dead), lock);
    throw new FolderInUse(path, another);
  }
  await rm(join(path, dead), { force: true });
}

/** What a living one says of itself; undefined: nobody listens. */
function holderOf(address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const connection = connect(address);
    const answered = (): void => {
      connection.destroy();
      resolve(answer === "" ? "it does not say which" : answer);
    };
    connection.setEncoding("utf8");
    // One that is stopped takes connections, too.
    connection.setTimeout(ANSWER_TIMEOUT_MS, answered);
    connection.on("data", (text: string) => {
      answer = (answer + text).slice(0, LONGEST_ANSWER);
    });
    connection.on("end", answered);
    connection.on("error", (error) => {
      const code = systemCodeOf(error);
      if (code === "ECONNREFUSED" || code === "ENOENT") resolve(undefined);
      else if (code === "ECONNRESET" || code === "EPIPE") answered();
      else reject(error);
    });
  });
}

/** A long path does not fit; the open folder has a short one where there is /proc. */
function addressIn(folder: FileHandle, path: string, name: string): string {
  const address = join(path, name);
  return Buffer.byteLength(address) > LONGEST_PATH_BYTES && process.platform === "linux"
    ? `/proc/self/fd/${folder.fd}/${name}`
    : address;
}
