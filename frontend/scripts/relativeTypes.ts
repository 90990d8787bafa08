// Replace "@/" in the library's type declarations with relative paths, because applications do not know the alias.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../dist/library/types');

for (const name of readdirSync(ROOT, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.d.ts')) continue;
  const file = join(ROOT, name);
  const toRoot = relative(dirname(file), ROOT).replaceAll('\\', '/') || '.';
  const text = readFileSync(file, 'utf8').replaceAll(/(["'])@\/([^"']+)\1/g, `$1${toRoot}/$2$1`);
  writeFileSync(file, text);
}
