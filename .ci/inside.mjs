// Loaded first: whatever is imported or required then lies in the folder that FLOWS_INSIDE names, or is Node's own.
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = pathToFileURL(`${process.env.FLOWS_INSIDE}/`).href;
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const { url } = resolved;
    if (url.startsWith('file:') && url !== import.meta.url && !url.startsWith(folder))
      throw new Error(`outside: ${url}`);
    return resolved;
  },
});
