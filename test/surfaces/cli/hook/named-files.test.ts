import { expect, test } from 'vitest';
import { shownBy } from '../../../../src/surfaces/cli/hook/command-rules.ts';
import { holdsValues } from '../../../../src/surfaces/cli/hook/file-rules.ts';

const shown = (script: string) =>
  shownBy(script, { commands: [], allow: [], holdsValues: (path) => holdsValues(path, []) })?.what;

test.each([
  'git log -p --oneline -- .env',
  'git log --oneline -U1 -- .env',
  'git show --oneline HEAD:.env',
  'git show --oneline -- .env',
  'git log -p --stat -- .env',
  'git show --name-only HEAD:.env',
  'git show --stat :.env',
  'git -C app diff --stat -p .env',
  'git status -v .env',
  'git add -p .env',
  'git commit -F .env',
  'git -c color.ui=never show HEAD:.env',
  'dotenv -f .env set A x',
  'dotenvx decrypt -f .env',
  'dotenv -e .env -- cat .env',
  'pnpm exec cat -e .env',
  'yarn dlx cat -e .env',
  'docker compose -f x.yml exec -T app cat .env',
  'kubectl exec pod -c main -- cat /app/.env',
  `uv run python -c "print(open('.env').read())"`,
  `poetry run python -c "print(open('.env').read())"`,
  `bundle exec ruby -e 'puts File.read(".env")'`,
  `awk 'BEGIN { while ((getline line < ".env") > 0) print line }'`,
  "node -e 'console.log(fs.readFileSync(`.env`, `utf8`))'",
  `python -c "print(load_dotenv('.env'), open('.env').read())"`,
  'find . -name .env -exec ls {} \\; -exec cat {} \\;',
  'find . -name .env -okdir cat {} \\;',
  'find . -exec nice + cat {} \\; -name .env',
  'fd -H .env -x cat',
  'fd -H .env --exec-batch cat',
  'cat ~/.ssh/*',
  'cat /home/x/.s*/id*',
  'cat "prod copy.env"',
  "cat ':!x' .env",
  'find . -not -name x -name .env | xargs cat',
])('%s shows a file', (script) => {
  expect(shown(script)).toBe('file');
});

test.each([
  'dotenv -f .env list',
  'dotenv -f .env get API_KEY',
  'dotenvx get -f .env',
  'dotenvx decrypt -f .env --stdout',
  'dotenv -e .env -p API_KEY',
  'dotenv -e .env -- printenv',
  'env-cmd -f .env printenv',
  'docker exec -e A=1 app env',
  "docker inspect -f '{{.Config.Env}}' x",
  "kubectl get pods -o jsonpath='{.spec.containers[0].env}'",
])('%s shows values, of no file that it names', (script) => {
  expect(shown(script)).toMatch(/^(?:command|environment)$/);
});

test.each([
  'git log --format=%h -- .env',
  'git diff --quiet .env',
  'git show --stat HEAD -- .env',
  'git rev-list --all -- .env',
  'git clean -fdx -e .env',
  'git stash -u -- .env.local',
  'git add -u .env.example .env',
  'git -C app --no-pager log -3 -- .env',
  'git push -u origin chore/.env',
  'dotenv -f .env run -- npm start',
  'dotenvx run -f .env -- npm start',
  'dotenv -e .env -e .env.local npm start',
  'yarn dotenv -e .env -- next dev',
  'docker compose exec app ls -la .env',
  'docker exec -w /app app sh -c "test -f .env"',
  'kubectl exec -n x deploy/app -c main -- ls -la /app/.env',
  "git diff -- . ':!.env'",
  "git diff -- . ':(exclude).env'",
  "git diff -- . ':(top,exclude)config/.env' ':^.env'",
  'npx jest -t ".env"',
  'pytest -k .env',
  'npx eslint . --ignore-pattern .env',
  'gh api repos/x/y/contents --jq .env',
  'python3 -m venv .env',
  'npx env-cmd -f .env npm start',
  'foreman start -e .env',
  'act --secret-file .env',
  `python -c "from dotenv import load_dotenv; load_dotenv('.env'); import app"`,
  `node -e 'process.loadEnvFile(".env"); require("./app")'`,
  'truncate -s 0 .env',
  'code .env',
  'command -v env',
  'find . -name .env -prune -o -type f -print | xargs grep foo',
  "find . -type f ! -name '.env*' -exec grep foo {} +",
  `awk '{ print "x" }' notes.txt`,
  'cat ~/.ssh/*.pub ~/.ssh/conf*',
  'cat */*.md ./* ../*',
  'git show --stat --format=%h:%s -- .env',
  'docker run --env-file "${FILE:-.env}" -v "${PWD}/.env:/app/.env" app',
  "docker inspect -f '{{.State.Status}}' x",
])('%s shows nothing', (script) => {
  expect(shown(script)).toBeUndefined();
});
