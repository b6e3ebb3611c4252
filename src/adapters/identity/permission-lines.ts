/**
 * What the token of a provider must be allowed, to paste (`check --setup`).
 * @param whose what gets the permissions: `the application of its token`
 * @param rows permissions, and what they are for
 */
export function permissionLines(
  name: string,
  whose: string,
  rows: readonly (readonly [permissions: string, use: string])[],
): string {
  const width = Math.max(...rows.map(([permissions]) => permissions.length));
  const lines = rows.map(([permissions, use]) => `${permissions.padEnd(width)}   # ${use}\n`);
  return `# identity provider ${name}: ${whose}\n${lines.join('')}`;
}
