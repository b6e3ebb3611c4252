/** The SDK throws errors, strings and JSON texts; whatever in them may be a value (quoted, or one long word) is left out. */
export function worded(error: unknown): { readonly name: string; readonly text: string } {
  const raw = error instanceof Error ? error.message : String(error);
  const text = raw
    .replace(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replace(/[A-Za-z0-9_+/=-]{24,}/g, '…')
    .slice(0, 300);
  return { name: error instanceof Error ? error.constructor.name : typeof error, text };
}
