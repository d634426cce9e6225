// The published map for everyone who has the link: map first, one line of title, legend, pop-ups.
import { Loader, Popover } from '@mantine/core';
import { IconInfoCircle, IconMapOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type PublicMap, publicMapQuery } from '../../api/maps';
import { ApiError } from '../../lib/problem';
import { TileActivity, useActivity } from '../../map/activity';
import { basemapOf, datasetOf, hasLabels, layersOf, setVisible } from '../../map/document/edit';
import { layerLegend } from '../../map/document/legend';
import { documentFrom } from '../../map/document/repair';
import { LayerStatus } from '../../map/LayerStatus';
import { Legend } from '../../map/Legend';
import { geometryOfTiles, LayerPainter } from '../../map/layers';
import { MapCanvas, type MapHandle, type Picked, type View } from '../../map/MapCanvas';
import { Attribution, ZoomControls } from '../../map/MapControls';
import { Popup } from '../../map/Popup';
import { attributionsOf, useSources } from '../../map/sources';
import { paths } from '../../paths';
import { IconButton } from '../../ui/IconButton';
import { Mark } from '../../ui/Mark';
import { useDocumentTitle } from '../../ui/Page';
import { EmptyState, ErrorState } from '../../ui/States';
import { useFormat } from '../../ui/useFormat';
import styles from './Viewer.module.css';

function Shown({ map }: { map: PublicMap }) {
  const { t } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const search = useSearch({ from: '/map/$id' });
  const handle = useRef<MapHandle>(null);
  const [document, setDocument] = useState(() => documentFrom(map));
  const [picked, setPicked] = useState<Picked | null>(null);
  const [ground, setGround] = useState<string[]>([]);
  const reader = useMemo(() => ({ token: map.token }), [map.token]);
  const [activity] = useState(() => new TileActivity());
  const [painter] = useState(() => new LayerPainter(activity, reader));
  const states = useActivity(activity);
  const layers = layersOf(document);
  const sources = useSources(document.datasets, layers, document.config.filters, reader);
  const [initialView] = useState<View>(() => ({
    ...document.config.mapState,
    ...(search.lat === undefined || search.lon === undefined
      ? {}
      : { latitude: search.lat, longitude: search.lon }),
    ...(search.zoom === undefined ? {} : { zoom: search.zoom }),
  }));

  const words = { noValue: t('popup.noValue'), other: t('legend.other'), locale: format.locale };
  const legends = layers.flatMap((layer) => {
    const dataset = datasetOf(document, layer);
    const source = dataset ? sources[dataset.id] : undefined;
    const geometry = geometryOfTiles(source?.tiles ?? null);
    return source && geometry && !layer.config.legend.isHidden
      ? [layerLegend(layer, geometry, source.stats, words)]
      : [];
  });
  const attributions = attributionsOf(document.datasets, sources);
  const pickedLayer = picked ? layers.find((layer) => layer.id === picked.layerId) : undefined;
  const popup = pickedLayer ? document.config.popupSettings.layers[pickedLayer.id] : undefined;
  const title = document.title || t('maps.untitled');

  return (
    <MapCanvas
      handle={handle}
      basemap={basemapOf(document.config)}
      hasLabels={hasLabels(document.config)}
      label={t('map.of', { title })}
      initialView={initialView}
      layers={(place) => painter.paint(document.config, document.datasets, sources, place)}
      onPick={setPicked}
      onViewChange={(view) => {
        setPicked(null);
        void navigate({
          to: '.',
          search: {
            lat: Number(view.latitude.toFixed(5)),
            lon: Number(view.longitude.toFixed(5)),
            zoom: Number(view.zoom.toFixed(2)),
          } as never,
          replace: true,
        });
      }}
      onAttribution={(next) => setGround((now) => (now.join() === next.join() ? now : next))}
    >
      <header className={styles.title}>
        <h1 className="truncate" title={title}>
          {title}
        </h1>
        {document.description ? (
          <Popover position="bottom-start" width={320}>
            <Popover.Target>
              <IconButton icon={IconInfoCircle} label={t('viewer.about')} />
            </Popover.Target>
            <Popover.Dropdown>
              <p className={styles.description}>{document.description}</p>
            </Popover.Dropdown>
          </Popover>
        ) : null}
      </header>
      <div className={styles.states}>
        {layers
          .filter((layer) => layer.config.isVisible)
          .map((layer) => {
            const source = sources[layer.config.dataId];
            return source ? (
              <div key={layer.id}>
                <LayerStatus
                  activity={states[layer.id]}
                  error={source.error}
                  isLoading={source.isLoading}
                  onRetry={source.retry}
                />
              </div>
            ) : null;
          })}
      </div>
      <Legend
        legends={legends}
        isInitiallyOpen={window.innerWidth > 640}
        onToggleLayer={(layerId, isVisible) => setDocument((now) => setVisible(now, layerId, isVisible))}
      />
      {picked && pickedLayer && popup?.enabled && popup.click?.fields.length ? (
        <Popup
          picked={picked}
          title={pickedLayer.config.label}
          fields={popup.click.fields}
          onClose={() => setPicked(null)}
        />
      ) : null}
      <ZoomControls onZoom={(steps) => handle.current?.zoomBy(steps)} />
      <Attribution basemap={ground} data={attributions} />
    </MapCanvas>
  );
}

export function Viewer() {
  const { t } = useTranslation();
  const { id } = useParams({ from: '/map/$id' });
  const map = useQuery(publicMapQuery(id));
  useDocumentTitle(map.data?.title ?? t('nav.maps'));
  if (map.isPending) {
    return (
      <main className={styles.centre} aria-busy="true">
        <Loader color="accent" size="sm" aria-label={t('viewer.loading')} />
      </main>
    );
  }
  if (map.isError) {
    const isHidden = map.error instanceof ApiError && [401, 403, 404].includes(map.error.status);
    return (
      <main className={styles.centre}>
        <h1 className="visually-hidden">{t('viewer.failed')}</h1>
        {isHidden ? (
          <EmptyState icon={IconMapOff} title={t('viewer.hiddenTitle')} text={t('viewer.hiddenText')} />
        ) : (
          <ErrorState error={map.error} title={t('viewer.failed')} onRetry={() => void map.refetch()} />
        )}
        <a href={paths.home} className={styles.home} aria-label={t('nav.markLabel')}>
          <Mark size={24} />
        </a>
      </main>
    );
  }
  return (
    <main className={styles.viewer}>
      <Shown key={id} map={map.data} />
    </main>
  );
}
