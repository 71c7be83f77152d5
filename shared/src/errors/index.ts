export { type Failure, type FailureKind, messageOf, SluiceError, systemCodeOf } from "./sluice-error.js";
