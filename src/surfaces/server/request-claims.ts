import type { IncomingHttpHeaders } from 'node:http';
import { headerOf, longestReason, runForm } from '../../foundation/wire.ts';
import { isSafeLine } from '../../foundation/safe-line.ts';
import { EdgeRefusal } from './edge-refusal.ts';

/** What a request says of itself: recorded, not proven. */
export interface Claims {
  /** `X-Agent-Run-Id` */
  readonly run: string | undefined;
  /** `X-Reason` */
  readonly reason: string | undefined;
}

/** @throws EdgeRefusal invalid-request */
export function claimsOf(headers: IncomingHttpHeaders): Claims {
  const run = headerOf(headers, 'run');
  const reason = headerOf(headers, 'reason');
  if (run !== undefined && (typeof run !== 'string' || !runForm.test(run))) throw new EdgeRefusal('invalid-request');
  if (reason !== undefined && (typeof reason !== 'string' || !isReason(reason))) {
    throw new EdgeRefusal('invalid-request');
  }
  return { run, reason };
}

/** Text on one line, not empty, at most 200 characters, none of which hides or turns what stands around it. */
export function isReason(text: string): boolean {
  return text !== '' && text.length <= longestReason && isSafeLine(text);
}
