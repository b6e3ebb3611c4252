import { accessSync, constants } from 'node:fs';
import { basename } from 'node:path';
import type { BreakGlass, Drill } from '../folder/break-glass-accounts.ts';
import { type DrillEvidence, evidenceIn, proves, type SignedEvidence } from '../foundation/drill-evidence.ts';
import { durationText } from '../foundation/duration.ts';
import { asFlowError, oneLine } from '../foundation/errors.ts';
import type { AuditEvent } from './contract.ts';
import { type FindNewest, type Look, newestOfAll } from './newest-lines.ts';
import type { AuditLine } from './read-trail.ts';

/** An account that a break-glass flow gives, and when it was last proven. Times as RFC 3339 writes them. */
export interface AccountStanding {
  readonly username: string;
  readonly provider: string;
  /** the break-glass flow, and the drill that signs in */
  readonly flow: string;
  readonly drill: string;
  /** undefined: never */
  readonly proven: string | undefined;
  /** of a drill after that, which did not prove it */
  readonly failed: string | undefined;
}

/** What makes break-glass red. */
export const troubleCodes = [
  'no-drill',
  'never-proven',
  'proof-too-old',
  'drill-failed',
  'no-second-account',
  'not-closed',
  'trail-unreadable',
] as const;

/** Something that a person must see to; its texts are safe to show on a line. */
export interface Trouble {
  readonly code: (typeof troubleCodes)[number];
  /** an account, a flow, or a trail */
  readonly subject: string;
  readonly why: string;
  /** what to do */
  readonly hint: string;
}

export interface BreakGlassState {
  readonly accounts: readonly AccountStanding[];
  readonly troubles: readonly Trouble[];
}

/** lines of the trail about one drill that are looked at */
const looked = 50;
const closed = 'break-glass.closed';
/** what gives somebody what a break-glass flow gives, and what settles it */
const usesAndClosing: ReadonlySet<string> = new Set([
  ...['local.run', 'local.read', 'local.exec', 'flow.run', 'run.started', 'break-glass.revealed', closed],
]);

/**
 * How break-glass stands, by what is on the trails: which account was proven, and what is still owed for a use.
 * @param trails their files: those of the environment
 * @param now epoch milliseconds
 * @param find reads them; default: anew, all of them
 */
export async function breakGlassState(
  flows: readonly BreakGlass[],
  trails: readonly string[],
  now: number,
  find: FindNewest = newestOfAll,
): Promise<BreakGlassState> {
  const drills = flows.flatMap((each) => each.drills);
  const closing = flows.map(({ flow }) => flow).filter(({ close }) => close !== undefined);
  const found = await find(trails, [...drills.map(({ flow }) => drillsOf(flow)), ...closing.map(usesOf)]);
  const drilled = new Map(drills.map((drill, index) => [drill, (found[index] ?? []).flatMap(evidenceOf)]));
  const stood = flows.map((each) => standingOf(each, (drill) => drilled.get(drill) ?? [], now));
  const accounts = stood.flatMap((each) => each.accounts);
  const troubles = stood.flatMap((each) => each.troubles);
  const [only, ...others] = accounts;
  const isAlone =
    only !== undefined &&
    others.every(({ username, provider }) => only.username === username && only.provider === provider);
  const duties = closing.flatMap((flow, index) => dutyOf(flow, found[drills.length + index]?.[0]));
  return { accounts, troubles: [...troubles, ...(isAlone ? [alone(only.username)] : []), ...duties] };
}

const drillsOf = ({ name }: Drill['flow']): Look => ({ filter: { action: 'drill.finished', name }, most: looked });
const usesOf = ({ name }: BreakGlass['flow']): Look => ({
  filter: { outcome: 'allowed', name, actions: usesAndClosing },
  most: 1,
});

function standingOf(
  { flow, drills }: BreakGlass,
  drilledBy: (drill: Drill) => readonly DrillEvidence[],
  now: number,
): BreakGlassState {
  if (drills.length === 0) {
    const why = 'no drill signs in with what it gives';
    const hint = 'write a flow with idp/sign-in, as break-glass-drill.yaml is';
    return { accounts: [], troubles: [{ code: 'no-drill', subject: flow.name, why, hint }] };
  }
  const all = drills.flatMap((each) => {
    const drilled = drilledBy(each);
    return each.proves.map(({ username, provider }) => {
      const mine = drilled.flatMap((evidence) => {
        const account = evidence.accounts.find((one) => one.username === username && one.provider === provider);
        return account === undefined ? [] : [{ evidence, account, good: proves(evidence, account) }];
      });
      const [last] = mine;
      const proven = mine.find(({ good }) => good)?.account.proven ?? undefined;
      const failed = last?.good === false ? last.evidence : undefined;
      const standing = { username, provider, flow: flow.name, drill: each.flow.name, proven, failed: failed?.began };
      return { standing, trouble: troubleOf(standing, failed, flow.provenWithin, now) };
    });
  });
  return { accounts: all.map(({ standing }) => standing), troubles: all.flatMap(({ trouble }) => trouble ?? []) };
}

function troubleOf(
  { username, drill, proven }: AccountStanding,
  failed: DrillEvidence | undefined,
  within: number,
  now: number,
): Trouble | undefined {
  const hint = `run flows drill ${drill}`;
  if (failed !== undefined) {
    const why = failed.broken.map((link) => link.why).join('; ');
    return { code: 'drill-failed', subject: username, why: oneLine(`its last drill failed: ${why}`), hint };
  }
  if (proven === undefined) return { code: 'never-proven', subject: username, why: 'it was never proven', hint };
  if (now - Date.parse(proven) <= within * 1_000) return undefined;
  return {
    code: 'proof-too-old',
    subject: username,
    why: `it was last proven at ${proven}, and not within ${durationText(within)}`,
    hint,
  };
}

function alone(username: string): Trouble {
  const why = 'it is the only one: whoever locks it locks everybody out';
  return {
    code: 'no-second-account',
    subject: username,
    why,
    hint: 'give a second account a break-glass flow and a drill',
  };
}

/** Trails that may be read, and a trouble for each other one: what stands on it nobody knows. */
export function readableOf(trails: readonly string[]): {
  readonly files: readonly string[];
  readonly troubles: readonly Trouble[];
} {
  const troubles: Trouble[] = [];
  const files = trails.filter((file) => {
    try {
      accessSync(file, constants.R_OK);
      return true;
    } catch (error) {
      const { message, hint = 'see its owner and its mode' } = asFlowError(error);
      troubles.push({ code: 'trail-unreadable', subject: basename(file), why: oneLine(message), hint });
      return false;
    }
  });
  return { files, troubles };
}

/** What is owed for uses of break-glass: those since which nothing has closed them. @param find as above */
export async function openDuties(
  flows: readonly BreakGlass['flow'][],
  trails: readonly string[],
  find: FindNewest = newestOfAll,
): Promise<readonly Trouble[]> {
  const closing = flows.filter(({ close }) => close !== undefined);
  const found = await find(trails, closing.map(usesOf));
  return closing.flatMap((flow, index) => dutyOf(flow, found[index]?.[0]));
}

/** @param last its use, or what closed it, whichever was the last */
function dutyOf({ name }: BreakGlass['flow'], last: AuditLine | undefined): readonly Trouble[] {
  if (last === undefined || last.action === closed) return [];
  const reason = last.reason === undefined ? '' : `: ${last.reason}`;
  const why = oneLine(`${last.agent} used it at ${last.at}${reason}`);
  return [{ code: 'not-closed', subject: name, why, hint: `run flows ${name} close` }];
}

/** A drill that is over, as the trail has it. */
export function drillEvent(
  { drill, held, broken, accounts, steps, alerts }: DrillEvidence,
  evidence: SignedEvidence,
): Pick<AuditEvent, 'what' | 'outcome' | 'code' | 'detail' | 'evidence'> & { readonly action: 'drill.finished' } {
  const what = [drill, ...new Set(accounts.map(({ username }) => username))];
  const code = [...steps, ...alerts].find((each) => each.code !== null)?.code ?? undefined;
  const detail = held ? undefined : `${broken.length} of its links broken`;
  return { action: 'drill.finished', what, outcome: held ? 'allowed' : 'failed', code, detail, evidence };
}

function evidenceOf({ evidence }: AuditLine): readonly DrillEvidence[] {
  const found = typeof evidence?.evidence === 'string' ? evidenceIn(evidence.evidence) : undefined;
  return found === undefined ? [] : [found];
}
