// What the editor understands of SQL text.
import { expect, test } from 'vitest';
import { errorRange, tablesIn, withoutSemicolon, withPreviewLimit } from './sql-text';

test('a query gets a limit, a limited one keeps its own', () => {
  expect(withPreviewLimit('SELECT * FROM t', 100)).toBe('SELECT * FROM t\nLIMIT 100');
  expect(withPreviewLimit('SELECT * FROM t LIMIT 5', 100)).toBe('SELECT * FROM t LIMIT 5');
  expect(withPreviewLimit('WITH a AS (SELECT 1 LIMIT 1) SELECT * FROM a;', 9)).toBe(
    'WITH a AS (SELECT 1 LIMIT 1) SELECT * FROM a\nLIMIT 9',
  );
});

test('the word limit in a string, a comment or a name is no limit', () => {
  expect(withPreviewLimit("SELECT 'limit' FROM t -- limit", 3)).toContain('\nLIMIT 3');
  expect(withPreviewLimit('SELECT limit_kg FROM t /* LIMIT 1 */', 3)).toContain('\nLIMIT 3');
});

test('statements that are no query stay as they are', () => {
  expect(withPreviewLimit('EXPLAIN SELECT 1', 3)).toBe('EXPLAIN SELECT 1');
});

test('only the closing semicolon goes', () => {
  expect(withoutSemicolon("SELECT ';' ; ")).toBe("SELECT ';'");
});

test('tables are found behind from and join, quoted or not', () => {
  expect(tablesIn('SELECT * FROM demo.cities c JOIN "demo"."counties" USING (id)')).toEqual([
    'demo.cities',
    'demo.counties',
  ]);
  expect(tablesIn('select 1 from (select * from carto_dw.demo.airports) x')).toEqual(['demo.airports']);
  expect(tablesIn('SELECT * FROM `carto-demo-data.demo_tables.world_airports`')).toEqual([
    'demo_tables.world_airports',
  ]);
});

test('an error with line and column marks the word there', () => {
  const sql = 'SELECT *\nFORM demo.cities';
  expect(errorRange(sql, 'Expected: end of statement, found: demo at Line: 2, Column: 6')).toEqual({
    from: 14,
    to: 25,
  });
});

test('an error that only names something marks the first such name', () => {
  const sql = 'SELECT popx FROM demo.cities';
  expect(errorRange(sql, 'No field named popx. Did you mean pop?')).toEqual({ from: 7, to: 11 });
  expect(errorRange(sql, 'Column not found: popx')).toEqual({ from: 7, to: 11 });
  expect(
    errorRange('SELECT 1\nFROM demo.citiez', 'Table not found: demo.citiez. Did you mean demo.cities?'),
  ).toEqual({
    from: 19,
    to: 25,
  });
  expect(errorRange(sql, 'Query took too long')).toBeNull();
});
