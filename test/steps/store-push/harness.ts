import { awsRules } from '../../../src/adapters/stores/aws-secrets-manager/rules.ts';
import { randomBytes } from 'node:crypto';
import { FlowError } from '../../../src/foundation/errors.ts';
import type { Template } from '../../../src/language/forms.ts';
import type { StepContext, StepPlan } from '../../../src/steps/contract.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';
import { storePromote } from '../../../src/steps/store-promote.ts';
import { storePush } from '../../../src/steps/store-push.ts';
import type { SecretStore } from '../../../src/adapters/stores/contract.ts';
import type { Vault } from '../../../src/adapters/vaults/contract.ts';

export function ref(text: string): Reference {
  const reference = Reference.parse(text);
  if (!(reference instanceof Reference)) throw new TypeError(reference.problem);
  return reference;
}

/** A vault in memory: an implementation of the contract. */
export function memoryVault(values: Record<string, string>): Vault & { readonly values: Record<string, string> } {
  let requests = 0;
  return {
    address: 'memory',
    values,
    async read(references) {
      requests += 1;
      await Promise.resolve();
      return new Map(
        references.map((each) => {
          const value = values[each.toString()];
          return [
            each.toString(),
            value === undefined ? new FlowError('not-found', 'no such field') : new Secret(value),
          ];
        }),
      );
    },
    requests: () => requests,
    close: () => Promise.resolve(),
  };
}

export interface Entry {
  readonly name: string;
  readonly value?:
    | Reference
    | Readonly<Record<string, Reference | string | number | boolean>>
    | { readonly template: Template };
  readonly template?: Template;
  readonly description?: string;
  readonly 'kms-key'?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly replicas?: readonly { readonly region: string; readonly 'kms-key'?: string }[];
  readonly 'resource-policy'?: unknown;
}

interface Pushed {
  readonly pending: readonly { readonly name: string; readonly version: string }[];
  readonly counts: { readonly create: number; readonly adopt: number; readonly update: number; readonly none: number };
  readonly changed: readonly { readonly name: string; readonly arn: string }[];
  readonly removed: readonly { readonly name: string; readonly arn: string }[];
}

/** Runs the step as the engine does, and keeps all that it says. */
export function pusher(store: SecretStore, vault: Vault) {
  const said: string[] = [];
  const kind = storePush;
  const promotion = storePromote;
  if (kind.effect !== 'write' || promotion.effect !== 'write') throw new TypeError('the step writes');
  let keys: readonly [Uint8Array, ...Uint8Array[]] = [randomBytes(32)];
  let tail: Promise<unknown> = Promise.resolve();
  let who = { flow: 'seed', step: 'push', environment: 'test' };

  const context = (options: readonly string[], signal?: AbortSignal): StepContext => ({
    ...who,
    agent: 'local:ada',
    vault,
    read: async (reference) => {
      const value = (await vault.read([reference])).get(reference.toString());
      if (value instanceof Secret) return value;
      throw value ?? new FlowError('not-found', 'no such field');
    },
    ownershipMarks: () => Promise.reject(new Error('not used')),
    derivedKeys: () => Promise.resolve(keys),
    async locked(_, work) {
      const turn = tail.then(work);
      tail = turn.catch(() => undefined);
      return turn;
    },
    clockSkew: () => Promise.resolve(undefined),
    now: Date.now,
    sleep: () => Promise.resolve(),
    signal: signal ?? new AbortController().signal,
    options: new Set(options),
    warn: (message) => void said.push(message),
    progress: (message) => void said.push(message),
    waiting: () => () => undefined,
    renewed: () => Promise.resolve(undefined),
    idempotencyKey: 'of-the-test',
    revoked: () => undefined,
    askForValue: () => Promise.reject(new Error('nobody is asked')),
    askPeople: () => Promise.reject(new Error('nobody is asked')),
  });
  let stage = 'current';
  let prune = false;
  const input = (secrets: readonly Entry[], adopt: boolean) => ({ store, secrets, stage, adopt, prune });

  return {
    said,
    /** from now on a value that differs is held back */
    hold: () => void (stage = 'pending'),
    /** from now on what is not declared any more is deleted */
    prune: () => void (prune = true),
    /** from now on it is another step, of another flow or environment */
    as: (other: Partial<typeof who>) => void (who = { ...who, ...other }),
    promote: {
      plan: (pending: unknown) =>
        promotion.plan({ store, pending }, context([])) as unknown as Promise<StepPlan<Pick<Pushed, 'changed'>>>,
      run: (pending: unknown) =>
        promotion.run({ store, pending }, context([])) as unknown as Promise<Pick<Pushed, 'changed'>>,
    },
    /** the proof said no: as the engine has it, of what a push gave */
    withdraw: (pushed: Pick<Pushed, 'pending'>) => kind.withdraw?.({ store }, { ...pushed }, context([])),
    useKeys: (...next: readonly [Uint8Array, ...Uint8Array[]]) => void (keys = next),
    plan: (secrets: readonly Entry[], options: readonly string[] = [], adopt = false) =>
      kind.plan(input(secrets, adopt), context(options)) as unknown as Promise<StepPlan<Pushed>>,
    run: (secrets: readonly Entry[], options: readonly string[] = [], adopt = false, signal?: AbortSignal) =>
      kind.run(input(secrets, adopt), context(options, signal)) as unknown as Promise<Pushed>,
    check: (secrets: readonly Partial<Entry>[]) =>
      kind.check?.({ secrets }, new Set(['store', 'secrets']), {
        rulesOf: () => awsRules,
        attributionOf: () => undefined,
        lacking: () => undefined,
        apiOf: () => undefined,
        varies: () => false,
      }) ?? [],
  };
}
