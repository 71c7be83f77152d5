import { OLDEST_SCHEMA_VERSION, SCHEMA_VERSION } from "@sluice/shared/bundle";
import { SluiceError } from "@sluice/shared/errors";

/** What this control plane publishes cannot be read by this build; nothing of it was looked at. */
export class SchemaUnreadable extends SluiceError {
  constructor(published: number) {
    super({
      code: "ESCHEMA",
      kind: "invalid",
      clientMessage: `INCOMPATIBLE: the control plane publishes schema ${published}, this build reads ${OLDEST_SCHEMA_VERSION} to ${SCHEMA_VERSION}`,
    });
  }
}
