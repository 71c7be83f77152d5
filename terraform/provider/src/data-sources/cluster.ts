import { clusterPath, type Sluice } from "../client/index.js";
import { attribute, type DataSource, problem, Refused } from "../framework/index.js";
import { CLUSTER_SCHEMA, clusterState, explained, externalId, textOf } from "../resources/index.js";
import { shown } from "./shown.js";

const { alias: _alias, wait_for_fleet: _wait, acked: _acked, ...VIEW } = CLUSTER_SCHEMA.attributes;

export const clusterData: DataSource<Sluice> = {
  schema: {
    description: "A cluster that is there, whoever made it.",
    attributes: {
      alias: attribute("string", "The cluster's name.", { required: true, checks: [externalId] }),
      ...shown(VIEW),
    },
  },
  async read(sluice, config) {
    const alias = textOf(config.alias);
    const stored = await explained(`read the cluster "${alias}"`, sluice.clusters.find(clusterPath(alias)));
    if (stored === undefined) {
      const text = `The control plane has no cluster "${alias}".`;
      throw new Refused([problem("There is no such cluster", text, ["alias"])]);
    }
    const { wait_for_fleet: _waits, acked: _is, timeouts: _timeouts, ...view } = clusterState(stored, {});
    return view;
  },
};
