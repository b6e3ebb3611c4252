import type { IncomingHttpHeaders } from 'node:http';
import { approvalForm, headerOf, nameForm, problemType } from '../foundation/wire.ts';
import { BrokerError } from './broker-error.ts';

/** What is told again must be harmless text: codes, names and ids in the forms that a broker gives them. */
const codeForm = /^[a-z][a-z-]{0,49}$/;
const idForm = /^[A-Za-z0-9-]{1,64}$/;

/** `X-Request-Id` of an answer. */
export function requestIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headerOf(headers, 'request');
  return typeof id === 'string' && idForm.test(id) ? id : undefined;
}

/** A refusal (RFC 9457) as an error; what is none, as `protocol`. */
export function problemIn(status: number, headers: IncomingHttpHeaders, body: string): BrokerError {
  const requestId = requestIdOf(headers);
  const problem = headers['content-type']?.split(';', 1)[0]?.trim() === problemType ? parsed(body) : undefined;
  const code = problem?.['code'];
  if (typeof code !== 'string' || !codeForm.test(code)) {
    return new BrokerError('protocol', { status, requestId, detail: `status ${status}, and no reason` });
  }
  const names = problem?.['names'];
  const known = Array.isArray(names)
    ? names.filter((name): name is string => typeof name === 'string' && nameForm.test(name))
    : [];
  const wait = headers['retry-after'];
  const retryAfter = wait !== undefined && /^\d{1,6}$/.test(wait) ? Number(wait) : undefined;
  return new BrokerError(code, { status, requestId, names: known, retryAfter, approval: approvalIn(problem) });
}

/** A link that can be shown: an address of a page, in visible characters. */
const urlForm = /^https?:\/\/[\x21-\x7e]{1,500}$/;

function approvalIn(problem: Readonly<Record<string, unknown>> | undefined): BrokerError['approval'] {
  const { id, url } = (problem?.['approval'] ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof id !== 'string' || !approvalForm.test(id)) return undefined;
  return { id, ...(typeof url === 'string' && urlForm.test(url) ? { url } : {}) };
}

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
