import type { IncomingHttpHeaders } from 'node:http';
import type { Caller } from '../../broker/contract.ts';
import { approvalForm, headerOf, longestWait } from '../../foundation/wire.ts';
import { EdgeRefusal } from './edge-refusal.ts';

/** `Prefer: respond-async` (RFC 7240): it is answered at once, with where to look. */
export function respondsAsync({ prefer }: IncomingHttpHeaders): boolean {
  return preferencesIn(prefer).includes('respond-async');
}

/**
 * What a request brings and waits for, of approvals: nothing, most often.
 * @param brings whether it may bring any @throws EdgeRefusal invalid-request
 */
export function patienceOf(
  headers: IncomingHttpHeaders,
  gone: () => AbortSignal,
  brings: boolean,
): Pick<Caller, 'approvals' | 'waits' | 'gone'> {
  const [approvals, waits] = [approvalsOf(headers), waitOf(headers)];
  // who brings one to where it changes nothing would believe that it counts
  if (approvals !== undefined && !brings) throw new EdgeRefusal('invalid-request');
  return { ...(approvals === undefined ? {} : { approvals }), ...(waits === 0 ? {} : { waits, gone }) };
}

/** Seconds that it waits, by `Prefer: wait=30`. */
function waitOf({ prefer }: IncomingHttpHeaders): number {
  const found = preferencesIn(prefer).flatMap((each) => /^wait=(\d{1,6})$/.exec(each)?.[1] ?? []);
  return Math.min(Number(found[0] ?? 0), longestWait);
}

const mostApprovals = 10;

/** `Approval-Id`: one or more, with commas. @throws EdgeRefusal invalid-request */
function approvalsOf(headers: IncomingHttpHeaders): readonly string[] | undefined {
  const given = headerOf(headers, 'approval');
  if (given === undefined) return undefined;
  const ids = String(given).split(/ *, */);
  if (ids.length > mostApprovals || !ids.every((id) => approvalForm.test(id))) throw new EdgeRefusal('invalid-request');
  return ids;
}

function preferencesIn(prefer: string | string[] | undefined): readonly string[] {
  return String(prefer ?? '')
    .toLowerCase()
    .split(/[,;]/)
    .map((each) => each.trim());
}
