// A page of your own: cities from Groma, coloured by population, over Groma's basemap.
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
  columns: ['name', 'population']
});

const cities = new VectorTileLayer({
  id: 'cities',
  data: source,
  pointRadiusMinPixels: 2,
  getFillColor: colorBins({
    attr: 'population',
    domain: [50_000, 200_000, 1_000_000, 5_000_000],
    colors: 'Sunset'
  }),
  pickable: true,
  // The tile decoder comes with this page; by default it would be fetched from a public server.
  loadOptions: {cartoVectorTile: {workerUrl: vectorTileWorker}},
  onViewportLoad: tiles => {
    document.querySelector('#state').textContent = `${tiles.length} tiles loaded`;
  },
  onTileError: error => {
    document.querySelector('#state').textContent = error.message;
  }
});

map.addControl(new MapLibreOverlay({
  interleaved: true,
  layers: [cities],
  getTooltip: ({object}) => object && `${object.properties.name}: ${object.properties.population}`
}));
