// Widgets of the current @carto/api-client: what they show is what SQL says.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { vectorQuerySource, vectorTableSource } from '@carto/api-client';
import { connection, sql, token, url } from '../harness/groma.mjs';

const account = { apiBaseUrl: url, accessToken: token, connectionName: connection };
const europe = { type: 'Polygon', coordinates: [[[-10, 36], [30, 36], [30, 70], [-10, 70], [-10, 36]]] };
const inEurope = "ST_Intersects(geom, ST_GeomFromText('POLYGON((-10 36, 30 36, 30 70, -10 70, -10 36))'))";

for (const [form, open] of [
  ['table', (more) => vectorTableSource({ ...account, tableName: 'demo.populated_places', ...more })],
  ['query', (more) => vectorQuerySource({ ...account, sqlQuery: 'SELECT * FROM demo.populated_places', ...more })],
]) {
  describe(`widgets on a ${form}`, () => {
    for (const operation of ['count', 'sum', 'avg', 'min', 'max']) {
      it(`show the ${operation}`, async () => {
        const { widgetSource } = await open();
        const column = operation === 'count' ? '*' : 'pop_max';
        const shown = await widgetSource.getFormula({ column, operation });
        const [{ value }] = await sql(`SELECT ${operation}(${column}) AS value FROM demo.populated_places`);
        assert.ok(Math.abs(shown.value - Number(value)) <= Math.abs(Number(value)) * 1e-12, `${shown.value} is not ${value}`);
      });
    }

    it('show an expression of ones own', async () => {
      const { widgetSource } = await open();
      const shown = await widgetSource.getFormula({ column: '*', operation: 'custom', operationExp: 'sum(pop_max) / count(*)' });
      const [{ value }] = await sql('SELECT sum(pop_max) / count(*) AS value FROM demo.populated_places');
      assert.equal(shown.value, value);
    });

    it('count only what the map shows', async () => {
      const { widgetSource } = await open();
      const shown = await widgetSource.getFormula({ column: '*', operation: 'count', spatialFilter: europe });
      const [{ value }] = await sql(`SELECT count(*) AS value FROM demo.populated_places WHERE ${inEurope}`);
      assert.ok(value > 0);
      assert.equal(shown.value, value);
    });

    it('rank categories by their frequency, then by name', async () => {
      const { widgetSource } = await open();
      const shown = await widgetSource.getCategories({ column: 'sov_a3', operation: 'count' });
      const rows = await sql('SELECT sov_a3 AS name, count(*) AS value FROM demo.populated_places GROUP BY 1 ORDER BY 2 DESC, 1');
      assert.deepEqual(shown.map(({ name, value }) => [name, value]), rows.map(({ name, value }) => [name, value]));
    });

    it('sum one column by another under a filter', async () => {
      const filters = { pop_max: { between: { values: [[1e6, 1e9]] } } };
      const { widgetSource } = await open({ filters });
      const shown = await widgetSource.getCategories({ column: 'sov_a3', operation: 'sum', operationColumn: 'pop_max' });
      const rows = await sql('SELECT sov_a3 AS name, sum(pop_max) AS value FROM demo.populated_places WHERE pop_max >= 1000000 GROUP BY 1');
      assert.deepEqual(new Map(shown.map(({ name, value }) => [name, value])), new Map(rows.map(({ name, value }) => [name, value])));
    });

    it('page through a table in order', async () => {
      const { widgetSource } = await open();
      const page = { columns: ['name', 'pop_max'], sortBy: 'pop_max', sortDirection: 'desc', limit: 5 };
      const first = await widgetSource.getTable({ ...page, offset: 0 });
      const second = await widgetSource.getTable({ ...page, offset: 5 });
      const rows = await sql('SELECT name, pop_max FROM demo.populated_places ORDER BY pop_max DESC NULLS LAST LIMIT 10');
      const [{ total }] = await sql('SELECT count(*) AS total FROM demo.populated_places');
      assert.equal(first.totalCount, total);
      assert.deepEqual([...first.rows, ...second.rows].map(({ pop_max }) => pop_max), rows.map(({ pop_max }) => pop_max));
    });

    it('find the extent', async () => {
      const { widgetSource } = await open();
      const { bbox } = await widgetSource.getExtent();
      const [box] = await sql('SELECT min(ST_X(geom)) AS w, min(ST_Y(geom)) AS s, max(ST_X(geom)) AS e, max(ST_Y(geom)) AS n FROM demo.populated_places');
      assert.equal(bbox.length, 4);
      [box.w, box.s, box.e, box.n].forEach((edge, index) => assert.ok(Math.abs(edge - bbox[index]) < 1e-4, `${bbox}`));
    });

    it('name a column that is not there', async () => {
      const { widgetSource } = await open();
      await assert.rejects(widgetSource.getFormula({ column: 'nope', operation: 'sum' }), /nope|Column not found/i);
    });
  });
}
