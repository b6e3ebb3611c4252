// What is asked of the broker. The session is a bearer in sessionStorage: a cookie would reach every local port.

const kept = 'flows-session';

/** @typedef {{ approver?: string, name: string, by: 'passkey' | 'oidc' | 'link',
 *   place?: { issuer: string, client: string } }} Person */

/** @returns {{ session: string, person: Person } | undefined} */
export function signedIn() {
  const text = sessionStorage.getItem(kept);
  return text === null ? undefined : JSON.parse(text);
}

/** @param {{ session: string, person: Person }} given */
export function keepSession({ session, person }) {
  sessionStorage.setItem(kept, JSON.stringify({ session, person }));
}

export function forgetSession() {
  sessionStorage.removeItem(kept);
}

/** What the broker refused: its stable code. */
export class Refused extends Error {
  /** @param {string} code @param {number} status @param {string} [detail] */
  constructor(code, status, detail) {
    super(detail ?? code);
    this.code = code;
    this.status = status;
  }
}

const said = {
  'not-authenticated': 'That was not accepted. It may have been used already, or taken too long: ask for it again.',
  'not-allowed': 'You may not do this one.',
  'approval-stale': 'What you signed for is not the same now. Nothing was given: begin once more.',
  'rate-limited': 'Too many at once: wait some minutes. `flows NAME` at a terminal gives it too.',
  'approval-over': 'Somebody was first: it does not wait for an answer any more.',
  'passkey-counter':
    'The passkey may have been copied: its counter did not grow. Nothing was decided. Tell the operator.',
  'audit-unavailable': 'The audit trail cannot be written, so nothing is decided. Tell the operator.',
  'upstream-unavailable':
    'What the broker keeps cannot be read or written now, so nothing is decided. The operator’s log says why.',
  'runs-unavailable': 'The database of runs cannot be used now. The operator’s log says why.',
  'invalid-request': 'The broker does not understand that.',
  unreachable: 'The broker does not answer. It may be starting again.',
};

/** What a person is told of a failure. @param {unknown} error */
export function tellingOf(error) {
  if (error instanceof Refused) return said[error.code] ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

/** @returns {Record<string, string>} */
function headers() {
  const session = signedIn()?.session;
  return session === undefined ? {} : { authorization: `Bearer ${session}` };
}

/**
 * Asks the page's own routes. @param {'GET' | 'POST'} method @param {string} path below /v1/page/ @param {unknown} [body]
 * @returns {Promise<any>} @throws {Refused}
 */
export async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(`/v1/page/${path}`, {
      method,
      headers: { ...headers(), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'omit',
      redirect: 'error',
    });
  } catch {
    throw new Refused('unreachable', 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refused(answer.code ?? 'unreachable', response.status, answer.detail);
}

/** @param {Record<string, unknown>} values */
export function query(values) {
  const found = Object.entries(values).filter(([, value]) => value !== undefined && value !== '');
  return found.length === 0 ? '' : `?${new URLSearchParams(found.map(([name, value]) => [name, String(value)]))}`;
}

/**
 * Listens to what happens, by fetch: an EventSource could send no bearer. Goes on until the signal aborts.
 * @param {(event: string, data: any) => void} heard @param {(live: boolean) => void} state @param {AbortSignal} signal
 */
export async function listen(heard, state, signal) {
  for (let wait = 1_000; !signal.aborted; wait = Math.min(wait * 2, 30_000)) {
    try {
      const response = await fetch('/v1/page/events', { headers: headers(), credentials: 'omit', signal });
      if (response.status === 401) {
        heard('signed-out', {});
        return;
      }
      if (response.ok && response.body !== null) {
        state(true);
        wait = 1_000;
        // what happened while nobody listened
        heard('trail', { actions: [] });
        await readEvents(response.body, heard);
      }
    } catch {
      // told by the state
    }
    if (signal.aborted) return;
    state(false);
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** @param {ReadableStream<any>} body @param {(event: string, data: any) => void} heard */
async function readEvents(body, heard) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const event = /^event: (.*)$/m.exec(part)?.[1];
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (event !== undefined && data !== undefined) heard(event, JSON.parse(data));
    }
  }
}
