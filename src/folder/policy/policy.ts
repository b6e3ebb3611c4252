import type { HookRules } from '../../foundation/wire.ts';
import type { Rate } from '../../language/rate.ts';
import type { ItemPlace, ItemUse, VaultPathRule } from './vault-paths.ts';

/** policy.yaml as rules: who may ask for what. The file is read by file.ts, the question answered by decide.ts. */
export interface Policy {
  readonly agents: ReadonlyMap<string, AgentPolicy>;
  /** the people who approve, by name */
  readonly approvers?: ReadonlyMap<string, Approver> | undefined;
  /** what the tools of agents keep to, where they are watched */
  readonly hook?: HookRules | undefined;
  /** what this one must allow as well: rights that are new are held for a while */
  readonly within?: Policy;
}

/** The agent in whose name schedules run flows; nothing else proves it. */
export const scheduleAgent = 'schedule';

export interface AgentPolicy {
  readonly name: string;
  /** bearer tokens that prove it: at most two live at once */
  readonly tokens: readonly AgentToken[];
  /** workload identities that prove it */
  readonly trust: readonly Trust[];
  /** logical names of the registry */
  readonly allow: readonly Pattern[];
  /** flows; a wildcard matches pure flows only, and none for break-glass */
  readonly flows: readonly Pattern[];
  /** names of either kind; wins over everything */
  readonly deny: readonly Pattern[];
  /** seconds */
  readonly maxTtl: number | undefined;
  readonly rate: Rate | undefined;
  /** every request of it must come from a proven agent run */
  readonly requireRun?: boolean | undefined;
  /** every request of it must state a reason */
  readonly requireReason: boolean;
  /** what of all that a person must approve first */
  readonly approve?: readonly ApproveRule[] | undefined;
  /** items that it may use as a client of Vault */
  readonly vaultPaths?: readonly VaultPathRule[] | undefined;
}

/** No rules of one's own. */
export const noHookRules: HookRules = { files: [], commands: [], allow: [] };

/** An agent that nothing proves and that may have nothing. */
export function agentWithoutRights(name: string): AgentPolicy {
  const nothing = { tokens: [], trust: [], allow: [], flows: [], deny: [] };
  return { name, ...nothing, maxTtl: undefined, rate: undefined, requireReason: false };
}

/** A person who approves. */
export interface Approver {
  readonly name: string;
  readonly passkeys: readonly Passkey[];
  /** sign-ins that prove this person */
  readonly trust: readonly Trust[];
  /** agents that work for this person */
  readonly ownerOf: readonly string[];
  /** channels of service.yaml by which this person is told of what waits */
  readonly notify: readonly string[];
  /** break-glass flows whose one-time code the page shows this person: names, never wildcards */
  readonly reveal?: readonly Pattern[] | undefined;
}

/** A passkey's public half. */
export interface Passkey {
  /** credential id, base64url */
  readonly id: string;
  /** SPKI (DER), base64url */
  readonly publicKey: string;
  readonly algorithm: 'ES256' | 'EdDSA' | 'RS256';
  /** it is eligible for backup, and always was */
  readonly synced: boolean;
  /** `2026-11-29` */
  readonly added: string | undefined;
  /** a key in a process, which proves no person: on the laptop alone, and in no file */
  readonly software?: true;
}

/** What one approval is for: a call, or a proven root run with its children; a session is never for what writes. */
export type ApprovalScope = 'call' | 'run' | 'session';

/** What must be approved first, by whom, and how long that is good for. */
export interface ApproveRule {
  /** secrets that it is about */
  readonly names: readonly Pattern[];
  /** flows that it is about; a wildcard also matches those that write */
  readonly flows: readonly Pattern[];
  readonly scope: ApprovalScope;
  /** names of approvers */
  readonly by: readonly string[];
  /** how many of them */
  readonly needs: number;
  /** seconds that it waits for an answer */
  readonly wait: number;
  /** seconds that it is good for from the last yes on */
  readonly expires: number;
  /** calls that it is good for; undefined: any number */
  readonly uses: number | undefined;
  /** an owner of the agent may approve */
  readonly self: boolean;
  /** all of the above as canonical JSON, with what defaults give: an approval is bound to it */
  readonly text: string;
  /** `policy.yaml:9:9` */
  readonly location: string;
}

/** `openai.api_key`, `github.*` (within a dotted part), `github.**` (across parts). */
export interface Pattern {
  readonly text: string;
  /** where it stands, for explanations: `policy.yaml:7:13` */
  readonly location: string;
}

export interface AgentToken {
  /** lower-case hex */
  readonly sha256: string;
  /** epoch milliseconds; undefined: nobody wrote it down */
  readonly issued?: number | undefined;
  /** epoch milliseconds; undefined: does not expire */
  readonly expires: number | undefined;
}

/** An OIDC issuer whose tokens prove the agent, where audience and claims fit. */
export interface Trust {
  readonly issuer: string;
  /** which discovery document names its keys: `oidc`, `oauth2`, or the address of one; default whichever it has */
  readonly discovery?: string | undefined;
  /** where its keys are, instead of what a document says */
  readonly jwksUri?: string | undefined;
  /** absolute path of a file with its keys, instead of an address */
  readonly keysFile?: string | undefined;
  /** `iss` of its tokens; default the issuer */
  readonly tokenIssuers?: readonly string[] | undefined;
  readonly audience: string;
  /** the claim that names the run that asks */
  readonly run?: string | undefined;
  /** exact values or globs (`*`), by claim */
  readonly claims: Readonly<Record<string, string>>;
}

interface Asked {
  /** name of the agent; of `reveal`, of the approver */
  readonly agent: string;
  readonly name: string;
  readonly reason?: string | undefined;
  /** a proven agent run asks */
  readonly inRun?: boolean | undefined;
}

export type Question =
  | (Asked & { readonly kind: 'secret' })
  /** a person, to see what a break-glass flow gives */
  | (Asked & { readonly kind: 'reveal' })
  | (Asked & {
      readonly kind: 'flow';
      readonly effect: 'none' | 'write';
      /** marked `break-glass: true` */
      readonly breakGlass?: boolean | undefined;
      /** what the flow itself wants for all its runs */
      readonly approve?: ApproveRule | undefined;
    })
  | (Asked & { readonly kind: 'item'; readonly use: ItemUse; readonly place: ItemPlace });

export interface Decision {
  readonly allowed: boolean;
  /** the rule that decided, for the audit trail and explanations: `policy.yaml:7:13 allow github.*`, `default: deny` */
  readonly rule: string;
  /** what it would be allowed with */
  readonly wanted?: 'reason' | 'run';
  /** it is allowed once all of these are met; absent: at once */
  readonly approvals?: readonly ApproveRule[];
}
