import type { Reference } from '../foundation/reference.ts';
import type { Secret } from '../foundation/secret.ts';
import type { Capability } from '../adapters/identity/capabilities.ts';
import type { ApiRules } from '../adapters/apis/contract.ts';
import type { Attribution } from '../adapters/issuers/contract.ts';
import type { PushDuty, StoreRules } from '../adapters/stores/contract.ts';
import type { Vault } from '../adapters/vaults/contract.ts';
import type { InputOf, Keys } from '../language/forms.ts';

/**
 * What a field of a step's output is, by its name in YAML: `expires-at`, which the output has as `expiresAt`. A `write`
 * step has no secret fields: checked when the kind is registered.
 */
export interface OutputField {
  readonly type: 'text' | 'number' | 'boolean' | 'reference' | 'secret' | 'json';
  readonly description: string;
  /** may be undefined */
  readonly optional?: boolean;
}
export type OutputFields = Readonly<Record<string, OutputField>>;

interface FieldTypes {
  readonly text: string;
  readonly number: number;
  readonly boolean: boolean;
  readonly reference: Reference;
  readonly secret: Secret;
  readonly json: unknown;
}
type CamelCase<S> = S extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<CamelCase<Rest>>}` : S;
export type OutputOf<F extends OutputFields> = {
  readonly [P in keyof F as CamelCase<P>]:
    | FieldTypes[F[P]['type']]
    | (F[P]['optional'] extends true ? undefined : never);
};

const properties = new Map<string, string>();

/** The property of a step's output that a field is: `expiresAt` for `expires-at`. */
export function propertyOf(field: string): string {
  const known = properties.get(field) ?? field.replace(/-+([^-]?)/g, (_, next: string) => next.toUpperCase());
  properties.set(field, known);
  return known;
}

/** What a step may use. Made by the composition root for each step of each run. */
export interface StepContext {
  readonly flow: string;
  readonly step: string;
  readonly environment: string;
  /** in whose name it runs: the proven agent, `local:<user>` for the command and for what a process does by itself */
  readonly agent: string;
  readonly vault: Vault;
  /** One value; reads of steps that run side by side share a batch. @throws FlowError with the reference as subject */
  read(reference: Reference): Promise<Secret>;
  /**
   * Marks what this step makes as made by this step: HMAC under the environment's ownership key of flow, step and the
   * identifying inputs. The first mark is for new things; any of them (the key may be two) proves ownership.
   * base64url, 43 characters, behind a fixed prefix.
   */
  ownershipMarks(identifying: Readonly<Record<string, string>>): Promise<readonly [string, ...string[]]>;
  /**
   * Keys derived from the environment's `key:` by HKDF-SHA256, new first. 32 bytes each. Asked for together with reads,
   * they come in the same call. @throws FlowError invalid where the environment has none
   */
  derivedKeys(label: 'fingerprint' | 'drill-version'): Promise<readonly [Uint8Array, ...Uint8Array[]]>;
  /** Runs alone among all processes of this user on this machine that name the same lock. */
  locked<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Local clock minus an issuer's clock, in seconds, where one is known or can be asked quickly. */
  clockSkew(): Promise<number | undefined>;
  /**
   * Asks people, and waits until one of them says yes. @returns who did
   * @throws FlowError aborted where nobody does, refused where nobody can be asked
   */
  askPeople(question: PeopleQuestion): Promise<string>;
  /**
   * Asks whoever runs the flow at a terminal for a value, without showing it. undefined: they gave none
   * @throws FlowError refused where nobody is there
   */
  askForValue(question: ValueQuestion): Promise<Secret | undefined>;
  /**
   * A service refused the token that a key of this step has: the earlier step that gave it is asked again.
   * @returns another one; undefined where there is none
   */
  renewed(key: string, refused: Secret): Promise<Secret | undefined>;
  /** The same whenever this run does this step, and no other step's: 64 characters. */
  readonly idempotencyKey: string;
  /** A token was revoked: nobody is given it from memory any more. */
  revoked(token: Secret): void;
  /** epoch milliseconds */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  /** options of the command that a step kind declares: `--overwrite`, `--adopt`, `--strict` */
  readonly options: ReadonlySet<string>;
  /** one line for a person, never a value */
  warn(message: string): void;
  progress(message: string): void;
  /** Why nothing happens for so many milliseconds at most, never a value. @returns ends it */
  waiting(why: string, milliseconds: number): () => void;
}

/** What whoever runs a flow is to do, and to give. */
export interface ValueQuestion {
  /** what they are told, on one line */
  readonly say: string;
  /** the page on which they do it */
  readonly page: string | undefined;
  /** where the value will stand, and where they may put it themselves: `field "credential (next)" of …` */
  readonly into: string;
}

/** What people are asked. */
export interface PeopleQuestion {
  /** on one line */
  readonly reason: string;
  /** names of `approvers:` in policy.yaml */
  readonly approvers: readonly string[];
  /** seconds that it waits */
  readonly timeout: number;
}

/** What a plan may say of one thing: its sign and word for a person, and how it is painted. One row each. */
export const changeActions = {
  create: { sign: '+', word: 'create', style: 'green' },
  adopt: { sign: '+', word: 'adopt', style: 'green' },
  update: { sign: '~', word: 'update', style: 'yellow' },
  restore: { sign: '~', word: 'restore', style: 'yellow' },
  enrol: { sign: '+', word: 'enrol', style: 'green' },
  disable: { sign: '-', word: 'disable', style: 'red' },
  revoke: { sign: '-', word: 'revoke', style: 'red' },
  remove: { sign: '-', word: 'remove', style: 'red' },
  send: { sign: '>', word: 'send', style: 'yellow' },
  ask: { sign: '?', word: 'ask', style: 'yellow' },
  none: { sign: '=', word: 'no change', style: 'dim' },
  conflict: { sign: '!', word: 'conflict', style: 'red' },
} as const;
export type ChangeAction = keyof typeof changeActions;

/** One thing that a write step would change. */
export interface Change {
  readonly action: ChangeAction;
  /** what it acts on: `item "ada@example.com" in vault "Accounts"`, never a value */
  readonly what: string;
  /** why, or what differs, never a value */
  readonly detail?: string;
}

export interface StepPlan<O> {
  readonly changes: readonly Change[];
  /** the step's output, where it is known before the run (nothing to do); else what depends on it is known after run */
  readonly output?: O;
}

/** An OAuth client as a step's input tells of it. */
export interface ClientUse {
  readonly id: string | Reference;
  readonly secrets: readonly Reference[];
  /** of private_key_jwt */
  readonly key: Reference | undefined;
  /** what it asks for: `audience` and `resource` */
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  readonly tokenFormat: 'jwt' | 'opaque';
  /** false: it asks for no token, so that it says nothing of what its client may ask for */
  readonly asks?: boolean;
}

/** Secrets that a step pushes, as its input tells of them. */
export interface PushUse {
  /** the key that names the store */
  readonly to: string;
  /** as the flow writes them; undefined: known at run */
  readonly names: readonly (string | undefined)[];
  /** what it does there besides writing values */
  readonly does: ReadonlySet<PushDuty>;
}

/** A user as a step's input tells of it. */
export interface UserUse {
  readonly username: string;
  readonly password: Reference;
  readonly oneTimePassword: Reference | undefined;
}

/** What is wrong with a key of a step's input. */
export interface InputProblem {
  /** as the check finds its place: `secrets[0].name` */
  readonly key: string;
  readonly problem: string;
  readonly hint?: string | undefined;
  /** the service takes it, and a person may regret it */
  readonly warning?: true;
}

/** What service.yaml says of the connection that a key names; undefined where that is not known. */
export interface Connected {
  rulesOf(key: string): StoreRules | undefined;
  attributionOf(key: string): Attribution | undefined;
  /** why the identity provider has none of these capabilities; undefined: it has one of them, or is not known */
  lacking(key: string, oneOf: readonly Capability[]): Pick<InputProblem, 'problem' | 'hint'> | undefined;
  apiOf(key: string): ApiRules | undefined;
  /** whether what stands in this key of each entry of a list may be another thing in another run of the same files */
  varies(list: string, key: string): boolean;
}

interface StepKindBase<K extends Keys, F extends OutputFields> {
  /** `room/verb`: oauth/client-credentials */
  readonly name: string;
  /** other names that flows may use it by */
  readonly aliases?: readonly string[];
  /** one sentence for the reference */
  readonly summary: string;
  readonly with: K;
  readonly output: F;
  /** the field that `${{ steps.id }}` stands for where one value is wanted */
  readonly scalar?: keyof F & string;
  /** how a flow's output that is this step, or its scalar field, is presented */
  readonly presents?: 'token' | 'one-time-code';
  /** command options that it understands, without dashes */
  readonly options?: readonly string[];
  /** keys of the environment without which it cannot work; refused at check (a store may have its own fingerprint key) */
  readonly needs?: readonly ('ownership-key' | 'fingerprint-key')[];
  /**
   * What cannot be said by the forms alone, at load, for each environment: problems by key. `input` holds what is known
   * then (literals, variables, enum inputs); `given` names every key that the file gives, known or not, and what stands
   * in it: `path-values.id`.
   */
  check?(input: Partial<InputOf<K>>, given: ReadonlySet<string>, connected: Connected): readonly InputProblem[];
  /** names of the vaults that it writes to, as the input names them */
  writes?(input: Partial<InputOf<K>>): readonly string[];
  /** who gives what it puts out, for the audit trail */
  readonly reads?: 'vault' | 'issuer' | 'api';
  /** the OAuth clients that it is */
  clients?(input: Partial<InputOf<K>>): readonly ClientUse[];
  /** the users that it signs in as */
  users?(input: Partial<InputOf<K>>): readonly UserUse[];
  /** the secrets that it pushes */
  pushes?(input: Partial<InputOf<K>>): PushUse;
  /** fields that hold the seed of a one-time password, and are none yet */
  seeds?(input: Partial<InputOf<K>>): readonly Reference[];
  run(input: InputOf<K>, context: StepContext): Promise<OutputOf<F>>;
}

/** Reads only: may be run for a plan, again, and side by side with others. */
export interface PureStepKind<K extends Keys = Keys, F extends OutputFields = OutputFields> extends StepKindBase<K, F> {
  readonly effect: 'none';
  /** epoch seconds; a kind that declares it is cached until then, by everything in its input */
  expiresAt?(output: OutputOf<F>): number | undefined;
  /**
   * For a person who looks on, of what changes with time alone: reads what it takes once, and waits for nothing.
   * @returns its output at each moment (epoch milliseconds), which asks nobody
   */
  follow?(input: InputOf<K>, context: StepContext): Promise<(at: number) => Promise<OutputOf<F>>>;
  /** who has one of its own, where what it gives says which agent it is for. A kind that declares it may do so somewhere */
  attributed?(input: InputOf<K>): Attribution['per'];
  /** Takes back what it gave to one agent run alone, when that ends. Where the service cannot, it does nothing. */
  takeBack?(input: InputOf<K>, output: OutputOf<F>, context: StepContext): Promise<void>;
}

/** Changes something. Safe to repeat: it probes before it acts, or carries an idempotency key. */
export interface WriteStepKind<K extends Keys = Keys, F extends OutputFields = OutputFields> extends StepKindBase<
  K,
  F
> {
  readonly effect: 'write';
  /**
   * Required keys that the probe can do without. Where any other required key is only known after run, so is the
   * step's plan, and `plan` is not called.
   */
  readonly planWithout?: readonly (keyof K & string)[];
  /**
   * False: it neither probes what it does nor carries a key by which it is done once. Where a crash ends it in the middle,
   * a run waits for a person, as where it fails with `outcome-unknown`. Absent: it is.
   */
  isRepeatable?(input: InputOf<K>): boolean;
  /** Whether it asks people. @param given keys that its input has. Absent: it never does */
  asksPeople?(given: ReadonlySet<string>): boolean;
  /** the key of its input that names those who may answer, of `approvers:` in policy.yaml */
  readonly answeredBy?: keyof K & string;
  /**
   * A later step of the same run failed for good: takes back what waited for its yes, where it waits still. Safe to repeat.
   * @returns whether there was anything
   */
  withdraw?(input: Partial<InputOf<K>>, output: OutputOf<F>, context: StepContext): Promise<boolean>;
  /** Probes without changing. Keys whose value is only known after run are absent from `input`. */
  plan(input: Partial<InputOf<K>>, context: StepContext): Promise<StepPlan<OutputOf<F>>>;
}

export type StepKind = PureStepKind | WriteStepKind;

/** Step kinds by name. */
export type StepKinds = ReadonlyMap<string, StepKind>;

/** Declares a kind with its own types, and gives it the form that the registry takes. */
export function pureStep<K extends Keys, F extends OutputFields>(kind: PureStepKind<K, F>): StepKind {
  return kind;
}

export function writeStep<K extends Keys, F extends OutputFields>(kind: WriteStepKind<K, F>): StepKind {
  return kind;
}
