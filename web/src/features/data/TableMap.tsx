// The table on a map, styled as a new layer would be; a click shows a row.
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Table } from '../../api/connections';
import { TileActivity, useActivity } from '../../map/activity';
import { basemapFor } from '../../map/basemaps';
import { mapOfTable } from '../../map/document/fromTable';
import { LayerStatus } from '../../map/LayerStatus';
import { LayerPainter } from '../../map/layers';
import { MapCanvas, type MapHandle, type Picked } from '../../map/MapCanvas';
import { Attribution, ZoomControls } from '../../map/MapControls';
import { Popup } from '../../map/Popup';
import { useSources } from '../../map/sources';
import { useScheme } from '../../ui/useScheme';
import styles from './TablePage.module.css';

const SESSION = { token: null };

export function TableMap({ connection, table }: { connection: string; table: Table }) {
  const { t } = useTranslation();
  const basemap = basemapFor(useScheme());
  const map = useRef<MapHandle>(null);
  const [picked, setPicked] = useState<Picked | null>(null);
  const [ground, setGround] = useState<string[]>([]);
  const document = useMemo(() => mapOfTable(connection, table, basemap), [connection, table, basemap]);
  const [activity] = useState(() => new TileActivity());
  const [painter] = useState(() => new LayerPainter(activity, SESSION));
  const states = useActivity(activity);
  const datasets = document?.datasets ?? [];
  const sources = useSources(datasets, document?.config.visState.layers ?? [], {}, SESSION);
  const dataset = datasets[0];
  const source = dataset ? sources[dataset.id] : undefined;
  if (!document || !dataset || !source) return null;
  const layer = document.config.visState.layers[0]!;

  return (
    <MapCanvas
      handle={map}
      basemap={basemap}
      hasLabels
      label={t('map.of', { title: table.name })}
      initialView={document.config.mapState}
      initialBounds={table.geometry?.bounds ?? null}
      layers={(place) => painter.paint(document.config, datasets, sources, place)}
      onPick={setPicked}
      onViewChange={() => setPicked(null)}
      onAttribution={(next) => setGround((now) => (now.join() === next.join() ? now : next))}
    >
      <div className={styles.status}>
        <LayerStatus
          activity={states[layer.id]}
          error={source.error}
          isLoading={source.isLoading}
          onRetry={source.retry}
        />
      </div>
      {picked ? (
        <Popup
          picked={picked}
          title={layer.config.label}
          fields={document.config.popupSettings.layers[layer.id]?.click?.fields ?? []}
          onClose={() => setPicked(null)}
        />
      ) : null}
      <ZoomControls onZoom={(steps) => map.current?.zoomBy(steps)} />
      <Attribution basemap={ground} data={table.attribution ? [table.attribution] : []} />
    </MapCanvas>
  );
}
