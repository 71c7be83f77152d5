export {
  GenerationUnknown,
  InstanceConnected,
  InstanceUnknown,
  KeyNotWaiting,
  NotesRefused,
} from "./fleet-failure.js";
export { FleetLedger, type FleetLedgerOptions } from "./fleet-ledger.js";
export { FleetService, type ShownInstance } from "./fleet-service.js";
export type {
  AckNote,
  FleetNotes,
  FleetStore,
  GenerationProgress,
  InstanceFilter,
  ListedInstance,
  OrderProgress,
  ReportedNetworkBan,
  ReportPart,
  ResultNote,
  SettledAck,
  StoredReportPart,
} from "./fleet-store.js";
export { Forgetting } from "./forgetting.js";
export {
  type Instance,
  type InstanceNack,
  type InstanceName,
  type InstanceStatus,
  nameOf,
  type Trouble,
} from "./instance.js";
export type { InstanceRegistry, Introduction, Registration } from "./instance-registry.js";
export {
  holdsGeneration,
  isOnline,
  type Newest,
  type Standing,
  standingOf,
  textOfStanding,
} from "./instance-standing.js";
export { keyFingerprint } from "./key-fingerprint.js";
export { ReportedSeries } from "./reported-series.js";
export { ReportingDataPlanes } from "./reporting-data-planes.js";
export { Reports } from "./reports.js";
