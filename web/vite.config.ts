// Builds the web UI: workers, fonts and styles come from this folder, nothing from another host.
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.GROMA_DEV_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: [
      {
        // The package hides its tile workers behind `exports`; we serve them ourselves.
        find: '#carto-workers',
        replacement: fileURLToPath(new URL('./node_modules/@deck.gl/carto/dist', import.meta.url)),
      },
    ],
  },
  // Fonts and icons as files, not as data: addresses: the content security policy allows only our own.
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 3500, sourcemap: false },
  worker: { format: 'es' },
  server: {
    port: 5173,
    proxy: Object.fromEntries(
      ['/v3', '/workspace-api', '/basemaps', '/healthz', '/readyz'].map((path) => [path, { target: server }]),
    ),
  },
  test: { include: ['src/**/*.test.{ts,tsx}'], environment: 'node' },
});
