// The way to an issuer and back: the page is left, and what that was for is kept in this tab alone.

const kept = 'flows-away';

/**
 * Leaves for where a person signs in. @param {string} address @param {{ kind: 'sign-in' | 'decision' | 'reveal', ticket: string,
 * back: string, id?: string, decision?: 'approve' | 'deny' }} errand what to do with the answer
 */
export function leaveFor(address, errand) {
  sessionStorage.setItem(kept, JSON.stringify(errand));
  location.assign(address);
}

/** What the page was left for, and the query with which the issuer sent the browser back; the address has it no more. */
export function cameBack() {
  const callback = location.search.slice(1);
  if (!/(?:^|&)(?:code|error)=/.test(callback)) return undefined;
  const text = sessionStorage.getItem(kept);
  sessionStorage.removeItem(kept);
  // an answer that nobody here asked for is none
  const errand = text === null ? undefined : JSON.parse(text);
  history.replaceState(undefined, '', `/${errand?.back ?? ''}`);
  return errand && { ...errand, callback };
}

/** @param {{ issuer: string }} place */
export function hostOf({ issuer }) {
  return URL.parse(issuer)?.host ?? issuer;
}
