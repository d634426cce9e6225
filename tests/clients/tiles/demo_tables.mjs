// The demo tables as SQL shows them: the truth that tiles are held against.

import { sql } from '../../harness/groma.mjs';

/** Every demo table, and which kind of geometry it has. */
export const DEMO_TABLES = {
  cities: 'points',
  airports: 'points',
  earthquakes: 'points',
  astana_pois: 'points',
  populated_places: 'points',
  world_airports: 'points',
  cities_1000: 'points',
  astana_roads: 'lines',
  us_counties: 'polygons',
  countries: 'polygons',
  usa_states_boundaries: 'polygons',
  astana_buildings: 'polygons',
};

/** The rows of a table that have a geometry, with the position of points; `where` as SQL. */
export async function rowsOf(table, kind, where = 'TRUE') {
  const position = kind === 'points' ? ', ST_X(geom) AS __x, ST_Y(geom) AS __y' : '';
  const rows = await sql(`SELECT *${position} FROM demo.${table} WHERE geom IS NOT NULL AND (${where})`);
  return rows.map(({ geom, __x, __y, ...properties }) => ({ properties, position: [__x, __y] }));
}

/** A filter on the first column that can bear one, as CARTO's clients write it and as SQL. */
export async function filterOf(table, schema) {
  const number = schema.find((column) => column.type === 'number');
  if (number) {
    const [{ low, high }] = await sql(`SELECT avg("${number.name}") AS low, max("${number.name}") AS high FROM demo.${table}`);
    return {
      filters: { [number.name]: { between: { values: [[low, high]] } } },
      where: `"${number.name}" >= ${low} AND "${number.name}" <= ${high}`,
    };
  }
  const text = schema.find((column) => column.type === 'string');
  const [{ value }] = await sql(
    `SELECT "${text.name}" AS value FROM demo.${table} WHERE "${text.name}" IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1`,
  );
  return {
    filters: { [text.name]: { in: { values: [value] } } },
    where: `"${text.name}" = '${value.replaceAll("'", "''")}'`,
  };
}

/** One text per row, the same for the same values whether they come from a tile or from SQL. */
export function keyOf(properties, columns) {
  return JSON.stringify(columns.map(({ name, type }) => plain(properties[name], type)));
}

function plain(value, type) {
  if (value === null || value === undefined) return null;
  if (type === 'number') return Number(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** How often each key occurs. */
export function tally(keys) {
  const counts = new Map();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
