// Tile decoding off the main thread, with worker scripts from our own server.

import mvtWorker from '@loaders.gl/mvt/mvt-worker.js?url';
import { setWorkerUrl } from 'maplibre-gl';
import mapWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import propertiesWorker from '#carto-workers/cartoPropertiesTile-worker.js?url';
import rasterWorker from '#carto-workers/cartoRasterTile-worker.js?url';
import spatialWorker from '#carto-workers/cartoSpatialTile-worker.js?url';
import vectorWorker from '#carto-workers/cartoVectorTile-worker.js?url';

setWorkerUrl(mapWorker);

export const WORKER_OPTIONS = {
  cartoVectorTile: { workerUrl: vectorWorker },
  cartoSpatialTile: { workerUrl: spatialWorker },
  cartoPropertiesTile: { workerUrl: propertiesWorker },
  cartoRasterTile: { workerUrl: rasterWorker },
  mvt: { workerUrl: mvtWorker },
};
