import type { App } from '../app.ts';
import type { Connections } from '../connections.ts';
import { loadBrokerFiles } from '../broker-files.ts';
import { asFlowError, errorCodes, FlowError } from '../errors.ts';
import { usesOf } from '../flow/uses.ts';
import type { IdentityProvider } from '../identity/contract.ts';
import type { Issuer } from '../issuers/contract.ts';
import type { Reference } from '../reference.ts';
import { usesOfRegistry } from '../registry.ts';
import type { SecretStore } from '../stores/contract.ts';
import type { Invocation } from './main.ts';
import { withApp } from './opened.ts';
import { columns } from './terminal.ts';

/** One thing that was asked for: its failure, or none. */
interface Finding {
  readonly what: string;
  readonly failure?: FlowError;
}

/** `flows check --online`: asks for everything that the flows and registry.yaml of one environment need; no value leaves the vault's adapter. */
export async function online(invocation: Invocation, json: boolean): Promise<number> {
  return withApp(invocation, async (app) => {
    const connections = await app.connections();
    const { references, items, used } = needs(app);
    const findings = (
      await Promise.all([
        inVault(connections, references, items),
        ...used.map(({ kind, name }) => tried(`${kind}.${name}`, () => answering(connections, kind, name))),
      ])
    ).flat();
    const missing = findings.filter(({ failure }) => failure !== undefined);
    if (json)
      invocation.terminal.out(
        `${JSON.stringify(findings.map(({ what, failure }) => ({ what, ok: failure === undefined, code: failure?.code, problem: failure?.line() })))}\n`,
      );
    else invocation.terminal.out(table(findings, invocation));
    const [first] = missing;
    if (first === undefined) return 0;
    invocation.terminal.tell(
      'error',
      `${missing.length} of ${findings.length} missing in environment ${app.environment().name}`,
    );
    return errorCodes[first.failure?.code ?? 'internal'].exit;
  });
}

function needs(app: App) {
  const environment = app.environment();
  const flows = [...app.folder.flows.values()].filter((flow) => flow.environments?.includes(environment.name) ?? true);
  const { registry } = loadBrokerFiles(app.folder);
  const uses = [...flows.map((flow) => usesOf(flow, environment)), usesOfRegistry(registry, environment)];
  const references = new Map<string, Reference>();
  const items = new Map<string, Reference>();
  for (const { reference, target } of uses.flatMap((use) => use.references)) {
    (target === 'item' ? items : references).set(reference.toString(), reference);
  }
  for (const reference of environment.key) references.set(reference.toString(), reference);
  const used = new Map(
    uses.flatMap((use) => use.connections).map(({ kind, name }) => [`${kind}.${name}`, { kind, name }]),
  );
  return { references: [...references.values()], items: [...items.values()], used: [...used.values()] };
}

/** A vault that gives nothing at all is told of once. */
async function inVault(
  { vault }: Connections,
  references: readonly Reference[],
  items: readonly Reference[],
): Promise<Finding[]> {
  try {
    const values = await vault.read(references);
    const fields = references.map((reference) => {
      const value = values.get(reference.toString());
      const what = reference.toString();
      return value instanceof FlowError ? { what, failure: value } : { what };
    });
    const there = items.map((item) => tried(item.toString(), async () => void (await vault.items?.get(item))));
    return [...fields, ...(await Promise.all(there)).flat()];
  } catch (error) {
    return [{ what: `vault ${vault.address}`, failure: asFlowError(error) }];
  }
}

async function tried(what: string, ask: () => Promise<void>): Promise<Finding[]> {
  try {
    await ask();
    return [{ what }];
  } catch (error) {
    return [{ what, failure: asFlowError(error) }];
  }
}

async function answering(
  connections: Connections,
  kind: 'issuers' | 'identity-providers' | 'stores',
  name: string,
): Promise<void> {
  const ask = {
    issuers: async (adapter: unknown) => (adapter as Issuer).discover(),
    'identity-providers': async (adapter: unknown) =>
      void (await (adapter as IdentityProvider).find('nobody@flows.invalid')),
    stores: async (adapter: unknown) => {
      await (adapter as SecretStore).identity();
      await (adapter as SecretStore).inspect([{ name: 'flows-check' }]);
    },
  };
  await ask[kind](connections.get(kind, name));
}

function table(findings: readonly Finding[], { terminal }: Invocation): string {
  return columns(
    findings.map(({ what, failure }) =>
      failure === undefined
        ? [terminal.paint('green', 'ok'), what]
        : [terminal.paint('red', 'missing'), `${what}: ${failure.line()}`],
    ),
  );
}
