import { form, optional, required } from '../../src/language/forms.ts';
import { createPreparedSteps } from '../../src/engine/prepared-inputs.ts';
import type { RunEvent } from '../../src/engine/run-flow.ts';
import { registerSteps } from '../../src/steps/register.ts';
import type { Services } from '../../src/engine/services.ts';
import { pureStep, writeStep, type Change } from '../../src/steps/contract.ts';
import { Reference } from '../../src/foundation/reference.ts';
import { Secret } from '../../src/foundation/secret.ts';
import type { Environment } from '../../src/folder/service/settings.ts';

/** A world that step kinds read and write, and what they did to it, in order. */
export interface World {
  readonly values: Map<string, string>;
  readonly log: string[];
  /** what the next probe of a name says instead of the truth */
  readonly probes: Map<string, Change['action']>;
}

export function createWorld(values: Readonly<Record<string, string>> = {}): World {
  return { values: new Map(Object.entries(values)), log: [], probes: new Map() };
}

/** Step kinds of the real contract over a world. */
export function kindsOver(world: World) {
  const read = pureStep({
    name: 'test/read',
    summary: 'Reads a value of the world.',
    effect: 'none',
    with: {
      name: required(form.text({ allowEmpty: true }), 'which'),
      wait: optional(form.json(), 'takes another step in'),
    },
    output: {
      value: { type: 'text', description: 'the value', optional: true },
      secret: { type: 'secret', description: 'the value, hidden' },
      facts: { type: 'json', description: 'more' },
    },
    async run({ name }) {
      world.log.push(`reading ${name}`);
      await new Promise((resolve) => setImmediate(resolve));
      if (name === 'missing') throw new Error(`no ${name}`);
      world.log.push(`read ${name}`);
      const value = world.values.get(name);
      return { value, secret: new Secret(`secret of ${name}`), facts: { value: value ?? null, list: [1] } };
    },
  });
  const token = pureStep({
    name: 'test/token',
    summary: 'Mints a token.',
    effect: 'none',
    with: { client: required(form.textOrReference(), 'who'), issuer: optional(form.connection('issuers'), 'where') },
    output: {
      'access-token': { type: 'secret', description: 'the token' },
      'token-type': { type: 'text', description: 'Bearer' },
      'expires-at': { type: 'number', description: 'when', optional: true },
      scope: { type: 'text', description: 'what for', optional: true },
    },
    scalar: 'access-token',
    presents: 'token',
    expiresAt: (output) => output.expiresAt,
    async run({ client }) {
      world.log.push(`minting for ${typeof client === 'string' ? client : 'a reference'}`);
      return {
        accessToken: new Secret('jwt'),
        tokenType: 'Bearer',
        expiresAt: 100,
        scope: undefined,
        audience: undefined,
      };
    },
  });
  const code = pureStep({
    name: 'test/code',
    summary: 'A one-time code.',
    effect: 'none',
    with: {},
    output: {
      code: { type: 'secret', description: 'the code' },
      'valid-for': { type: 'number', description: 'seconds' },
    },
    scalar: 'code',
    presents: 'one-time-code',
    run: async () => ({ code: new Secret('123456'), validFor: 17 }),
    async follow() {
      world.log.push('following');
      return async (at) => ({ code: new Secret(String(at)), validFor: 3 });
    },
  });
  const write = writeStep({
    name: 'test/write',
    summary: 'Writes a value into the world.',
    effect: 'write',
    with: {
      name: required(form.text(), 'which'),
      value: required(form.text(), 'what'),
      from: optional(form.reference('field'), 'a reference'),
    },
    output: { name: { type: 'text', description: 'which' }, at: { type: 'reference', description: 'where' } },
    scalar: 'at',
    planWithout: ['value'],
    async plan({ name = '', value }) {
      world.log.push(`probing ${name}`);
      const said = world.probes.get(name);
      const has = world.values.get(name);
      const action = said ?? (has === undefined ? 'create' : has === value ? 'none' : 'update');
      const change = { action, what: `value "${name}"` };
      return action === 'none' ? { changes: [change], output: outputOf(name) } : { changes: [change] };
    },
    async run({ name, value }) {
      world.log.push(`writing ${name}`);
      world.values.set(name, value);
      return outputOf(name);
    },
  });
  return registerSteps([read, token, code, write]);
}

function outputOf(name: string): { readonly name: string; readonly at: Reference } {
  return { name, at: Reference.of({ vault: 'World', item: name, field: 'value' }) };
}

export interface Recorded {
  readonly services: Services;
  readonly events: RunEvent[];
  readonly cache: Map<string, unknown>;
  readonly abort: AbortController;
}

/** Services without a vault: these kinds need none. */
export function servicesFor(environment: Environment): Recorded {
  const cache = new Map<string, unknown>();
  const abort = new AbortController();
  const nothing = () => Promise.reject(new Error('not used by these kinds'));
  const context: Services['context'] = (flow, step) => ({
    flow,
    step,
    environment: environment.name,
    agent: 'local:ada',
    vault: { address: 'https://x', read: nothing, requests: () => 0, close: nothing },
    read: nothing,
    ownershipMarks: nothing,
    derivedKeys: nothing,
    locked: (_name, work) => work(),
    clockSkew: async () => undefined,
    now: () => 5000,
    sleep: nothing,
    signal: abort.signal,
    options: new Set<string>(),
    warn: () => undefined,
    progress: () => undefined,
    waiting: () => () => undefined,
    revoked: () => undefined,
    askForValue: () => Promise.reject(new Error('nobody is asked')),
    askPeople: () => Promise.reject(new Error('nobody is asked')),
  });
  const services: Services = {
    environment,
    agent: 'local:ada',
    connection: (kind, name) => ({ kind, name }),
    plain: (kind, name) => ({ url: `https://${kind}.${name}.example` }),
    context,
    rejected: () => undefined,
    prepared: createPreparedSteps(),
    async cached<T>(key: string, mint: () => Promise<T>): Promise<T> {
      if (!cache.has(key)) cache.set(key, await mint());
      return cache.get(key) as T;
    },
  };
  return { services, events: [], cache, abort };
}
