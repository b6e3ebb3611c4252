import type { NamedItem, NamedVault } from '../adapters/vaults/contract.ts';
import type { FlowError } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import type { HookRules, RefusalCode } from '../foundation/wire.ts';
import type { FoundValue } from './given-values.ts';
import type { RunFilter } from '../durable/runs/contract.ts';
import type { OutputKinds, TokenJson } from '../engine/output-json.ts';
import type { InputsSchema } from '../folder/flows/input-schema.ts';
import type { OperatorRunsView, OperatorRunView, OperatorStepView, PlanView, RunView } from './runs/run-views.ts';

/** A proven identity, and what it said about itself. */
export interface Caller {
  /** name of the agent; `local:<user>` for the operator */
  readonly agent: string;
  /** how it was proven, for the trail */
  readonly by: 'token' | 'workload' | 'agent-run' | 'operator' | 'schedule';
  /** X-Request-Id */
  readonly request: string;
  /** X-Agent-Run-Id, claimed */
  readonly run?: string | undefined;
  /** the agent run that asks, proven */
  readonly agentRun?: ProvenRun | undefined;
  readonly reason?: string | undefined;
  /** the path by which its client asks, where that is not the name: one safe line, for the trail */
  readonly path?: string | undefined;
  readonly address: string;
  /** `Approval-Id`: approvals that it was given */
  readonly approvals?: readonly string[] | undefined;
  /** seconds that it waits for an approval, by `Prefer: wait` */
  readonly waits?: number | undefined;
  /** what an approval is used for, where that may come again after a crash: it is used once */
  readonly use?: string | undefined;
  /** told of each approval that it waits for, by its id */
  readonly waitsFor?: ((approval: string) => Promise<void>) | undefined;
  /** aborts where it goes away */
  readonly gone?: (() => AbortSignal) | undefined;
}

/** One task of an agent, as its token or the issuer of its workload identity proves it. */
export interface ProvenRun {
  readonly run: string;
  /** the run that all began with: what is approved for a run is approved for all below its root */
  readonly root: string;
  /** it and those above it: each has to be allowed what it asks for, and narrows it */
  readonly chain: readonly NarrowedRun[];
  readonly reason?: string | undefined;
  /** epoch milliseconds: nothing that is given to it is said to last longer */
  readonly expires: number;
  /** it has ended, as far as this broker knows without asking */
  readonly ended: () => boolean;
  /** Whether it goes on, as the ledger had it a moment ago: another broker may have ended it. @throws FlowError */
  goesOn(): Promise<boolean>;
}

export interface NarrowedRun {
  readonly run: string;
  readonly agent: string;
  /** patterns as in policy.yaml; undefined: it is not narrowed */
  readonly allow: readonly string[] | undefined;
}

/** What agents may ask for, apart from how they ask. Policy is asked first, every answer is on the trail before it leaves. */
export interface Broker {
  /** All names or nothing. @throws BrokerRefusal with the names that were denied */
  secrets(caller: Caller, names: readonly string[]): Promise<ResolvedSecrets>;
  /** @throws BrokerRefusal */
  token(caller: Caller, flow: string, inputs: Readonly<Record<string, unknown>>): Promise<GrantedToken>;
  /**
   * The same where all of it is in memory: no promise but the audit record's. Undefined: ask {@link Broker.token}.
   */
  cachedToken(
    caller: Caller,
    flow: string,
    inputs?: Readonly<Record<string, unknown>>,
  ): { readonly token: GrantedToken; readonly recorded: Promise<void> } | undefined;
  /** As {@link Broker.cachedToken}, for {@link Broker.secrets}. */
  cachedSecrets(
    caller: Caller,
    names: readonly string[],
  ): { readonly secrets: ResolvedSecrets; readonly recorded: Promise<void> } | undefined;
  /** Names of secrets that it may have: with a reason, in an agent run, once people agreed, where that is wanted. */
  secretNames(caller: Caller): Promise<readonly string[]>;
  rejected(caller: Caller, flow: string, tokenHash: string): Promise<{ readonly evicted: boolean }>;
  /** @param gives a flow that gives anything else does not exist for this caller */
  run(
    caller: Caller,
    flow: string,
    inputs: Readonly<Record<string, unknown>>,
    gives?: 'one-time-code',
  ): Promise<FlowAnswer>;
  /** For whoever watches its tools: nothing that it does not have already. @throws BrokerRefusal rate-limited */
  inspect(caller: Caller, texts: readonly string[]): Promise<Inspection>;
  /** Those that it may run, as a program or a model needs them to be told. */
  flows(caller: Caller): Promise<readonly FlowView[]>;
  /** Whether it could have this now, without having it. */
  access(caller: Caller, asked: AskedAccess): Promise<Access>;
  readonly items: BrokerItems;
  readonly runs: BrokerRuns;
  readonly operator: OperatorUses;
}

/** What is known of texts that an agent has, and what its tools are to keep to. */
export interface Inspection {
  /** `text`: which of them */
  readonly found: readonly (FoundValue & { readonly text: number })[];
  readonly rules: HookRules;
  /** flows whose values it may run programs with */
  readonly environments: readonly string[];
}

/**
 * Items of 1Password by the paths of Vault's clients, as `vault-paths` of policy.yaml lets an agent have them. What is
 * denied and what does not exist are refused alike. @throws BrokerRefusal
 */
export interface BrokerItems {
  /** The vaults whose items it may list. */
  vaults(caller: Caller): Promise<readonly NamedVault[]>;
  /** Those items of a vault that it may read. @param path `op/vaults/VAULT/items` */
  list(caller: Caller, path: string): Promise<readonly NamedItem[]>;
  /** Its fields by their labels; the seed of a one-time password is none of them. @param path `op/vaults/VAULT/items/ITEM` */
  read(caller: Caller, path: string): Promise<ReadonlyMap<string, Secret>>;
  /** Changes fields of an item; one that is not there is made. */
  write(caller: Caller, path: string, change: ItemChange): Promise<WrittenItem>;
  /** Archives it; what is not there is deleted already. */
  remove(caller: Caller, path: string): Promise<void>;
}

export interface ItemChange {
  /** where it is said: as the item is called, or is to be */
  readonly title?: string | undefined;
  /** by label; undefined: it is taken away */
  readonly fields: ReadonlyMap<string, { readonly value: Secret; readonly type: 'text' | 'concealed' } | undefined>;
}

export interface WrittenItem {
  readonly id: string;
  /** epoch milliseconds */
  readonly createdAt: number;
}

/** Runs of flows that write. @throws BrokerRefusal; a run of another agent is no-such-run */
export interface BrokerRuns {
  plan(caller: Caller, flow: string, inputs: RunRequest['inputs']): Promise<PlanView>;
  start(caller: Caller, flow: string, request: RunRequest): Promise<RunView>;
  /** @param wait seconds that the answer is held back while the run goes on */
  look(caller: Caller, id: string, wait: number, gone: AbortSignal): Promise<RunView>;
  /** What is secret of it is read or made now. */
  output(caller: Caller, id: string): Promise<FlowAnswer>;
  cancel(caller: Caller, id: string): Promise<RunView>;
}

/** What the operator's command asks of a broker. @throws BrokerRefusal */
export interface OperatorUses {
  runs(caller: Caller, filter: RunFilter): Promise<OperatorRunsView>;
  run(caller: Caller, id: string): Promise<OperatorRunView & { readonly steps: readonly OperatorStepView[] }>;
  cancelRun(caller: Caller, id: string): Promise<OperatorRunView>;
  resumeRun(caller: Caller, id: string): Promise<OperatorRunView>;
}

/** A run to begin. */
export interface RunRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  /** hash of a plan: where it would be another one, nothing is written */
  readonly plan?: string | undefined;
  /** Idempotency-Key */
  readonly key?: string | undefined;
}

export interface ResolvedSecrets {
  readonly resolved: Readonly<Record<string, { readonly value: string; readonly expiresAt: string }>>;
  /** every one of them came from memory */
  readonly cached: boolean;
}

/** A flow as an agent sees it that may run it. */
export interface FlowView {
  readonly name: string;
  readonly description: string;
  /** `write`: it is begun as a run */
  readonly effect: 'none' | 'write';
  readonly breakGlass?: true;
  /** an MCP tool of its own */
  readonly tool?: true;
  readonly inputs: InputsSchema;
}

export interface AskedAccess {
  readonly kind: 'flow' | 'secret';
  readonly name: string;
}

/** What policy says of it. Why something is denied is not for the agent. */
export interface Access {
  readonly allowed: boolean;
  /** what is missing, where it would be allowed with that */
  readonly needs?: 'approval' | 'reason' | 'run';
}

/** A flow's output as `flows NAME --json` prints it, and what each part of it is. */
export interface FlowAnswer {
  readonly output: unknown;
  readonly as: OutputKinds;
  /** names of the output that a program is to get as the path of a file; absent: none */
  readonly files?: readonly string[];
}

export type GrantedToken = TokenJson;

/** What an agent is told. The operator's truth is in the trail and in `cause`. */
export interface Refusal {
  readonly code: RefusalCode;
  /** HTTP status */
  readonly status: number;
  /** logical names that it concerns */
  readonly names?: readonly string[] | undefined;
  /** seconds */
  readonly retryAfter?: number | undefined;
  /** of `approval-required`: the approval that it waits for, and where a person answers it */
  readonly approval?: { readonly id: string; readonly url?: string | undefined } | undefined;
  readonly cause?: FlowError;
}
