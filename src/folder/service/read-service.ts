import type { Adapters } from '../../adapters/adapters.ts';
import type { InTurns } from '../../foundation/in-turns.ts';
import { suggest } from '../../language/nearest-name.ts';
import { readKeys } from '../../language/mapping-keys.ts';
import type { Source } from '../../language/problems.ts';
import type { Node } from '../../language/yaml.ts';
import { blankEnvironment, readEnvironment } from './read-environment.ts';
import { serviceKeysOf } from './service-keys.ts';
import type { Environment, Settings } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;

const laptopName = 'development';

/** Without service.yaml there is the laptop alone, and it is no default. */
export function withoutService(adapters: Adapters): Settings {
  const laptop = blankEnvironment(laptopName, true, adapters);
  return { file: undefined, defaultEnvironment: undefined, environments: new Map([[laptopName, laptop]]) };
}

/** service.yaml's content as settings; what is wrong is reported, and what can be used is kept. */
export function* readSettings(root: Node, source: Source, env: Env, adapters: Adapters): InTurns<Settings> {
  const keys = readKeys(root, serviceKeysOf(adapters), 'service.yaml', source);
  const list = keys?.get('environments')?.value;
  const environments = new Map<string, Environment>();
  if (list !== undefined && list.kind !== 'mapping')
    source.report(list.range, '"environments" takes a mapping of names');
  for (const entry of list?.kind === 'mapping' ? list.entries : []) {
    if (!/^[a-z][a-z0-9-]*$/.test(entry.key)) {
      source.report(
        entry.keyRange,
        `"${entry.key}" is not an environment's name`,
        'lower-case letters, digits and hyphens',
      );
    }
    yield;
    environments.set(entry.key, readEnvironment(entry, source, env, adapters));
  }
  if (!environments.has(laptopName)) environments.set(laptopName, blankEnvironment(laptopName, true, adapters));
  shareWithLaptop(environments);
  const wanted = keys?.get('default-environment')?.value;
  const name = wanted?.kind === 'scalar' && typeof wanted.value === 'string' ? wanted.value : undefined;
  if (wanted !== undefined && (name === undefined || !environments.has(name))) {
    const hint = name === undefined ? undefined : suggest(name, environments.keys());
    source.report(wanted.range, `unknown environment "${name ?? ''}"`, hint);
  }
  const defaultEnvironment = name !== undefined && environments.has(name) ? name : undefined;
  return { file: source.file, source, defaultEnvironment, environments };
}

/**
 * A variable that the laptop does not declare has the value that the first other environment gives it, and what one says
 * of an API (methods, paths, its credential's place) holds for the API that the laptop plays too.
 */
function shareWithLaptop(environments: Map<string, Environment>): void {
  const laptop = environments.get(laptopName);
  if (laptop === undefined || !laptop.laptop) return;
  const vars = new Map(laptop.vars);
  const apis = new Map(laptop.connections.apis);
  for (const other of environments.values()) {
    for (const [name, value] of other.vars) if (!vars.has(name)) vars.set(name, value);
    for (const [name, settings] of other.connections.apis) if (!apis.has(name)) apis.set(name, settings);
  }
  environments.set(laptopName, { ...laptop, vars, connections: { ...laptop.connections, apis } });
}
