export type { Ask, AskAnswer, ClientRow, ClientState, PoolOrder, ServerRow } from "./asks.js";
export { availableCores } from "./available-cores.js";
export type { Batch, Ports, ToPrimary, ToWorker } from "./messages.js";
export { Outbox } from "./outbox.js";
export { Primary, type PrimaryOptions } from "./primary.js";
export { DataPlaneWorker, type WorkerOptions } from "./worker.js";
export { WorkerProcesses, workerNumber } from "./worker-processes.js";
