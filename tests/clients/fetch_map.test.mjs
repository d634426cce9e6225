// fetchMap: a map that was made and shared here opens in anybody's deck.gl page, with the map's own token.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { fetchMap } from '@deck.gl/carto';
import { connection, signIn, url } from '../harness/groma.mjs';
import { fetchTile } from './tiles/walk.mjs';

const colors = ['#5A1846', '#900C3F', '#C70039', '#E3611C', '#F1920E', '#FFC300'];

/** A map of one layer, in the format of CARTO's Builder: colour by a number, in six quantiles. */
function mapOf(dataset) {
  const visConfig = {
    filled: true, opacity: 0.8, radius: 4, radiusRange: [1, 20], stroked: false, strokeOpacity: 1, thickness: 1,
    colorRange: { name: 'Global Warming', type: 'sequential', category: 'Uber', colors },
    strokeColorRange: { name: 'Global Warming', type: 'sequential', category: 'Uber', colors },
  };
  const layer = {
    id: 'places',
    type: 'tileset',
    config: { dataId: dataset.id, label: 'Places', color: [10, 100, 200], isVisible: true, columns: { geojson: 'geom' }, textLabel: [], visConfig },
    visualChannels: {
      colorField: { name: 'pop_max', type: 'integer' }, colorScale: 'quantile',
      strokeColorField: null, strokeColorScale: 'quantile', sizeField: null, sizeScale: 'linear', radiusField: null, radiusScale: 'sqrt',
    },
  };
  const visState = {
    layers: [layer],
    layerBlending: 'normal',
    interactionConfig: { tooltip: { enabled: true, fieldsToShow: {} } },
  };
  return {
    title: 'Populated places',
    datasets: [dataset],
    keplerMapConfig: {
      version: 'v1',
      config: { mapState: { longitude: 10, latitude: 50, zoom: 3, pitch: 0, bearing: 0 }, mapStyle: { styleType: 'positron', visibleLayerGroups: {} }, visState, filters: {} },
    },
  };
}

const DATASETS = {
  table: { id: '5f1d7a4e-0000-4000-8000-000000000001', type: 'table', source: 'demo.populated_places' },
  query: { id: '5f1d7a4e-0000-4000-8000-000000000002', type: 'query', source: 'SELECT * FROM demo.populated_places WHERE pop_max > @low', queryParameters: { low: 100000 } },
};

for (const [kind, source] of Object.entries(DATASETS)) {
  describe(`a map of a ${kind}`, () => {
    let owner;
    let map;
    before(async () => {
      owner = await signIn();
      const dataset = { connectionName: connection, providerId: 'carto_dw', geoColumn: 'geom', columns: null, label: 'Places', ...source };
      const made = await owner.ask('/workspace-api/maps', { method: 'POST', body: mapOf(dataset) });
      map = await made.json();
      assert.equal(made.status, 201, JSON.stringify(map));
    });

    it('is nobody elses before it is shared', async () => {
      await assert.rejects(fetchMap({ apiBaseUrl: url, cartoMapId: map.id }), /404|Not found|no such map/i);
    });

    it('opens for everybody once it is shared, styled by its data, and its token opens nothing else', async () => {
      const shared = await owner.ask(`/workspace-api/maps/${map.id}/privacy`, { method: 'POST', body: { privacy: 'public' } });
      assert.equal(shared.status, 200, await shared.text());
      const opened = await fetchMap({ apiBaseUrl: url, cartoMapId: map.id });
      assert.equal(opened.id, map.id);
      assert.equal(opened.title, 'Populated places');
      assert.deepEqual([opened.initialViewState.longitude, opened.initialViewState.zoom], [10, 3]);
      assert.ok(opened.token.length > 20);
      assert.equal(opened.layers.length, 1);
      const [layer] = opened.layers;
      const props = layer.props ?? layer;
      const { data } = props;
      const tile = await fetchTile(data.tiles[0], { z: 0, x: 0, y: 0 }, opened.token);
      assert.ok(tile.features.length > 100);

      // Six quantiles, so five breaks between the smallest and the largest number.
      const attribute = data.tilestats.layers[0].attributes.find((column) => column.attribute === 'pop_max');
      assert.equal(attribute.quantiles[6].length, 7);
      assert.equal(attribute.quantiles[6][0], attribute.min);
      assert.equal(attribute.quantiles[6][6], attribute.max);

      const asStranger = (path) => fetch(`${url}${path}`, { headers: { Authorization: `Bearer ${opened.token}` } });
      const other = await asStranger(`/v3/maps/${connection}/table?name=demo.airports`);
      assert.equal(other.status, 403, await other.text());
      const rows = await asStranger(`/v3/sql/${connection}/query?q=${encodeURIComponent('SELECT * FROM demo.airports')}`);
      assert.equal(rows.status, 403);
    });

    it('is closed again for everybody when its owner says so', async () => {
      const { token } = await fetchMap({ apiBaseUrl: url, cartoMapId: map.id });
      const hidden = await owner.ask(`/workspace-api/maps/${map.id}/privacy`, { method: 'POST', body: { privacy: 'private' } });
      assert.equal(hidden.status, 200);
      // Without the client, which keeps the answers that it has.
      assert.equal((await fetch(`${url}/v3/maps/public/${map.id}`)).status, 404);
      const late = await fetch(`${url}/v3/maps/${connection}/table?name=demo.populated_places`, { headers: { Authorization: `Bearer ${token}` } });
      assert.equal(late.status, 401);
    });
  });
}
