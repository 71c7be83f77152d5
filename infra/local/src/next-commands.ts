import { DEVELOPER } from "./plane-environment.js";
import type { LocalSettings } from "./settings.js";

/** Signed with the development secret `dev`; the one that Supavisor's guide prints. */
const GUIDE_TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIiwiaWF0IjoxNjQ1MTkyODI0LCJleHAiOjE5NjA3Njg4MjR9.M9jrxyvPLkUxWgOYSf5dNdJ8v_eRrq810ShFRT8N-6M";

export interface NextCommands {
  /** Makes a tenant. */
  readonly put: string;
  /** Queries through the pooler. */
  readonly query: string;
  /** Looks into it. */
  readonly look: readonly string[];
}

/** What takes a newcomer from a running fleet to a query through it, and then to what it did. */
export function nextCommands(settings: LocalSettings, postgresPort: number): NextCommands {
  const { controlPlanePorts, dataPlanePorts } = settings;
  const put = `curl -X PUT 'http://localhost:${controlPlanePorts.http}/api/tenants/dev_tenant' \\
  --header 'Accept: */*' \\
  --header 'User-Agent: Thunder Client (https://www.thunderclient.com)' \\
  --header 'Authorization: Bearer ${GUIDE_TOKEN}' \\
  --header 'Content-Type: application/json' \\
  --data-raw '{ "tenant": { "db_host": "localhost", "db_port": ${postgresPort}, "db_database": "postgres", "ip_version": "auto",
    "enforce_ssl": false, "require_user": false,
    "auth_query": "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1;",
    "users": [ { "db_user": "postgres", "db_password": "postgres", "pool_size": 20, "mode_type": "transaction", "is_manager": true } ] } }'`;
  const query = `psql postgresql://postgres.dev_tenant:postgres@localhost:${dataPlanePorts.transaction}/postgres`;
  const look = [
    `psql postgresql://${DEVELOPER}:${DEVELOPER}@localhost:${dataPlanePorts.console}/sluice -c 'show pools'`,
    `curl http://localhost:${dataPlanePorts.operations}/metrics`,
    `http://localhost:${controlPlanePorts.http}/swaggerui`,
  ];
  return { put, query, look };
}
