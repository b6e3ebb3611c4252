import { commonArguments } from '../arguments.ts';
import { commandTable } from '../command-table.ts';
import type { Invocation } from '../invocation.ts';
import { pageLink } from '../page-link.ts';
import { withApp } from '../with-app.ts';

/** `flows page`: a link, once, on stdout, by which somebody looks at the page of the broker that runs for the folder. */
export async function page(invocation: Invocation): Promise<number> {
  const { terminal } = invocation;
  commonArguments(invocation.argv, commandTable.page.options);
  return withApp(invocation, async (app) => {
    terminal.out(`${await pageLink(app, 'page', 'page')}\n`);
    terminal.note('once, within 15 minutes: whoever opens it looks, and answers nothing', 'dim');
    return 0;
  });
}
