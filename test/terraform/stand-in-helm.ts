import { attribute, type Provider, Refused } from "@sluice/terraform-provider/framework";

const text = (description: string, required = false) =>
  attribute("string", description, required ? { required } : { optional: true });

/**
 * Takes the place of hashicorp/helm, which cannot be had offline. The schema is written by hand from that provider's
 * documentation, and has what our module uses: it checks our side, not that provider.
 */
export const standInHelm: Provider<undefined> = {
  schema: { description: "A stand-in.", attributes: {} },
  configure: () => undefined,
  resources: {
    helm_release: {
      schema: {
        description: "A release of a chart.",
        attributes: {
          id: attribute("string", "Of the release.", { computed: true }),
          name: text("Of the release.", true),
          namespace: text("Where it is installed."),
          chart: text("A folder or a name.", true),
          version: text("Of the chart."),
          values: attribute(["list", "string"], "In YAML; the last one wins.", { optional: true }),
          atomic: attribute("bool", "Whether a failed install is taken back.", { default: false }),
          timeout: attribute("number", "In seconds.", { default: 300 }),
        },
      },
      importId: "none",
      read: (_client, state) => Promise.resolve(state),
      create: refuse,
      update: refuse,
      remove: refuse,
      import: refuse,
    },
  },
  dataSources: {},
  ephemeralResources: {},
  functions: {},
};

function refuse(): Promise<never> {
  const detail = "This is a stand-in for hashicorp/helm: it checks configurations and makes nothing.";
  return Promise.reject(new Refused([{ severity: "error", summary: "A stand-in", detail }]));
}
