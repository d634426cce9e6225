// Worker scripts that Vite turns into addresses.
declare module '#carto-workers/*' {
  const url: string;
  export default url;
}
declare module 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url' {
  const url: string;
  export default url;
}
declare module '@loaders.gl/mvt/mvt-worker.js?url' {
  const url: string;
  export default url;
}
