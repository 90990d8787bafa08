import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { problem } from './common/pt-BR.json';

type Tree = { readonly [key: string]: string | Tree };

const FILES = import.meta.glob<Tree>('../**/i18n/**/*.json', { eager: true, import: 'default' });

function keys(tree: Tree, path = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [`${path}${key} ${(value.match(/{{\w+}}/g) ?? []).sort().join()}`]
      : keys(value, `${path}${key}.`),
  );
}

const FOLDERS = Object.keys(FILES).flatMap((path) =>
  path.endsWith('/pt-BR.json') ? [path.slice(0, -'/pt-BR.json'.length)] : [],
);

test.each(FOLDERS)('%s has the same keys in every language', (folder) => {
  const portuguese = keys(FILES[`${folder}/pt-BR.json`] ?? {});
  expect(portuguese).not.toEqual([]);
  expect(keys(FILES[`${folder}/en.json`] ?? {})).toEqual(portuguese);
  expect(keys(FILES[`${folder}/es.json`] ?? {})).toEqual(portuguese);
});

test('every error code of the API has a text', () => {
  const description = readFileSync(resolve(import.meta.dirname, '../../../docs/openapi.json'), 'utf8');
  const codes = [...description.matchAll(/"type": "urn:nexus-ai:problem:(\w+)"/g)].map(([, code]) => code);
  expect(codes).toContain('limit_exceeded');
  expect(codes.filter((code) => !Object.hasOwn(problem, code ?? ''))).toEqual([]);
});
