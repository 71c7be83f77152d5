/** The token printed in Supavisor's guide: HS256 with the secret `dev`. */
export const GUIDE_TOKEN =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIiwiaWF0IjoxNjQ1MTkyODI0LCJleHAiOjE5NjA3Njg4MjR9.M9jrxyvPLkUxWgOYSf5dNdJ8v_eRrq810ShFRT8N-6M";

/** The bodies of its two PUTs, character by character. */
export const FIRST_PUT = `{
  "tenant": {
    "db_host": "localhost",
    "db_port": 6432,
    "db_database": "postgres",
    "ip_version": "auto",
    "enforce_ssl": false,
    "require_user": false,
    "auth_query": "SELECT rolname, rolpassword FROM pg_authid WHERE rolname=$1;",
    "users": [
      {
        "db_user": "postgres",
        "db_password": "postgres",
        "pool_size": 20,
        "mode_type": "transaction",
        "is_manager": true
      }
    ]
  }
}`;

export const SECOND_PUT = `{
  "tenant": {
    "db_host": "localhost",
    "db_port": 6432,
    "db_database": "postgres",
    "ip_version": "auto", // "auto" | "v4" | "v6"
    "require_user": true, // true | false
    "upstream_ssl": true, // true | false,
    "enforce_ssl": false, // true | false,
    "upstream_verify": "peer", // "none" | "peer"
    "upstream_tls_ca": "-----BEGIN CERTIFICATE-----\\nblalblalblablalblalblaba\\n-----END CERTIFICATE-----\\n", // "",
    "default_max_clients": 200,
    "default_pool_size": 15,
    "users": [
      {
        "db_user": "postgres",
        "db_password": "postgres",
        "mode_type": "transaction",
        "pool_checkout_timeout": 100,
        "pool_size": 10
      }
    ]
  }
}`;

export const SECOND_PUT_WITHOUT_COMMENTS = SECOND_PUT.replaceAll(/ \/\/.*$/gm, "");

/** What its author had in mind. */
export function secondPutWithCa(pem: string): string {
  const { tenant }: { tenant: object } = JSON.parse(SECOND_PUT_WITHOUT_COMMENTS);
  return JSON.stringify({ tenant: { ...tenant, upstream_tls_ca: pem } });
}
