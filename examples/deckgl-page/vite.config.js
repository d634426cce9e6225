// The workers of @deck.gl/carto are not among its exports; this name reaches them.
import {fileURLToPath} from 'node:url';

export default {
  resolve: {alias: [{find: '#carto-workers', replacement: fileURLToPath(new URL('./node_modules/@deck.gl/carto/dist', import.meta.url))}]},
  build: {target: 'es2022'},
  worker: {format: 'es'}
};
