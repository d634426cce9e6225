// A page of somebody else, as CARTO's documentation has it: one source, one VectorTileLayer, a basemap below.
// What to show stands in the address: `?map={"apiBaseUrl", "accessToken", "connectionName", "source", "layer", "style", "view"}`.
import 'maplibre-gl/dist/maplibre-gl.css';
import { vectorQuerySource, vectorTableSource } from '@carto/api-client';
import { VectorTileLayer } from '@deck.gl/carto';
import { MapLibreOverlay } from '@deck.gl/maplibre';
import { Map, setWorkerUrl } from 'maplibre-gl';
import maplibreWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';

const wanted = JSON.parse(new URLSearchParams(location.search).get('map'));
const { apiBaseUrl, accessToken, connectionName, source } = wanted;
const open = 'sqlQuery' in source ? vectorQuerySource : vectorTableSource;

setWorkerUrl(maplibreWorker);
const map = new Map({
  container: 'map',
  style: wanted.style,
  center: [wanted.view.longitude, wanted.view.latitude],
  zoom: wanted.view.zoom,
  attributionControl: false,
  fadeDuration: 0,
});

/** `drawn` or what went wrong; tests wait for it. */
const say = (state) => {
  document.body.dataset.state = state;
};
let hasTiles = false;
const data = open({ apiBaseUrl, accessToken, connectionName, ...source });
data.catch((error) => say(`failed: ${error.message}`));
const layer = new VectorTileLayer({
  id: 'data',
  data,
  pickable: true,
  ...wanted.layer,
  // By default the decoder would be fetched from a public server.
  loadOptions: { worker: false },
  onTileError: (error) => say(`failed: ${error.message}`),
  onViewportLoad: () => {
    hasTiles = true;
    map.triggerRepaint();
  },
});
const overlay = new MapLibreOverlay({ interleaved: true, layers: [layer] });
// Among the basemap's layers there is a place for deck.gl's once these are loaded.
map.on('load', () => map.addControl(overlay));
map.on('idle', () => hasTiles && say('drawn'));

/** The properties of what lies at a place of the screen. */
window.pick = (x, y) => overlay.pickObject({ x, y, radius: 0 })?.object.properties ?? null;
