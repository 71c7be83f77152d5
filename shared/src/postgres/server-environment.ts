/** Nothing of ours: a PGDATA, a locale or a secret around here is not meant for the server. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}
