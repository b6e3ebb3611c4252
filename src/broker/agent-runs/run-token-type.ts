/** The media type of the tokens of agent runs, without `application/`. */
export const runTokenType = 'flows-run+jwt';

/** Whether a bearer says of itself that it is one; nothing of it is verified, and no library is loaded. */
export function isRunToken(token: string): boolean {
  const [header = ''] = token.split('.', 1);
  return header.length < 300 && Buffer.from(header, 'base64url').includes(`"${runTokenType}"`);
}
