import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { problem } from './pt-BR/common.json';

type Tree = { readonly [key: string]: string | Tree };

const FILES = import.meta.glob<Tree>('./*/*.json', { eager: true, import: 'default' });

function keys(tree: Tree, path = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [`${path}${key} ${(value.match(/{{\w+}}/g) ?? []).sort().join()}`]
      : keys(value, `${path}${key}.`),
  );
}

const NAMES = Object.keys(FILES).flatMap((path) =>
  path.startsWith('./pt-BR/') ? [path.slice('./pt-BR/'.length)] : [],
);

test.each(NAMES)('%s has the same keys and placeholders in every language', (name) => {
  const portuguese = keys(FILES[`./pt-BR/${name}`] ?? {});
  expect(keys(FILES[`./en/${name}`] ?? {})).toEqual(portuguese);
  expect(keys(FILES[`./es/${name}`] ?? {})).toEqual(portuguese);
});

test('every end that the API describes is said in words', () => {
  const description = readFileSync(resolve(import.meta.dirname, '../../../docs/openapi.json'), 'utf8');
  const ends = [...description.matchAll(/"type": "urn:nexus-ai:problem:(\w+)"/g)].map(([, code]) => code);
  expect(ends).toContain('limit_exceeded');
  expect(ends.filter((code) => !Object.hasOwn(problem, code ?? ''))).toEqual([]);
});
