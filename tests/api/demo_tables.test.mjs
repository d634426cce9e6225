// The demo tables say what is published about the places in them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sql } from '../harness/groma.mjs';

const KM2_PER_SQUARE_MILE = 2.589988;

/** Total areas in square miles: U.S. Census Bureau, Gazetteer. Outlines of the atlas are a little coarser. */
const COUNTIES = [
  ['San Bernardino', 'California', 20_105],
  ['Yukon-Koyukuk', 'Alaska', 147_805],
  ['Loving', 'Texas', 677],
  ['Coconino', 'Arizona', 18_661],
];

describe('the demo tables', () => {
  for (const [name, state, squareMiles] of COUNTIES) {
    it(`know the area of ${name}, ${state}`, async () => {
      const [{ area_km2: area }] = await sql(
        `SELECT area_km2 FROM demo.us_counties WHERE name = '${name}' AND state = '${state}'`,
      );
      assert.ok(Math.abs(area / (squareMiles * KM2_PER_SQUARE_MILE) - 1) < 0.01, `${area} km²`);
    });
  }

  it('know the area of the islands on both sides of the antimeridian', async () => {
    const [{ area_km2: area, west, east }] = await sql(
      "SELECT area_km2, ST_XMin(geom) AS west, ST_XMax(geom) AS east FROM demo.us_counties WHERE name = 'Aleutians West'",
    );
    assert.ok(west < -179 && east > 179, `${west}° to ${east}°`);
    // Land alone: the outlines follow the shore. A ring around the world would have millions.
    const land = 4_390 * KM2_PER_SQUARE_MILE;
    assert.ok(Math.abs(area / land - 1) < 0.1, `${area} km²`);
  });

  it('know the area of the country', async () => {
    const [{ total }] = await sql('SELECT sum(area_km2) AS total FROM demo.us_counties');
    // Land of states and territories, 9.16 million km²: Census Bureau, State Area Measurements; with waters 9.87 million.
    assert.ok(total > 9.16e6 && total < 9.87e6, `${total} km²`);
  });

  it('have no wide county but in Alaska', async () => {
    const [{ widest }] = await sql(
      "SELECT max(ST_XMax(geom) - ST_XMin(geom)) AS widest FROM demo.us_counties WHERE state <> 'Alaska'",
    );
    assert.ok(widest < 30, `${widest}°`);
  });

  it('have the places that everybody knows where they are', async () => {
    const rows = await sql(
      "SELECT name, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM demo.populated_places WHERE name IN ('Nairobi', 'Reykjavík', 'Quito') ORDER BY name",
    );
    const expected = { Nairobi: [36.82, -1.29], Quito: [-78.5, -0.22], Reykjavík: [-21.94, 64.15] };
    assert.deepEqual(
      rows.map(({ name }) => name),
      Object.keys(expected),
    );
    for (const { name, lon, lat } of rows) {
      assert.ok(Math.hypot(lon - expected[name][0], lat - expected[name][1]) < 0.1, `${name} at ${lon}, ${lat}`);
    }
  });
});
