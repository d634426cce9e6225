// Every language says everything, with the same blanks to fill in.
import { expect, test } from 'vitest';
import { en } from './en';
import { es } from './es';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string' ? [[prefix + key, value]] : Object.entries(flat(value, `${prefix}${key}.`)),
    ),
  );
}

const blanks = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]!).sort();

test('Spanish says everything that English says', () => {
  const spanish = flat(es as Tree);
  for (const [key, text] of Object.entries(flat(en as Tree))) {
    expect(spanish[key], key).toBeTruthy();
    if (!key.endsWith('_one')) expect(blanks(spanish[key]!), key).toEqual(blanks(text));
  }
});

test('Spanish plurals have the form for millions', () => {
  const spanish = flat(es as Tree);
  for (const key of Object.keys(spanish).filter((one) => one.endsWith('_other'))) {
    expect(spanish[key.replace(/_other$/, '_many')], key).toBeTruthy();
  }
});
