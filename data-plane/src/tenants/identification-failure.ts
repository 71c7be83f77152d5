import { SluiceError } from "@sluice/shared/errors";

export class NoIdentifier extends SluiceError {
  constructor() {
    super({
      code: "ENOIDENTIFIER",
      kind: "invalid",
      sqlstate: "28000",
      clientMessage: "(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)",
    });
  }
}

export class TenantNotFound extends SluiceError {
  constructor(user: string, tenant: string) {
    super({
      code: "ENOTFOUND",
      kind: "not-found",
      sqlstate: "28000",
      clientMessage: `(ENOTFOUND) tenant/user ${user}.${tenant} not found`,
    });
  }
}

export class InvalidUserInfo extends SluiceError {
  constructor() {
    super({
      code: "EINVALIDUSERINFO",
      kind: "invalid",
      sqlstate: "28000",
      clientMessage: '(EINVALIDUSERINFO) Authentication error, reason: "Invalid format for user or db_name"',
    });
  }
}

export class MultipleUsers extends SluiceError {
  constructor(user: string, name: string) {
    super({
      code: "EMULTIPLEUSERS",
      kind: "conflict",
      sqlstate: "28000",
      clientMessage: `(EMULTIPLEUSERS) multiple users matched for ${user}.${name}, check tenant configuration`,
    });
  }
}
