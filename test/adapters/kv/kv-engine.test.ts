import { kvEngineContract } from '../../contracts/kv-engine.ts';
import { startVaultDouble } from './double.ts';

kvEngineContract('KV of version 2, by the double', () =>
  startVaultDouble({ mounts: { old: { type: 'kv', version: '1' } }, namespaces: ['team'] }),
);
