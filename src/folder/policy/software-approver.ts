import type { Settings } from '../service/settings.ts';
import type { Policy } from './policy.ts';

/**
 * In whose name a software key may answer, which stands in no file and proves nobody: on the laptop of `npm start`, for
 * whoever stands first under `approvers:`. Undefined where the folder is not for the laptop first of all.
 */
export function softwareApprover(
  { approvers }: Pick<Policy, 'approvers'>,
  { defaultEnvironment = '', environments }: Pick<Settings, 'defaultEnvironment' | 'environments'>,
): string | undefined {
  return environments.get(defaultEnvironment)?.laptop === true ? approvers?.keys().next().value : undefined;
}
