import type { Parameter, Provider, ProviderFunction, Schema } from "../framework/index.js";
import { schemaSection } from "./schema-section.js";
import { typeName } from "./type-name.js";

/** The text of a file below `examples`; undefined where there is none. */
export type ReadExample = (path: string) => string | undefined;

/**
 * All pages in the layout that Terraform's registry reads, by their path below `docs`. They are written from the schema,
 * so what they say of an attribute is what `terraform providers schema` says.
 */
export function pages<C>(provider: Provider<C>, example: ReadExample): ReadonlyMap<string, string> {
  const page = (title: string, description: string, ...parts: readonly (string | undefined)[]): string =>
    `${[
      frontMatter(title, description),
      `# ${title}`,
      description,
      ...parts.filter((part) => part !== undefined),
    ].join("\n\n")}\n`;
  const schemaPage = (
    kind: string,
    name: string,
    schema: Schema,
    code: string,
    importPath?: string,
  ): string =>
    page(
      `${name} (${kind})`,
      schema.description,
      usage(example(code), "terraform"),
      schemaSection(schema),
      importPath === undefined ? undefined : importSection(example(importPath)),
    );
  return new Map([
    [
      "index.md",
      page(
        "sluice Provider",
        provider.schema.description,
        usage(example("provider/provider.tf"), "terraform"),
        schemaSection(provider.schema),
      ),
    ],
    ...Object.entries(provider.resources).map(([name, { schema }]): [string, string] => [
      `resources/${shortName(name)}.md`,
      schemaPage("Resource", name, schema, `resources/${name}/resource.tf`, `resources/${name}/import.sh`),
    ]),
    ...Object.entries(provider.dataSources).map(([name, { schema }]): [string, string] => [
      `data-sources/${shortName(name)}.md`,
      schemaPage("Data Source", name, schema, `data-sources/${name}/data-source.tf`),
    ]),
    ...Object.entries(provider.ephemeralResources).map(([name, { schema }]): [string, string] => [
      `ephemeral-resources/${shortName(name)}.md`,
      schemaPage("Ephemeral Resource", name, schema, `ephemeral-resources/${name}/ephemeral-resource.tf`),
    ]),
    ...Object.entries(provider.functions).map(([name, each]): [string, string] => [
      `functions/${name}.md`,
      page(
        `${name} (Function)`,
        each.summary,
        each.description,
        usage(example(`functions/${name}/function.tf`), "terraform"),
        signatureSection(name, each),
      ),
    ]),
  ]);
}

function frontMatter(title: string, description: string): string {
  const [first = ""] = description.split(". ");
  const line = `${first.replace(/\.$/, "")}.`;
  return `---\npage_title: "${title} - sluice"\nsubcategory: ""\ndescription: |-\n  ${line}\n---`;
}

function usage(code: string | undefined, language: string): string | undefined {
  return code === undefined ? undefined : `## Example Usage\n\n\`\`\`${language}\n${code.trimEnd()}\n\`\`\``;
}

function importSection(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  return `## Import\n\nBy the command, or by an \`import\` block with the same id:\n\n\`\`\`shell\n${code.trimEnd()}\n\`\`\``;
}

function signatureSection(name: string, { parameters, returns }: ProviderFunction): string {
  const signature = parameters.map((each) => `${each.name} ${typeName(each.type).toLowerCase()}`).join(", ");
  const argument = (each: Parameter, index: number): string =>
    `${index + 1}. \`${each.name}\` (${typeName(each.type)}${each.allowNull === true ? ", Nullable" : ""}) ${each.description}`;
  return [
    "## Signature",
    `\`\`\`text\n${name}(${signature}) ${typeName(returns).toLowerCase()}\n\`\`\``,
    "## Arguments",
    parameters.map(argument).join("\n"),
  ].join("\n\n");
}

function shortName(name: string): string {
  return name.replace(/^sluice_/, "");
}
