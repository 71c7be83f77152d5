/** The database is asked about users. */
export const MANAGED = {
  db_host: "db.example.com",
  db_port: 5432,
  db_database: "app",
  require_user: false,
  auth_query: "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1",
  users: [{ db_user: "manager", db_password: "first-secret", pool_size: 5, is_manager: true }],
};

/** Listed users only. */
export const LISTED = {
  db_host: "db.example.com",
  db_port: 5432,
  db_database: "app",
  require_user: true,
  users: [{ db_user: "alice", db_password: "alice-secret", pool_size: 5 }],
};
