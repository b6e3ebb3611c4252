import type { Uses } from '../../../folder/flows/flow-uses.ts';

/** Stands for a name that is known only when the flow runs. */
export const anyName = '*';

/** Names that a flow pushes to a store. */
export function pushedNames(use: Uses, store: string): readonly string[] {
  const pushing = new Set(
    use.connections.filter(({ kind, name }) => kind === 'stores' && name === store).map(({ step }) => step),
  );
  return use.steps
    .filter(({ id, uses }) => pushing.has(id) && uses === 'secrets-manager/push')
    .flatMap(({ input }) => {
      const secrets: unknown = input['secrets'];
      if (!Array.isArray(secrets)) return [anyName];
      return secrets.map((secret: unknown) =>
        typeof secret === 'object' && secret !== null && 'name' in secret && typeof secret.name === 'string'
          ? secret.name
          : anyName,
      );
    });
}
