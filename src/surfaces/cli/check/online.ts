import type { App } from '../../../app/open-app.ts';
import type { Connections } from '../../../app/connections.ts';
import { loadBrokerFiles } from '../../../folder/policy-and-registry.ts';
import { asFlowError, errorCodes, FlowError } from '../../../foundation/errors.ts';
import type { ConnectionKind } from '../../../language/forms.ts';
import type { Api } from '../../../adapters/apis/contract.ts';
import type { IdentityProvider } from '../../../adapters/identity/contract.ts';
import type { Issuer } from '../../../adapters/issuers/contract.ts';
import { pageAddress } from '../../../broker/people/page-address.ts';
import { byProxy, type Way } from '../../../foundation/proxy.ts';
import type { Reference } from '../../../foundation/reference.ts';
import type { SecretStore } from '../../../adapters/stores/contract.ts';
import { usesIn } from '../../../folder/folder-uses.ts';
import type { Invocation } from '../invocation.ts';
import { withApp } from '../with-app.ts';
import { pushedNames } from './pushed-names.ts';
import { columns } from '../terminal.ts';

/** One thing that was asked for: where it is, and its failure or what was found. */
interface Finding {
  readonly what: string;
  readonly where?: string;
  readonly found?: string;
  /** where there is a proxy: by which way it was reached */
  readonly by?: string;
  readonly failure?: FlowError;
  /** what failed before it could be asked for: whether it is there is not known */
  readonly unasked?: string;
}

/** A connection that flows use; of a store the secrets that they push there. */
interface Used {
  readonly kind: ConnectionKind;
  readonly name: string;
  readonly pushed: readonly (string | undefined)[];
}

/** `flows check --online`: asks for everything that the flows and registry.yaml of one environment need; no value leaves the vault's adapter. */
export async function online(invocation: Invocation, json: boolean): Promise<number> {
  return withApp(invocation, async (app) => {
    const findings = await findingsOf(app);
    const missing = findings.filter(({ failure, unasked }) => failure !== undefined && unasked === undefined);
    const unasked = findings.filter((each) => each.unasked !== undefined).length;
    if (json)
      invocation.terminal.out(
        `${JSON.stringify(findings.map(({ failure, ...rest }) => ({ ...rest, ok: failure === undefined, code: failure?.code, problem: failure?.line() })))}\n`,
      );
    else invocation.terminal.out(table(findings, invocation));
    const [first] = missing;
    if (first === undefined) return 0;
    invocation.terminal.tell(
      'error',
      `${missing.length} of ${findings.length} missing${unasked === 0 ? '' : `, ${unasked} not asked for,`} in environment ${app.environment().name}`,
    );
    return errorCodes[first.failure?.code ?? 'internal'].exit;
  });
}

/** Asks the vault for every reference, and each connection whether it answers. Never throws for what is missing. */
export async function findingsOf(app: App): Promise<readonly Finding[]> {
  const connections = await app.connections();
  const { references, items, used } = needs(app);
  const [vaults, ...others] = await Promise.all([
    inVault(connections, references, items),
    ...used.map((each) => tried(subjectOf(connections, each), () => answering(connections, each))),
    ...[...app.environment().notify.keys()].map((name) =>
      tried({ what: `notify.${name}` }, () => connections.channel(name).probe()),
    ),
    ...(await signInsOf(app, connections)),
  ]);
  const down = vaults.filter(({ failure, unasked }) => failure !== undefined && unasked === undefined);
  return [...vaults, ...others.flat().map((each) => behind(each, down))];
}

/** Each issuer at which policy.yaml has people sign in, asked as the page would send a browser there. */
async function signInsOf(app: App, { way }: Connections): Promise<readonly Promise<Finding[]>[]> {
  const { policy } = loadBrokerFiles(app.folder);
  if (![...(policy.approvers?.values() ?? [])].some(({ trust }) => trust.length > 0)) return [];
  const { createSignIns } = await import('../../../broker/people/sign-ins.ts');
  const { development } = app.environment();
  const page = pageAddress('https://page.invalid');
  const signIns = createSignIns({
    policy: () => policy,
    now: Date.now,
    development,
    fetch: way.fetch,
    page: () => page,
    clients: () => undefined,
  });
  return signIns.places().map((place) =>
    tried({ what: 'sign-in of approvers', where: place.issuer, ...byWay(way, place.issuer) }, async () => {
      const { origin } = new URL(await signIns.begin(place, flight));
      return `people are sent to ${origin}`;
    }),
  );
}

/** of a sign-in that nobody will end */
const flight = { state: 'check', verifier: 'check'.repeat(10), nonce: 'check' };

/** A connection whose own credentials are in a vault that failed was not asked either. */
function behind(finding: Finding, down: readonly Finding[]): Finding {
  const { failure } = finding;
  const same = (other: FlowError | undefined) => other?.code === failure?.code && other?.message === failure?.message;
  const cause = failure === undefined ? undefined : down.find((each) => same(each.failure));
  return cause === undefined ? finding : { ...finding, unasked: cause.what };
}

function needs(app: App) {
  const environment = app.environment();
  const uses = usesIn(app.folder, loadBrokerFiles(app.folder).registry, environment);
  const references = new Map<string, Reference>();
  const items = new Map<string, Reference>();
  for (const { reference, target } of uses.flatMap((use) => use.references)) {
    (target === 'item' ? items : references).set(reference.toString(), reference);
  }
  for (const reference of environment.references) references.set(reference.toString(), reference);
  const used = new Map<string, Used>();
  for (const { kind, name } of uses.flatMap((use) => use.connections)) {
    const pushed = kind === 'stores' ? uses.flatMap((use) => pushedNames(use, name)) : [];
    used.set(`${kind}.${name}`, { kind, name, pushed: [...new Set(pushed)] });
  }
  return { references: [...references.values()], items: [...items.values()], used: [...used.values()] };
}

/** A vault that gives nothing at all is told of once, and nothing is said of what it was not asked for. */
async function inVault(
  { vault, way }: Connections,
  references: readonly Reference[],
  items: readonly Reference[],
): Promise<Finding[]> {
  const fields = new Set(references);
  const all = [...references, ...items];
  const parts = vault.parts?.(all) ?? [{ vault, references: all }];
  const findings = parts.map(async (part): Promise<Finding[]> => {
    const names = parts.length === 1 ? '' : ` (${[...new Set(part.references.map((each) => each.vault))].join(', ')})`;
    // its address is known once its token was read
    const what = () => `vault ${part.vault.address}${names}`;
    const [asked, looked] = [true, false].map((isField) =>
      part.references.filter((each) => fields.has(each) === isField),
    );
    try {
      const values = await part.vault.read(asked ?? []);
      const found = (asked ?? []).map((reference) => {
        const value = values.get(reference.toString());
        return { what: reference.toString(), ...(value instanceof FlowError ? { failure: value } : {}) };
      });
      const there = (looked ?? []).map((item) =>
        tried({ what: item.toString() }, async () => void (await part.vault.items?.get(item))),
      );
      const self = { what: what(), ...byWay(way, part.vault.address) };
      const { health } = part.vault;
      const reached = health === undefined ? (way.proxy === undefined ? [] : [self]) : await tried(self, health);
      return [...reached, ...found, ...(await Promise.all(there)).flat()];
    } catch (error) {
      const failure = asFlowError(error);
      const unasked = what();
      return [
        { what: unasked, failure },
        ...part.references.map((each) => ({ what: each.toString(), failure, unasked })),
      ];
    }
  });
  return (await Promise.all(findings)).flat();
}

async function tried(subject: Finding, ask: () => Promise<string | void>): Promise<Finding[]> {
  try {
    const found = await ask();
    return [found === undefined ? subject : { ...subject, found }];
  } catch (error) {
    return [{ ...subject, failure: asFlowError(error) }];
  }
}

/** Named as flows name it, with where it is. */
function subjectOf(connections: Connections, { kind, name }: Used): Finding {
  const [where, { way }] = [connections.place(kind, name), connections];
  const address = kind === 'stores' ? (connections.get(kind, name) as SecretStore).address : where;
  return { what: `${kind}.${name}`, where, ...byWay(way, address) };
}

/** Where there is no proxy there is one way only. */
function byWay(way: Way, address: string): Pick<Finding, 'by'> {
  if (way.proxy === undefined || !URL.canParse(address)) return {};
  const proxy = way.proxyOf(address);
  return { by: proxy === undefined ? 'directly' : byProxy(proxy).trim() };
}

async function answering(connections: Connections, { kind, name, pushed }: Used): Promise<string | void> {
  const ask = {
    issuers: async (adapter: unknown) => (adapter as Issuer).discover(true),
    'identity-providers': async (adapter: unknown) =>
      void (await (adapter as IdentityProvider).find('nobody@flows.invalid')),
    apis: async (adapter: unknown) => (adapter as Api).probe(),
    stores: async (adapter: unknown) => secretsIn(adapter as SecretStore, pushed),
  };
  return ask[kind](connections.get(kind, name));
}

/** Asks for what is pushed there: the least policy may allow no other name. */
async function secretsIn(store: SecretStore, pushed: Used['pushed']): Promise<string> {
  const names = pushed.filter((name) => name !== undefined).map((name) => store.rules.nameOf(name));
  await store.verify(names);
  if (names.length === 0) {
    await store.inspect([{ name: 'any' }]).catch((error: unknown) => {
      throw unnamed(asFlowError(error));
    });
    return 'answers; what is pushed there is known when a flow runs';
  }
  const found = [...(await store.inspect(names)).values()];
  const going = found.filter(({ scheduledForDeletion }) => scheduledForDeletion).length;
  return [
    `${found.length} of ${names.length} secrets to push exist`,
    ...(going === 0 ? [] : [`${going} scheduled for deletion`]),
    ...(pushed.includes(undefined) ? ['others are known when a flow runs'] : []),
  ].join(', ');
}

/** Without the name that was asked for: it was made up. */
function unnamed(error: FlowError): FlowError {
  return error.with({ place: undefined, retryAfter: undefined });
}

/** What a vault was not asked for stands in its own line; there may be hundreds. */
function table(findings: readonly Finding[], { terminal }: Invocation): string {
  const skipped = Map.groupBy(
    findings.filter(({ what }) => what.startsWith('op://')),
    ({ unasked }) => unasked,
  );
  skipped.delete(undefined);
  const shown = findings.filter(({ what, unasked }) => unasked === undefined || !what.startsWith('op://'));
  return columns(
    shown.map(({ what, where, by, found, failure, unasked }) => {
      const behind = skipped.get(what)?.length ?? 0;
      const here = failure?.place.subject === what ? failure.with({ place: undefined }) : failure;
      const told = unasked === undefined ? (here?.line() ?? found) : `needs ${unasked}`;
      const place = by === undefined ? where : `${where ?? ''} ${by}`.trim();
      const line = [what, place, told].filter((part) => part !== undefined).join(': ');
      return [
        failure === undefined
          ? terminal.paint('green', 'ok')
          : unasked === undefined
            ? terminal.paint('red', 'missing')
            : terminal.paint('yellow', 'not asked'),
        behind === 0 ? line : `${line}; ${behind} ${behind === 1 ? 'reference' : 'references'} not asked for`,
      ];
    }),
  );
}
