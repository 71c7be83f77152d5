import type { Environment } from "@sluice/shared/config";

/**
 * libuv's own default is 4, of which two passwords that are hashed and two names that nobody answers for take all. They
 * wait more than they work: a lookup for a name server, all others for their turn at a core.
 */
const THREADS = "16";

/**
 * What a worker has in its environment beside the primary's. libuv reads it when the first thread is begun, and that is to
 * read the program: too late for the program to say.
 */
export function workerEnvironment(own: Environment): Environment {
  return { UV_THREADPOOL_SIZE: own["UV_THREADPOOL_SIZE"] ?? THREADS };
}
