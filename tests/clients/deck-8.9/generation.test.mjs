// deck.gl 8.9 against our server: the old parameter names (`v=3.2`, `geo_column`) and the old ways of asking.

import { FORMATS, MAP_TYPES, fetchLayerData } from '@deck.gl/carto';
import { parse } from '@loaders.gl/core';
import { connection, serves, token, url } from '../older_generation.mjs';

const account = { connection, credentials: { apiVersion: 'v3', apiBaseUrl: url, accessToken: token } };

/** 8.9 leaves `formatTiles` to the layer, which appends it to the address of the TileJSON. */
async function tilejson(request) {
  const { data } = await fetchLayerData({ ...account, format: FORMATS.TILEJSON, formatTiles: 'binary', geoColumn: 'geom', ...request });
  return data;
}

serves('8.9', {
  parse,
  sources: {
    table: (source) => tilejson({ type: MAP_TYPES.TABLE, source }),
    query: (source, queryParameters) => tilejson({ type: MAP_TYPES.QUERY, source, queryParameters }),
  },
});
