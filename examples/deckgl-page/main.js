// A page of your own: cities from Groma, sized and coloured by population, over Groma's basemap.
import 'maplibre-gl/dist/maplibre-gl.css';
import {Map, setWorkerUrl} from 'maplibre-gl';
import maplibreWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import vectorTileWorker from '#carto-workers/cartoVectorTile-worker.js?url';
import {MapLibreOverlay} from '@deck.gl/maplibre';
import {colorBins, VectorTileLayer} from '@deck.gl/carto';
import {vectorTableSource} from '@carto/api-client';

const apiBaseUrl = import.meta.env.VITE_API_BASE_URL ?? 'http://127.0.0.1:8080';
const accessToken = import.meta.env.VITE_API_ACCESS_TOKEN;
const connectionName = 'carto_dw';

setWorkerUrl(maplibreWorker);

const map = new Map({
  container: 'map',
  style: `${apiBaseUrl}/basemaps/gl/positron-gl-style/style.json`,
  center: [10, 30],
  zoom: 1.5,
  attributionControl: {compact: false}
});

const source = vectorTableSource({
  apiBaseUrl,
  accessToken,
  connectionName,
  tableName: 'demo.cities',
  columns: ['name', 'population'],
  filters: {population: {between: {values: [[100_000, null]]}}}
});

const say = text => {
  document.querySelector('#state').textContent = text;
};

// Once the basemap is loaded there is a place for deck.gl among its layers: under the labels.
map.on('load', () => {
  const cities = new VectorTileLayer({
    id: 'cities',
    beforeId: map.getStyle().layers.find(layer => layer.type === 'symbol')?.id,
    data: source,
    stroked: false,
    // The area of a dot is in proportion to the people who live there.
    pointRadiusUnits: 'pixels',
    pointRadiusMinPixels: 1,
    getPointRadius: ({properties}) => Math.sqrt(properties.population) / 400,
    getFillColor: colorBins({
      attr: 'population',
      domain: [250_000, 500_000, 1_000_000, 5_000_000],
      colors: 'Sunset'
    }),
    pickable: true,
    // The tile decoder comes with this page; by default it would be fetched from a public server.
    loadOptions: {cartoVectorTile: {workerUrl: vectorTileWorker}},
    onViewportLoad: tiles => say(`${tiles.length} tiles loaded`),
    onTileError: error => say(error.message)
  });

  map.addControl(new MapLibreOverlay({
    interleaved: true,
    layers: [cities],
    getTooltip: ({object}) => object && `${object.properties.name}: ${object.properties.population}`
  }));
});
source.catch(error => say(error.message));
