export type { Figures, Ports, ToPrimary, ToWorker } from "./messages.js";
export { Primary } from "./primary.js";
export { DataPlaneWorker, type WorkerOptions } from "./worker.js";
