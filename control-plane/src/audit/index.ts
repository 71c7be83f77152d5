export type {
  Actor,
  AuditEntry,
  AuditFilter,
  AuditLog,
  AuditRecord,
  Difference,
  FieldChange,
} from "./audit-entry.js";
export { differenceOf } from "./difference.js";
