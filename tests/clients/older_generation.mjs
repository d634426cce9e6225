// What every older generation of CARTO's clients has to get from us; each runs it with the packages of its time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connection, sql, token, url } from '../harness/groma.mjs';

const WORLD = { z: 0, x: 0, y: 0 };

/**
 * `sources` opens TileJSON documents: `table(name)`, `query(sql, parameters)`, `filtered(name, filters)`, each optional;
 * `parse` is that generation's `@loaders.gl/core` with its CARTO loaders registered.
 */
export function serves(generation, { sources, parse }) {
  /** The features of the tile of the whole world, decoded as this generation does it. */
  async function featuresOf(tilejson) {
    const [template] = tilejson.tiles;
    const address = template.replace('{z}', WORLD.z).replace('{x}', WORLD.x).replace('{y}', WORLD.y);
    const response = await fetch(address, { headers: { Authorization: `Bearer ${tilejson.accessToken ?? token}` } });
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(Number(response.headers.get('groma-fraction-shown')), 1, 'this table is small enough to be shown whole');
    const headers = { 'Content-Type': response.headers.get('content-type') };
    return parse(new Response(await response.arrayBuffer(), { headers }), { worker: false });
  }

  /** The values of a text column of the points in a tile, sorted. */
  const texts = ({ points }, column) => points.properties.map((properties) => properties[column]).sort();

  describe(`deck.gl ${generation}`, () => {
    it('opens a table and decodes its points', async () => {
      const tilejson = await sources.table('demo.world_airports');
      const { points } = await featuresOf(tilejson);
      const rows = await sql('SELECT name, ST_X(geom) AS x, ST_Y(geom) AS y FROM demo.world_airports WHERE geom IS NOT NULL');
      assert.deepEqual(texts({ points }, 'name'), rows.map(({ name }) => name).sort());
      const { value, size } = points.positions;
      points.featureIds.value.forEach((id, vertex) => {
        const [x, y] = value.subarray(vertex * size, vertex * size + size);
        const isThere = rows.some((row) => row.name === points.properties[id].name && Math.abs(x - row.x) < 0.5 && Math.abs(y - Math.max(row.y, -85.06)) < 0.5);
        assert.ok(isThere, `${points.properties[id].name} is not at ${x} ${y}`);
      });
    });

    it('opens a query and decodes its polygons, holes included', async () => {
      const tilejson = await sources.query("SELECT * FROM demo.usa_states_boundaries WHERE code_postal IN ('TX', 'CA', 'AK', 'MI', 'UT')");
      const { polygons } = await featuresOf(tilejson);
      const [{ n }] = await sql("SELECT count(*) AS n FROM demo.usa_states_boundaries WHERE code_postal IN ('TX', 'CA', 'AK', 'MI', 'UT')");
      assert.equal(polygons.properties.length, n);
      const vertices = polygons.positions.value.length / polygons.positions.size;
      for (const indices of [polygons.polygonIndices.value, polygons.primitivePolygonIndices.value]) {
        assert.equal(indices[0], 0);
        assert.equal(indices[indices.length - 1], vertices);
        assert.ok(indices.every((start, index) => index === 0 || start > indices[index - 1]));
      }
      const rings = new Set(polygons.primitivePolygonIndices.value);
      assert.ok(polygons.polygonIndices.value.every((start) => rings.has(start)));
    });

    it('passes query parameters on', async () => {
      const tilejson = await sources.query('SELECT * FROM demo.world_airports WHERE name < @last', { last: 'C' });
      const shown = await featuresOf(tilejson);
      const rows = await sql("SELECT name FROM demo.world_airports WHERE geom IS NOT NULL AND name < 'C'");
      assert.ok(rows.length > 0);
      assert.deepEqual(texts(shown, 'name'), rows.map(({ name }) => name).sort());
    });

    if (sources.filtered) {
      it('filters on the server', async () => {
        const tilejson = await sources.filtered('demo.world_airports', { name: { stringSearch: { values: ['london'] } } });
        const shown = await featuresOf(tilejson);
        const rows = await sql("SELECT name FROM demo.world_airports WHERE geom IS NOT NULL AND lower(name) LIKE '%london%'");
        assert.ok(rows.length > 0);
        assert.deepEqual(texts(shown, 'name'), rows.map(({ name }) => name).sort());
      });
    }

    it('hears what is wrong', async () => {
      await assert.rejects(sources.table('demo.atlantis'), /atlantis/);
      await assert.rejects(sources.query('SELEKT 1'), /SELEKT/);
    });
  });
}

export { connection, token, url };
