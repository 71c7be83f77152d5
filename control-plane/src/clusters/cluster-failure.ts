import { SluiceError } from "@sluice/shared/errors";

export class ClusterUnknown extends SluiceError {
  constructor(alias: string) {
    super({ code: "ECLUSTERUNKNOWN", kind: "not-found", clientMessage: "not found", detail: alias });
  }
}
