import type { App } from '../app/open-app.ts';
import { FlowError } from '../foundation/errors.ts';
import { parseInputs } from '../folder/flows/inputs.ts';
import type { Registry, RegistrySecret } from '../folder/registry.ts';
import type { Pass } from './approvals/admission-pass.ts';
import type { CacheSettings } from '../folder/service/settings.ts';
import type { Granted } from './audited-answers.ts';
import type { BrokerClock } from '../foundation/clocks.ts';
import type { Caller, ResolvedSecrets } from './contract.ts';
import type { Engine } from './flow-runner.ts';
import type { Fetched, Found, Leases, Wanted } from './secret-leases.ts';
import type { AllowedSecrets, Permission } from './permission.ts';
import type { Rates } from './rate-limits.ts';
import { BrokerRefusal, refusalOf } from './refusal.ts';

export interface SecretsOptions {
  readonly app: Pick<App, 'connections' | 'environment'>;
  readonly engine: Engine;
  readonly permission: Permission;
  readonly leases: Leases;
  readonly rates: Rates;
  readonly cache: CacheSettings;
  readonly clock: BrokerClock;
}

export interface Secrets {
  /** All of them or a refusal. @throws BrokerRefusal */
  resolve(caller: Caller, names: readonly string[], pass?: Pass): Promise<Granted<ResolvedSecrets>>;
  /** The same, where all of them are in memory; counts the request only where it is granted. */
  cached(caller: Caller, names: readonly string[]): Granted<ResolvedSecrets> | undefined;
  readonly counts: () => { readonly hits: number; readonly misses: number };
}

interface Looked extends Found {
  readonly name: string;
  /** monotonic milliseconds */
  readonly ends: number;
}

/** Between a lease's key and the agent whose own it is: in no name, flow or reference. */
const forAgent = '\n';

/** Times that values are looked for, where rules change or leases end while others are waited for. */
const mostRounds = 3;

/** The secrets of the registry, through the leases. */
export function createSecrets(options: SecretsOptions): Secrets {
  const { app, engine, permission, leases, rates, cache, clock } = options;
  const { name: environment } = app.environment();
  let registryOfLeases: Registry | undefined;
  let hits = 0;
  let misses = 0;

  const ttlOf = ({ ttl = cache.defaultTtl }: RegistrySecret): number => Math.min(ttl, cache.maxTtl) * 1_000;

  const keyOf = ({ name, flow, references }: RegistrySecret): string =>
    flow === undefined ? `${name} reference ${references.get(environment)?.toString() ?? ''}` : `${name} flow ${flow}`;

  const leaseOf = (caller: Caller, secret: RegistrySecret): Pick<Wanted, 'key' | 'ttl'> => ({
    key: mayBeAttributed(secret)
      ? `${keyOf(secret)}${forAgent}${caller.agent} ${caller.agentRun?.run ?? ''}`
      : keyOf(secret),
    ttl: ttlOf(secret),
  });

  const wantedOf =
    (caller: Caller) =>
    (secret: RegistrySecret): Wanted => ({
      ...leaseOf(caller, secret),
      fetch: async () => (secret.flow === undefined ? read(secret) : given(secret.flow, caller)),
    });

  /** A flow whose token may be one agent's own. */
  const mayBeAttributed = ({ flow }: RegistrySecret): boolean =>
    flow !== undefined &&
    permission.served(flow)?.steps.some(({ kind }) => kind?.effect === 'none' && kind.attributed !== undefined) ===
      true;

  async function read({ references }: RegistrySecret): Promise<Fetched> {
    const reference = references.get(environment);
    if (reference === undefined) throw new FlowError('not-found', 'no reference in this environment');
    const { read } = await app.connections();
    return { value: await read(reference) };
  }

  async function given(name: string, caller: Caller): Promise<Fetched> {
    const flow = permission.served(name);
    if (flow?.effect !== 'none') throw new FlowError('not-found', 'no such flow in this environment');
    const {
      output,
      tokens: [token],
      jti,
    } = await engine.run(flow, parseInputs(flow, {}), caller);
    if (token !== undefined) return { value: token.token.accessToken, ends: token.ends, jti };
    if (output.kind === 'scalar' && output.value.as === 'secret') return { value: output.value.value, jti };
    throw new FlowError('invalid-value', 'the flow gives no secret', { place: { flow: name } });
  }

  /** What stands behind a name that has gone, or stands for something else now, is forgotten. */
  const followRegistry = (registry: Registry): void => {
    if (registry === registryOfLeases) return;
    registryOfLeases = registry;
    const keys = new Set([...registry.secrets.values()].map(keyOf));
    leases.forget((key) => !keys.has(key.split(forAgent, 1)[0] ?? ''));
  };

  const takeRates = (secrets: readonly RegistrySecret[]): void => {
    const limited = secrets.flatMap(({ name, rate }) => {
      const wait = rates.wait(name, rate);
      return wait > 0 ? [{ name, wait }] : [];
    });
    if (limited.length > 0) {
      throw new BrokerRefusal('rate-limited', {
        names: limited.map(({ name }) => name),
        retryAfter: Math.max(...limited.map(({ wait }) => wait)),
        detail: 'rate of the secret',
      });
    }
    for (const { name, rate } of secrets) rates.take(name, rate);
  };

  /** @returns undefined where they must be looked for once more */
  async function look(
    caller: Caller,
    { secrets, registry }: AllowedSecrets,
    pass: Pass | undefined,
  ): Promise<Answer | undefined> {
    followRegistry(registry);
    const found = await leases.get(secrets.map(wantedOf(caller)));
    // what was taken away while we waited is not given any more
    const names = secrets.map(({ name }) => name);
    const allowed = permission.secrets(caller, names, { pass });
    if (allowed.registry !== registry && allowed.secrets.some((each, index) => keyOf(each) !== keyAt(secrets, index)))
      return undefined;
    requireFound(found, names);
    return answerOf(found, allowed);
  }

  /** @returns undefined where one of them is not there, or has ended */
  function answerOf(found: readonly (Found | FlowError | undefined)[], allowed: AllowedSecrets): Answer | undefined {
    const at = clock.monotonic();
    const looked = allowed.secrets.flatMap((secret, index): Looked[] => {
      const each = found[index];
      if (each === undefined || each instanceof FlowError) return [];
      const { lease } = each;
      return [{ ...each, name: secret.name, ends: Math.min(lease.ends, lease.fetched + ttlOf(secret)) }];
    });
    if (looked.length < allowed.secrets.length || looked.some(({ ends }) => ends <= at)) return undefined;
    return { looked, allowed, at };
  }

  function granted({ looked, allowed }: Answer, value: ResolvedSecrets): Granted<ResolvedSecrets> {
    const known = looked.filter(({ cached }) => cached).length;
    hits += known;
    misses += looked.length - known;
    const values = looked.map(
      ({ name, lease: { value: secret } }) => ({ name, kind: 'secret', value: secret }) as const,
    );
    const jti = looked.flatMap(({ lease }) => lease.jti ?? []);
    const { rule, secrets } = allowed;
    return { value, rule, source: sourceOf(looked, secrets), ...(jti.length > 0 && { jti }), values, mayRepeat: true };
  }

  const keyAt = (secrets: readonly RegistrySecret[], index: number): string | undefined => {
    const secret = secrets[index];
    return secret === undefined ? undefined : keyOf(secret);
  };

  return {
    counts: () => ({ hits, misses }),
    cached(caller, names) {
      try {
        const allowed = permission.grantedSecrets(caller, names);
        if (allowed === undefined) return undefined;
        followRegistry(allowed.registry);
        const found = allowed.secrets.map((secret) => leases.peek(leaseOf(caller, secret)));
        const answer = answerOf(found, allowed);
        if (answer === undefined) return undefined;
        const value = resolved(answer, clock.now());
        if (allowed.secrets.some(({ name, rate }) => rates.wait(name, rate) > 0) || !permission.takes(caller))
          return undefined;
        takeRates(allowed.secrets);
        return granted(answer, value);
      } catch {
        // what is refused is refused, and recorded, where all the others are
        return undefined;
      }
    },
    async resolve(caller, names, pass) {
      const first = permission.secrets(caller, names, { pass });
      takeRates(first.secrets);
      for (let round = 0; round < mostRounds; round += 1) {
        const answer = await look(caller, round === 0 ? first : permission.secrets(caller, names, { pass }), pass);
        if (answer === undefined) continue;
        return granted(answer, resolved(answer, clock.now()));
      }
      throw new BrokerRefusal('upstream-unavailable', {
        names,
        retryAfter: 1,
        detail: 'leases ended while others were read',
      });
    },
  };
}

interface Answer {
  readonly looked: readonly Looked[];
  readonly allowed: AllowedSecrets;
  /** monotonic milliseconds */
  readonly at: number;
}

function resolved({ looked, allowed: { maxTtl, until }, at }: Answer, now: number): ResolvedSecrets {
  const tooLong = looked.filter(({ lease: { valueEnds } }) => valueEnds !== undefined && valueEnds - at > maxTtl);
  if (tooLong.length > 0) throw new BrokerRefusal('ttl-exceeds-policy', { names: tooLong.map(({ name }) => name) });
  return {
    resolved: Object.fromEntries(
      looked.map(({ name, lease, ends }) => {
        const expiresAt = new Date(Math.min(now + Math.min(ends - at, maxTtl), until)).toISOString();
        return [name, { value: lease.value.reveal(), expiresAt }] as const;
      }),
    ),
    cached: looked.every(({ cached }) => cached),
  };
}

/** One failure refuses all. Where one of them cannot get better by itself, the agent is told of those. */
function requireFound(found: readonly (Found | FlowError)[], names: readonly string[]): void {
  const failed = found.flatMap((each, index) =>
    each instanceof FlowError ? [{ name: names[index] ?? '', refusal: refusalOf(each) }] : [],
  );
  const worst = failed.find(({ refusal }) => refusal.code !== 'upstream-unavailable') ?? failed[0];
  if (worst === undefined) return;
  const { code, cause, retryAfter } = worst.refusal;
  const same = failed.filter(({ refusal }) => refusal.code === code);
  throw new BrokerRefusal(code, {
    names: same.map(({ name }) => name),
    retryAfter:
      same.length === 1 ? retryAfter : Math.max(0, ...same.map(({ refusal }) => refusal.retryAfter ?? 0)) || undefined,
    detail: same.map(({ name, refusal }) => `${name}: ${refusal.cause?.code ?? 'internal'}`).join(', '),
    cause,
    causes: failed.flatMap(({ refusal }) => refusal.causes()),
  });
}

function sourceOf(looked: readonly Looked[], secrets: readonly RegistrySecret[]): 'cache' | 'vault' | 'issuer' {
  const cold = secrets.filter((_, index) => looked[index]?.cached === false);
  if (cold.length === 0) return 'cache';
  return cold.some(({ flow }) => flow === undefined) ? 'vault' : 'issuer';
}
