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
